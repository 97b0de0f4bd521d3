//! Where rules are: each pod's in a chain of its own, which a map leads to, so that neither a packet nor a look passes
//! by those of others.
//!
//! ```text
//! table inet multus {
//!     map source4 { type ipv4_addr : verdict; elements = { 10.1.0.2 : jump source-10.1.0.2 } }
//!     map source6 { type ipv6_addr : verdict }
//!     chain postrouting {
//!         type nat hook postrouting priority srcnat; policy accept;
//!         ip saddr vmap @source4
//!         ip6 saddr vmap @source6
//!     }
//!     chain source-10.1.0.2 { ip daddr != 10.1.0.0/24 ip daddr != 224.0.0.0/4 masquerade comment "…" }
//! }
//! table bridge multus {
//!     map port { type iface_index : verdict; elements = { "veth1" : jump port-1048577 } }
//!     chain prerouting { type filter hook prerouting priority dstnat; policy accept; iif vmap @port }
//!     chain port-1048577 { ether saddr != 0a:58:0a:01:00:02 drop comment "…" }
//! }
//! ```

use std::net::IpAddr;

use nix::libc;

use super::encode::Attributes;
use super::rule::{Rule, jump, octets, value};
use super::{COMMENT, header, request};
use crate::netlink::Request;

const TABLE: &str = "multus";

// Kinds of attributes, of `<linux/netfilter/nf_tables.h>`.
const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
pub(super) const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
pub(super) const RULE_USERDATA: u16 = 7;
const SET_TABLE: u16 = 1;
const SET_NAME: u16 = 2;
const SET_FLAGS: u16 = 3;
const SET_KEY_TYPE: u16 = 4;
const SET_KEY_LENGTH: u16 = 5;
const SET_DATA_TYPE: u16 = 6;
const SET_ID: u16 = 10;
const ELEMENTS_TABLE: u16 = 1;
const ELEMENTS_SET: u16 = 2;
const ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_DATA: u16 = 2;

/// A map, from what to verdicts.
#[derive(Debug)]
struct Map {
    name: &'static str,
    /// As `nft` numbers types; the kernel keeps it for `nft`.
    kind: i32,
    length: i32,
}

/// A table with the chain that leads on to those of the pods.
#[derive(Debug)]
struct Table {
    family: libc::c_int,
    chain: &'static str,
    kind: &'static str,
    hook: libc::c_int,
    priority: libc::c_int,
    maps: &'static [Map],
}

/// For packets that were routed, when their source may be changed (`srcnat`).
const ROUTED: Table = Table {
    family: libc::NFPROTO_INET,
    chain: "postrouting",
    kind: "nat",
    hook: libc::NF_INET_POST_ROUTING,
    priority: libc::NF_IP_PRI_NAT_SRC,
    maps: &[Map { name: "source4", kind: 7, length: 4 }, Map { name: "source6", kind: 8, length: 16 }],
};

/// For frames, before a bridge looks at them, and before everybody else's rules.
const BRIDGED: Table = Table {
    family: libc::NFPROTO_BRIDGE,
    chain: "prerouting",
    kind: "filter",
    hook: libc::NF_BR_PRE_ROUTING,
    priority: libc::NF_BR_PRI_NAT_DST_BRIDGED,
    maps: &[Map { name: "port", kind: 20, length: 4 }],
};

