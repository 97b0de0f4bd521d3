//! A rule: expressions that load something, compare it, and at last say what becomes of the packet.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nix::libc;

use super::encode::Attributes;
use crate::effect::{HostPort, MacAddr, Transport};

// Kinds of attributes, of `<linux/netfilter/nf_tables.h>`.
const ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;
const META_TARGET: u16 = 1;
const META_KEY: u16 = 2;
const COMPARE_SOURCE: u16 = 1;
const COMPARE_HOW: u16 = 2;
const COMPARE_WITH: u16 = 3;
const PAYLOAD_TARGET: u16 = 1;
const PAYLOAD_BASE: u16 = 2;
const PAYLOAD_OFFSET: u16 = 3;
const PAYLOAD_LENGTH: u16 = 4;
const BITWISE_SOURCE: u16 = 1;
const BITWISE_TARGET: u16 = 2;
const BITWISE_LENGTH: u16 = 3;
const BITWISE_MASK: u16 = 4;
const BITWISE_FLIP: u16 = 5;
const LOOKUP_SET: u16 = 1;
const LOOKUP_SOURCE: u16 = 2;
const LOOKUP_TARGET: u16 = 3;
const IMMEDIATE_TARGET: u16 = 1;
const IMMEDIATE_DATA: u16 = 2;
const FIB_TARGET: u16 = 1;
const FIB_RESULT: u16 = 2;
const FIB_FLAGS: u16 = 3;
const TRACK_TARGET: u16 = 1;
const TRACK_KEY: u16 = 2;
const TRACK_DIRECTION: u16 = 3;
const NAT_TYPE: u16 = 1;
const NAT_FAMILY: u16 = 2;
const NAT_ADDRESS: u16 = 3;
const NAT_PORT: u16 = 5;

/// Of an address that it is the node's own (`RTN_LOCAL`).
const LOCAL: u32 = libc::RTN_LOCAL as u32;
/// Of a flow that it goes elsewhere than it was sent to (`IPS_DST_NAT`).
const REDIRECTED: u32 = 1 << 5;
/// What the routes say: of which kind the destination is.
const KIND_OF_ADDRESS: i32 = 3;
const OF_DESTINATION: i32 = 1 << 1;
/// As flows begin, before anything is changed (`IP_CT_DIR_ORIGINAL`).
const AS_SENT: u8 = 0;

/// The register that all of them use, and the one for the packet's fate.
const REGISTER: i32 = libc::NFT_REG_1;
const FATE: i32 = libc::NFT_REG_VERDICT;
/// A second one, and the quarters of the first, which follow each other: what is in them is one key to a map.
const SECOND: i32 = libc::NFT_REG_2;
const QUARTERS: [i32; 3] = [libc::NFT_REG32_00, libc::NFT_REG32_01, libc::NFT_REG32_02];

/// Whom the node speaks to itself from.
pub(super) const LOOPBACK: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8));

/// Where the source address of an Ethernet frame is.
const ETHERNET_SOURCE: i32 = 6;
/// Where the port that a packet is for is, in all protocols that have one.
const TARGET_PORT: i32 = 2;

/// Expressions, evaluated one after the other until one does not hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule(Attributes);

/// Packets that leave `network`, and are not for several, get the node's address.
pub(crate) fn masquerade(network: IpNet) -> Rule {
    let multicast = match network {
        IpNet::V4(_) => IpNet::V4(Ipv4Net::new_assert([224, 0, 0, 0].into(), 4)),
        IpNet::V6(_) => IpNet::V6(Ipv6Net::new_assert([0xff00, 0, 0, 0, 0, 0, 0, 0].into(), 8)),
    };
    Rule::default().not_to(network).not_to(multicast).expression("masq", Attributes::default())
}

/// Frames from another address than `mac` go nowhere.
pub(crate) fn spoof_check(mac: MacAddr) -> Rule {
    Rule::default().not_from(mac).drop()
}

/// What is sent to a port of the node goes there.
pub(crate) fn lead(to: SocketAddr) -> Rule {
    let family = family(to.ip());
    let nat = Attributes::default()
        .number(NAT_TYPE, libc::NFT_NAT_DNAT)
        .number(NAT_FAMILY, family)
        .number(NAT_ADDRESS, REGISTER)
        .number(NAT_PORT, SECOND);
    Rule::default()
        .set(REGISTER, &octets(to.ip()))
        .set(SECOND, &to.port().to_be_bytes())
        .expression("nat", nat)
}

