//! A rule: expressions that load something, compare it, and at last say what becomes of the packet.

use std::net::IpAddr;

use ipnet::IpNet;
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

impl Rule {
    pub(super) fn into_expressions(self) -> Attributes {
        self.0
    }

    /// Of this family, with this source address.
    pub(super) fn from(self, address: IpAddr) -> Self {
        let (family, offset) = match address {
            IpAddr::V4(_) => (libc::NFPROTO_IPV4, 12),
            IpAddr::V6(_) => (libc::NFPROTO_IPV6, 8),
        };
        let address = octets(address);
        self.meta(libc::NFT_META_NFPROTO)
            .compare(libc::NFT_CMP_EQ, &[family as u8])
            .load(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, address.len())
            .compare(libc::NFT_CMP_EQ, &address)
    }

    /// To nobody in this network.
    pub(super) fn not_to(self, network: IpNet) -> Self {
        let offset = if network.addr().is_ipv4() { 16 } else { 24 };
        let (address, mask) = (octets(network.network()), octets(network.netmask()));
        self.load(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, address.len())
            .mask(&mask)
            .compare(libc::NFT_CMP_NEQ, &address)
    }

    /// Came in by this link.
    pub(super) fn comes_in_by(self, link: u32) -> Self {
        self.meta(libc::NFT_META_IIF).compare(libc::NFT_CMP_EQ, &link.to_ne_bytes())
    }

    /// Has another source address than this.
    pub(super) fn not_from(self, MacAddr(mac): MacAddr) -> Self {
        self.load(libc::NFT_PAYLOAD_LL_HEADER, ETHERNET_SOURCE, mac.len()).compare(libc::NFT_CMP_NEQ, &mac)
    }

    /// Leaves with the address of the link that it leaves by.
    pub(super) fn masquerade(self) -> Self {
        self.expression("masq", Attributes::default())
    }

    /// Goes nowhere.
    pub(super) fn drop(self) -> Self {
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

    fn expression(self, name: &str, data: Attributes) -> Self {
        let expression = Attributes::default().text(EXPRESSION_NAME, name).nested(EXPRESSION_DATA, data);
        Self(self.0.nested(ELEMENT, expression))
    }
}

fn value(bytes: &[u8]) -> Attributes {
    Attributes::default().bytes(DATA_VALUE, bytes)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