impl Table {
    /// What leads on to the chains of pods.
    fn ways(&self) -> Vec<Rule> {
        match self.maps {
            [port] => vec![Rule::by_port(port.name)],
            [v4, v6] => {
                vec![
                    Rule::by_source(libc::NFPROTO_IPV4, v4.name),
                    Rule::by_source(libc::NFPROTO_IPV6, v6.name),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn body(&self, attributes: Attributes) -> Vec<u8> {
        [&header(self.family, 0)[..], &attributes.into_bytes()].concat()
    }

    /// Makes all of it that does not depend on a pod, whether it is there or not.
    fn ensure(&self) -> Vec<Request> {
        let new = |message, attributes| request(message, libc::NLM_F_CREATE, self.body(attributes));
        let hook = Attributes::default().number(HOOK_NUMBER, self.hook).number(HOOK_PRIORITY, self.priority);
        let chain = Attributes::default()
            .text(CHAIN_TABLE, TABLE)
            .text(CHAIN_NAME, self.chain)
            .nested(CHAIN_HOOK, hook)
            .text(CHAIN_TYPE, self.kind);
        let mut requests = vec![
            new(libc::NFT_MSG_NEWTABLE, Attributes::default().text(TABLE_NAME, TABLE)),
            new(libc::NFT_MSG_NEWCHAIN, chain),
            // Rules have no names: those that were there go, and come again with the same breath.
            request(libc::NFT_MSG_DELRULE, 0, self.body(self.rules(self.chain))),
        ];
        requests.extend((1..).zip(self.maps).map(|(id, map)| new(libc::NFT_MSG_NEWSET, map.attributes(id))));
        requests.extend(self.ways().into_iter().map(|rule| {
            let rule = self.rules(self.chain).nested(RULE_EXPRESSIONS, rule.into_expressions());
            request(libc::NFT_MSG_NEWRULE, libc::NLM_F_CREATE | libc::NLM_F_APPEND, self.body(rule))
        }));
        requests
    }

    /// The rules of a chain.
    fn rules(&self, chain: &str) -> Attributes {
        Attributes::default().text(RULE_TABLE, TABLE).text(RULE_CHAIN, chain)
    }
}

impl Map {
    fn attributes(&self, id: i32) -> Attributes {
        Attributes::default()
            .text(SET_TABLE, TABLE)
            .text(SET_NAME, self.name)
            .number(SET_FLAGS, libc::NFT_SET_MAP)
            .number(SET_KEY_TYPE, self.kind)
            .number(SET_KEY_LENGTH, self.length)
            .number(SET_DATA_TYPE, libc::NFT_DATA_VERDICT as i32)
            .number(SET_ID, id)
    }
}

/// A chain of one pod's, and what leads to it.
#[derive(Debug)]
pub(crate) struct Place {
    table: &'static Table,
    map: &'static str,
    key: Vec<u8>,
    chain: String,
}

impl Place {
    /// For packets from an address.
    pub(crate) fn source(address: IpAddr) -> Self {
        let map = if address.is_ipv4() { "source4" } else { "source6" };
        // `nft` takes a colon for the end of a name.
        let chain = format!("source-{address}").replace(':', "_");
        Self { table: &ROUTED, map, key: octets(address), chain }
    }

    /// For frames that come in by a link.
    pub(crate) fn port(index: u32) -> Self {
        Self {
            table: &BRIDGED,
            map: "port",
            key: index.to_ne_bytes().to_vec(),
            chain: format!("port-{index}"),
        }
    }

    /// Whether rules of both are in one chain.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.chain == other.chain
    }

    /// The question for its rules.
    pub(super) fn rules(&self) -> Vec<u8> {
        self.table.body(self.table.rules(&self.chain))
    }

    /// Makes what all pods share.
    pub(super) fn ensure(&self) -> Vec<Request> {
        self.table.ensure()
    }

    /// Adds a rule, the chain if it is not there, and the way to it.
    pub(super) fn add(&self, comment: &[u8], rule: Rule) -> Vec<Request> {
        let new = |message, flags, body| request(message, libc::NLM_F_CREATE | flags, body);
        let rule = self
            .table
            .rules(&self.chain)
            .nested(RULE_EXPRESSIONS, rule.into_expressions())
            .bytes(RULE_USERDATA, comment);
        vec![
            new(libc::NFT_MSG_NEWCHAIN, 0, self.own_chain()),
            new(libc::NFT_MSG_NEWRULE, libc::NLM_F_APPEND, self.table.body(rule)),
            new(libc::NFT_MSG_NEWSETELEM, 0, self.element(Some(jump(&self.chain)))),
        ]
    }

    /// Deletes the rules with these handles.
    pub(super) fn delete(&self, handles: &[u64]) -> Vec<Request> {
        let delete = |handle: &u64| {
            let rule = self.table.rules(&self.chain).bytes(RULE_HANDLE, &handle.to_be_bytes());
            request(libc::NFT_MSG_DELRULE, 0, self.table.body(rule))
        };
        handles.iter().map(delete).collect()
    }

    /// Deletes the chain and the way to it, if no rule is left in it.
    pub(super) fn close(&self) -> Vec<Request> {
        vec![
            request(libc::NFT_MSG_DELSETELEM, 0, self.element(None)),
            request(libc::NFT_MSG_DELCHAIN, libc::NLM_F_NONREC, self.own_chain()),
        ]
    }

    fn own_chain(&self) -> Vec<u8> {
        self.table.body(Attributes::default().text(CHAIN_TABLE, TABLE).text(CHAIN_NAME, &self.chain))
    }

    fn element(&self, data: Option<Attributes>) -> Vec<u8> {
        let mut element = Attributes::default().nested(ELEMENT_KEY, value(&self.key));
        if let Some(data) = data {
            element = element.nested(ELEMENT_DATA, data);
        }
        let list = Attributes::default().nested(LIST_ELEMENT, element);
        let elements = Attributes::default()
            .text(ELEMENTS_TABLE, TABLE)
            .text(ELEMENTS_SET, self.map)
            .nested(ELEMENTS, list);
        self.table.body(elements)
    }
}

/// A rule's data: entries of a type, a length and a value.
pub(super) fn userdata(comment: &str) -> Vec<u8> {
    let length = u8::try_from(comment.len() + 1).unwrap_or(u8::MAX);
    [&[COMMENT, length], comment.as_bytes(), &[0]].concat()
}
