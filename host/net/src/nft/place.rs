//! Where rules are: each pod's in a chain of its own, which a map leads to, so that neither a packet nor a look passes
//! by those of others.
//!
//! ```text
//! table inet multus {
//!     map source4 { type ipv4_addr : verdict; elements = { 10.1.0.2 : jump source-10.1.0.2 } }
//!     map source6 { type ipv6_addr : verdict }
//!     map target4 { type ipv4_addr : verdict; elements = { 10.1.0.2 : jump target-10.1.0.2 } }
//!     map target6 { type ipv6_addr : verdict }
//!     chain postrouting {
//!         type nat hook postrouting priority srcnat; policy accept;
//!         ip saddr vmap @source4
//!         ip6 saddr vmap @source6
//!         ip daddr vmap @target4
//!         ip6 daddr vmap @target6
//!     }
//!     chain source-10.1.0.2 { ip daddr != 10.1.0.0/24 ip daddr != 224.0.0.0/4 masquerade comment "…" }
//!     chain target-10.1.0.2 {
//!         ct status dnat meta l4proto tcp ct original proto-dst 8080 ip saddr 10.1.0.0/24 masquerade comment "…"
//!     }
//!     map hostport4 { type inet_proto . inet_service : verdict; elements = { tcp . 8080 : jump tcp-0.0.0.0-8080 } }
//!     map hostport-at4 { type inet_proto . inet_service . ipv4_addr : verdict }
//!     chain prerouting {                                      # and output, for the node's own packets
//!         type nat hook prerouting priority dstnat; policy accept;
//!         fib daddr type local meta l4proto . th dport . ip daddr vmap @hostport-at4
//!         fib daddr type local meta l4proto . th dport vmap @hostport4
//!     }                                                       # the same for IPv6
//!     chain tcp-0.0.0.0-8080 { dnat ip to 10.1.0.2:80 comment "…" }
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
use super::rule::{Rule, jump, octets, protocol, value};
use super::{COMMENT, HEADER, header, request};
use crate::attribute::attributes;
use crate::effect::HostPort;
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
const DATA_VALUE: u16 = 1;

/// A map, from what to verdicts.
#[derive(Debug)]
struct Map {
    name: &'static str,
    /// As `nft` numbers types; the kernel keeps it for `nft`.
    kind: i32,
    length: i32,
    by: By,
}

/// What of a packet is looked up in a map.
#[derive(Debug, Clone, Copy)]
enum By {
    /// Its source address, in packets of a family.
    Source(libc::c_int),
    /// Its destination.
    Target(libc::c_int),
    /// The link that it came in by.
    Port,
    /// Protocol and port, of packets to the node.
    HostPort(libc::c_int),
    /// These and the address.
    HostPortAt(libc::c_int),
}

/// A chain that the kernel calls, which leads on to those of the pods.
#[derive(Debug)]
struct Hook {
    chain: &'static str,
    kind: &'static str,
    number: libc::c_int,
    priority: libc::c_int,
}

/// A part of a table: chains that the kernel calls, each with a rule for each map.
#[derive(Debug)]
struct Table {
    family: libc::c_int,
    hooks: &'static [Hook],
    maps: &'static [Map],
}

const V4: libc::c_int = libc::NFPROTO_IPV4;
const V6: libc::c_int = libc::NFPROTO_IPV6;

// Types as `nft` numbers them; what is made of several has six bits for each.
const IPV4: i32 = 7;
const IPV6: i32 = 8;
const LINK: i32 = 20;
const PROTOCOL_AND_PORT: i32 = 12 << 6 | 13;

/// For packets that were routed, when their source may be changed (`srcnat`).
const ROUTED: Table = Table {
    family: libc::NFPROTO_INET,
    hooks: &[Hook {
        chain: "postrouting",
        kind: "nat",
        number: libc::NF_INET_POST_ROUTING,
        priority: libc::NF_IP_PRI_NAT_SRC,
    }],
    maps: &[
        Map { name: "source4", kind: IPV4, length: 4, by: By::Source(V4) },
        Map { name: "source6", kind: IPV6, length: 16, by: By::Source(V6) },
        Map { name: "target4", kind: IPV4, length: 4, by: By::Target(V4) },
        Map { name: "target6", kind: IPV6, length: 16, by: By::Target(V6) },
    ],
};

/// For packets to the node, when their destination may be changed (`dstnat`): those that come in, and the node's own. What
/// is said of one address goes before what is said of all.
const ARRIVING: Table = Table {
    family: libc::NFPROTO_INET,
    hooks: &[
        Hook {
            chain: "prerouting",
            kind: "nat",
            number: libc::NF_INET_PRE_ROUTING,
            priority: libc::NF_IP_PRI_NAT_DST,
        },
        Hook {
            chain: "output",
            kind: "nat",
            number: libc::NF_INET_LOCAL_OUT,
            priority: libc::NF_IP_PRI_NAT_DST,
        },
    ],
    maps: &[
        Map {
            name: HOST_PORT_AT[0],
            kind: PROTOCOL_AND_PORT << 6 | IPV4,
            length: 12,
            by: By::HostPortAt(V4),
        },
        Map {
            name: HOST_PORT_AT[1],
            kind: PROTOCOL_AND_PORT << 6 | IPV6,
            length: 24,
            by: By::HostPortAt(V6),
        },
        Map { name: HOST_PORT[0], kind: PROTOCOL_AND_PORT, length: 8, by: By::HostPort(V4) },
        Map { name: HOST_PORT[1], kind: PROTOCOL_AND_PORT, length: 8, by: By::HostPort(V6) },
    ],
};

const HOST_PORT_AT: [&str; 2] = ["hostport-at4", "hostport-at6"];
const HOST_PORT: [&str; 2] = ["hostport4", "hostport6"];