/// What was sent to a port of the node, and is on its way to where that leads, gets the node's address; with `near`, if
/// it is from there.
pub(crate) fn disguise(sent_to: &HostPort, near: Option<IpNet>) -> Rule {
    let mut rule = Rule::default()
        .track(libc::NFT_CT_STATUS, None)
        .has(&REDIRECTED.to_ne_bytes())
        .meta(libc::NFT_META_L4PROTO, REGISTER)
        .compare(libc::NFT_CMP_EQ, &[protocol(sent_to.protocol)])
        .track(libc::NFT_CT_PROTO_DST, Some(AS_SENT))
        .compare(libc::NFT_CMP_EQ, &sent_to.port.to_be_bytes());
    if !sent_to.is_any() {
        let key = if sent_to.is_v4() { libc::NFT_CT_DST_IP } else { libc::NFT_CT_DST_IP6 };
        rule = rule.track(key, Some(AS_SENT)).compare(libc::NFT_CMP_EQ, &octets(sent_to.address));
    }
    if let Some(network) = near {
        rule = rule.comes_from(network);
    }
    rule.expression("masq", Attributes::default())
}

impl Rule {
    pub(super) fn into_expressions(self) -> Attributes {
        self.0
    }

    /// A packet of this family goes where a map says for its source address.
    pub(super) fn by_source(family: libc::c_int, map: &str) -> Self {
        let offset = if family == libc::NFPROTO_IPV4 { 12 } else { 8 };
        Self::of_family(family).header(offset, address_length(family), REGISTER).choose(map, REGISTER)
    }

    /// The same for its destination.
    pub(super) fn by_target(family: libc::c_int, map: &str) -> Self {
        Self::of_family(family)
            .header(target_offset(family), address_length(family), REGISTER)
            .choose(map, REGISTER)
    }

    /// A packet to an address of the node goes where a map says for protocol and port, or for these and the address.
    pub(super) fn by_host_port(family: libc::c_int, map: &str, with_address: bool) -> Self {
        let [protocol, port, address] = QUARTERS;
        let rule = Self::of_family(family).local().meta(libc::NFT_META_L4PROTO, protocol).load(
            libc::NFT_PAYLOAD_TRANSPORT_HEADER,
            TARGET_PORT,
            2,
            port,
        );
        let rule = if with_address {
            rule.header(target_offset(family), address_length(family), address)
        } else {
            rule
        };
        rule.choose(map, protocol)
    }

    /// A packet of this family.
    fn of_family(family: libc::c_int) -> Self {
        Self::default().meta(libc::NFT_META_NFPROTO, REGISTER).compare(libc::NFT_CMP_EQ, &[family as u8])
    }

    /// To an address of the node.
    fn local(self) -> Self {
        let fib = Attributes::default()
            .number(FIB_TARGET, REGISTER)
            .number(FIB_RESULT, KIND_OF_ADDRESS)
            .number(FIB_FLAGS, OF_DESTINATION);
        self.expression("fib", fib).compare(libc::NFT_CMP_EQ, &LOCAL.to_ne_bytes())
    }

    /// What is known of the flow, as it was sent or in general.
    fn track(self, key: i32, direction: Option<u8>) -> Self {
        let mut track = Attributes::default().number(TRACK_TARGET, REGISTER).number(TRACK_KEY, key);
        if let Some(direction) = direction {
            track = track.bytes(TRACK_DIRECTION, &[direction]);
        }
        self.expression("ct", track)
    }

    /// Has one of these bits.
    fn has(self, bits: &[u8]) -> Self {
        self.mask(bits).compare(libc::NFT_CMP_NEQ, &vec![0; bits.len()])
    }

    fn set(self, register: i32, bytes: &[u8]) -> Self {
        let immediate =
            Attributes::default().number(IMMEDIATE_TARGET, register).nested(IMMEDIATE_DATA, value(bytes));
        self.expression("immediate", immediate)
    }

    /// A frame goes where a map says for the link that it came in by.
    pub(super) fn by_port(map: &str) -> Self {
        Self::default().meta(libc::NFT_META_IIF, REGISTER).choose(map, REGISTER)
    }

