//! A rule: expressions that load something, compare it, and at last say what becomes of the packet.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nix::libc;

use super::encode::Attributes;
use crate::effect::MacAddr;

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

/// The register that all of them use, and the one for the packet's fate.
const REGISTER: i32 = libc::NFT_REG_1;
const FATE: i32 = libc::NFT_REG_VERDICT;

/// Where the source address of an Ethernet frame is.
const ETHERNET_SOURCE: i32 = 6;

/// Expressions, evaluated one after the other until one does not hold.
#[derive(Debug, Default)]
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

impl Rule {
    pub(super) fn into_expressions(self) -> Attributes {
        self.0
    }

    /// A packet of this family goes where a map says for its source address.
    pub(super) fn by_source(family: libc::c_int, map: &str) -> Self {
        let (offset, length) = if family == libc::NFPROTO_IPV4 { (12, 4) } else { (8, 16) };
        Self::default()
            .meta(libc::NFT_META_NFPROTO)
            .compare(libc::NFT_CMP_EQ, &[family as u8])
            .load(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, length)
            .choose(map)
    }

    /// A frame goes where a map says for the link that it came in by.
    pub(super) fn by_port(map: &str) -> Self {
        Self::default().meta(libc::NFT_META_IIF).choose(map)
    }

    /// To nobody in this network.
    fn not_to(self, network: IpNet) -> Self {
        let offset = if network.addr().is_ipv4() { 16 } else { 24 };
        let (address, mask) = (octets(network.network()), octets(network.netmask()));
        self.load(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, address.len())
            .mask(&mask)
            .compare(libc::NFT_CMP_NEQ, &address)
    }

    /// Has another source address than this.
    fn not_from(self, MacAddr(mac): MacAddr) -> Self {
        self.load(libc::NFT_PAYLOAD_LL_HEADER, ETHERNET_SOURCE, mac.len()).compare(libc::NFT_CMP_NEQ, &mac)
    }

    fn drop(self) -> Self {
        let verdict = Attributes::default().number(VERDICT_CODE, libc::NF_DROP);
        let data = Attributes::default().nested(DATA_VERDICT, verdict);
        let immediate = Attributes::default().number(IMMEDIATE_TARGET, FATE).nested(IMMEDIATE_DATA, data);
        self.expression("immediate", immediate)
    }

    fn meta(self, key: i32) -> Self {
        self.expression("meta", Attributes::default().number(META_TARGET, REGISTER).number(META_KEY, key))
    }

    fn load(self, base: i32, offset: i32, length: usize) -> Self {
        let payload = Attributes::default()
            .number(PAYLOAD_TARGET, REGISTER)
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

    fn choose(self, map: &str) -> Self {
        let lookup = Attributes::default()
            .text(LOOKUP_SET, map)
            .number(LOOKUP_SOURCE, REGISTER)
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