/// For frames, before a bridge looks at them, and before everybody else's rules.
const BRIDGED: Table = Table {
    family: libc::NFPROTO_BRIDGE,
    hooks: &[Hook {
        chain: "prerouting",
        kind: "filter",
        number: libc::NF_BR_PRE_ROUTING,
        priority: libc::NF_BR_PRI_NAT_DST_BRIDGED,
    }],
    maps: &[Map { name: "port", kind: LINK, length: 4, by: By::Port }],
};

impl Table {
    fn body(&self, attributes: Attributes) -> Vec<u8> {
        [&header(self.family, 0)[..], &attributes.into_bytes()].concat()
    }

    /// Makes all of it that does not depend on a pod, whether it is there or not.
    fn ensure(&self) -> Vec<Request> {
        let new = |message, attributes| request(message, libc::NLM_F_CREATE, self.body(attributes));
        let mut requests = vec![new(libc::NFT_MSG_NEWTABLE, Attributes::default().text(TABLE_NAME, TABLE))];
        for hook in self.hooks {
            requests.push(new(libc::NFT_MSG_NEWCHAIN, hook.attributes()));
            // Rules have no names: those that were there go, and come again with the same breath.
            requests.push(request(libc::NFT_MSG_DELRULE, 0, self.body(self.rules(hook.chain))));
        }
        requests.extend((1..).zip(self.maps).map(|(id, map)| new(libc::NFT_MSG_NEWSET, map.attributes(id))));
        for hook in self.hooks {
            requests.extend(self.maps.iter().map(|map| {
                let rule = self.rules(hook.chain).nested(RULE_EXPRESSIONS, map.way().into_expressions());
                request(libc::NFT_MSG_NEWRULE, libc::NLM_F_CREATE | libc::NLM_F_APPEND, self.body(rule))
            }));
        }
        requests
    }

    /// The rules of a chain.
    fn rules(&self, chain: &str) -> Attributes {
        Attributes::default().text(RULE_TABLE, TABLE).text(RULE_CHAIN, chain)
    }
}

impl Hook {
    fn attributes(&self) -> Attributes {
        let hook =
            Attributes::default().number(HOOK_NUMBER, self.number).number(HOOK_PRIORITY, self.priority);
        Attributes::default()
            .text(CHAIN_TABLE, TABLE)
            .text(CHAIN_NAME, self.chain)
            .nested(CHAIN_HOOK, hook)
            .text(CHAIN_TYPE, self.kind)
    }
}

impl Map {
    /// What leads on to the chains of pods.
    fn way(&self) -> Rule {
        match self.by {
            By::Source(family) => Rule::by_source(family, self.name),
            By::Target(family) => Rule::by_target(family, self.name),
            By::Port => Rule::by_port(self.name),
            By::HostPort(family) => Rule::by_host_port(family, self.name, false),
            By::HostPortAt(family) => Rule::by_host_port(family, self.name, true),
        }
    }

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
        Self { table: &ROUTED, map, key: octets(address), chain: named(&format!("source-{address}")) }
    }

    /// For packets to an address.
    pub(crate) fn target(address: IpAddr) -> Self {
        let map = if address.is_ipv4() { "target4" } else { "target6" };
        Self { table: &ROUTED, map, key: octets(address), chain: named(&format!("target-{address}")) }
    }

    /// For packets to a port of the node.
    pub(crate) fn host_port(port: &HostPort) -> Self {
        let of_family = |[v4, v6]: [&'static str; 2]| if port.is_v4() { v4 } else { v6 };
        let mut key = host_port_key(port);
        let map = if port.is_any() {
            of_family(HOST_PORT)
        } else {
            key.extend(octets(port.address));
            of_family(HOST_PORT_AT)
        };
        let chain = named(&format!("{}-{}-{}", port.protocol, port.address, port.port));
        Self { table: &ARRIVING, map, key, chain }
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

/// `nft` takes a colon for the end of a name.
fn named(name: &str) -> String {
    name.replace(':', "_")
}

/// The question for the ports of single addresses.
pub(super) fn ports_at(v4: bool) -> Vec<u8> {
    let [of_v4, of_v6] = HOST_PORT_AT;
    let set =
        Attributes::default().text(ELEMENTS_TABLE, TABLE).text(ELEMENTS_SET, if v4 { of_v4 } else { of_v6 });
    ARRIVING.body(set)
}

/// The addresses in an answer to [`ports_at`] of which it is this port.
pub(super) fn addresses_of(port: &HostPort, body: &[u8]) -> Vec<IpAddr> {
    let inner =
        |data, wanted| attributes(data).filter(move |(kind, _)| *kind == wanted).map(|(_, value)| value);
    let lists = body.get(HEADER..).into_iter().flat_map(|data| inner(data, ELEMENTS));
    let elements = lists.flat_map(|list| inner(list, LIST_ELEMENT));
    let keys =
        elements.flat_map(|element| inner(element, ELEMENT_KEY)).flat_map(|key| inner(key, DATA_VALUE));
    let prefix = host_port_key(port);
    keys.filter_map(|key| address(key.strip_prefix(prefix.as_slice())?)).collect()
}

/// Each part of a key begins at a multiple of four bytes.
fn host_port_key(port: &HostPort) -> Vec<u8> {
    let [high, low] = port.port.to_be_bytes();
    vec![protocol(port.protocol), 0, 0, 0, high, low, 0, 0]
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// A rule's data: entries of a type, a length and a value.
pub(super) fn userdata(comment: &str) -> Vec<u8> {
    let length = u8::try_from(comment.len() + 1).unwrap_or(u8::MAX);
    [&[COMMENT, length], comment.as_bytes(), &[0]].concat()
}