    /// To nobody in this network.
    fn not_to(self, network: IpNet) -> Self {
        let (address, mask) = (octets(network.network()), octets(network.netmask()));
        self.header(target_offset(family(network.addr())), address.len(), REGISTER)
            .mask(&mask)
            .compare(libc::NFT_CMP_NEQ, &address)
    }

    /// From somebody in this network.
    fn comes_from(self, network: IpNet) -> Self {
        let offset = if network.addr().is_ipv4() { 12 } else { 8 };
        let (address, mask) = (octets(network.network()), octets(network.netmask()));
        self.header(offset, address.len(), REGISTER).mask(&mask).compare(libc::NFT_CMP_EQ, &address)
    }

    /// Has another source address than this.
    fn not_from(self, MacAddr(mac): MacAddr) -> Self {
        self.load(libc::NFT_PAYLOAD_LL_HEADER, ETHERNET_SOURCE, mac.len(), REGISTER)
            .compare(libc::NFT_CMP_NEQ, &mac)
    }

    fn drop(self) -> Self {
        let verdict = Attributes::default().number(VERDICT_CODE, libc::NF_DROP);
        let data = Attributes::default().nested(DATA_VERDICT, verdict);
        let immediate = Attributes::default().number(IMMEDIATE_TARGET, FATE).nested(IMMEDIATE_DATA, data);
        self.expression("immediate", immediate)
    }

    fn meta(self, key: i32, register: i32) -> Self {
        self.expression("meta", Attributes::default().number(META_TARGET, register).number(META_KEY, key))
    }

    fn header(self, offset: i32, length: usize, register: i32) -> Self {
        self.load(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, length, register)
    }

    fn load(self, base: i32, offset: i32, length: usize, register: i32) -> Self {
        let payload = Attributes::default()
            .number(PAYLOAD_TARGET, register)
            .number(PAYLOAD_BASE, base)
            .number(PAYLOAD_OFFSET, offset)
            .number(PAYLOAD_LENGTH, length as i32);
        self.expression("payload", payload)
    }

    fn mask(self, mask: &[u8]) -> Self {
        let bitwise = Attributes::default()
            .number(BITWISE_SOURCE, REGISTER)
            .number(BITWISE_TARGET, REGISTER)
            .number(BITWISE_LENGTH, mask.len() as i32)
            .nested(BITWISE_MASK, value(mask))
            .nested(BITWISE_FLIP, value(&vec![0; mask.len()]));
        self.expression("bitwise", bitwise)
    }

    fn compare(self, how: i32, with: &[u8]) -> Self {
        let compare = Attributes::default()
            .number(COMPARE_SOURCE, REGISTER)
            .number(COMPARE_HOW, how)
            .nested(COMPARE_WITH, value(with));
        self.expression("cmp", compare)
    }

    fn choose(self, map: &str, register: i32) -> Self {
        let lookup = Attributes::default()
            .text(LOOKUP_SET, map)
            .number(LOOKUP_SOURCE, register)
            .number(LOOKUP_TARGET, FATE);
        self.expression("lookup", lookup)
    }

    fn expression(self, name: &str, data: Attributes) -> Self {
        let expression = Attributes::default().text(EXPRESSION_NAME, name).nested(EXPRESSION_DATA, data);
        Self(self.0.nested(ELEMENT, expression))
    }
}

pub(super) fn value(bytes: &[u8]) -> Attributes {
    Attributes::default().bytes(DATA_VALUE, bytes)
}

/// On to another chain, and back.
pub(super) fn jump(chain: &str) -> Attributes {
    let verdict = Attributes::default().number(VERDICT_CODE, libc::NFT_JUMP).text(VERDICT_CHAIN, chain);
    Attributes::default().nested(DATA_VERDICT, verdict)
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// A protocol's number.
pub(super) fn protocol(protocol: Transport) -> u8 {
    let number = match protocol {
        Transport::Tcp => libc::IPPROTO_TCP,
        Transport::Udp => libc::IPPROTO_UDP,
        Transport::Sctp => libc::IPPROTO_SCTP,
    };
    number as u8
}

fn family(address: IpAddr) -> libc::c_int {
    if address.is_ipv4() { libc::NFPROTO_IPV4 } else { libc::NFPROTO_IPV6 }
}

fn target_offset(family: libc::c_int) -> i32 {
    if family == libc::NFPROTO_IPV4 { 16 } else { 24 }
}

fn address_length(family: libc::c_int) -> usize {
    if family == libc::NFPROTO_IPV4 { 4 } else { 16 }
}
