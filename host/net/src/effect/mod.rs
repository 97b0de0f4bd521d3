//! What is done to a node, as data: written to a record before it is done, so that it can be taken back, compared
//! and told to people. The shape is part of a record's format: members are only added, with `#[serde(default)]`,
//! and what an older reader must not ignore is a new variant.

mod class;
mod kind;
mod mac;
mod name;
mod port;
mod sriov;
#[cfg(test)]
mod tests;
mod text;
mod traffic;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Link;

pub use class::Class;
pub use kind::{IpvlanMode, LinkKind, MacvlanMode, PortVlans};
pub use mac::InvalidMac;
pub use port::{Disguise, HostPort, PortMapping, Transport};
pub use sriov::{
    FunctionChange, FunctionRef, InvalidPciAddress, LinkState, PciAddress, Rate, Setting, Vlan, VlanProtocol,
};
pub use traffic::{Apart, Limit, PacketEnd, PolicyRule};
pub(crate) use traffic::{Limited, which};

/// Which of the two namespaces of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Space {
    /// The pod's.
    Sandbox,
    /// The node's, in which we run.
    Host,
}

/// A link that is there. The index is what finds it, the name is for people, since a pod may rename its links.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkRef {
    /// Where it is.
    pub space: Space,
    /// Interface index, unique within its namespace as long as the link lives.
    pub index: u32,
    /// The name that it had.
    pub name: String,
}

impl LinkRef {
    /// A link that was looked at.
    pub fn to(space: Space, link: &Link) -> Self {
        Self { space, index: link.index, name: link.name.clone() }
    }
}

/// A link to be made with exactly these: after a crash they tell whether it is ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewLink {
    /// Where.
    pub space: Space,
    /// Requested interface index.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// Hardware address.
    pub mac: MacAddr,
}

impl NewLink {
    /// Numbers from here on are ours: the kernel does not count up to them by itself on any node.
    pub const FIRST_INDEX: u32 = 1 << 20;
}

/// An Ethernet address; as text `0a:58:0a:01:02:03`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddr(pub [u8; 6]);

/// A route, on a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    /// Where packets go to; `0.0.0.0/0` and `::/0` are default routes.
    pub destination: IpNet,
    /// By which router; `None` if the destination is on the link.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// Preferred source address.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// Metric; `None` leaves it to the kernel.
    #[serde(default)]
    pub metric: Option<u32>,
    /// Routing table; `None` is the main one, 254.
    #[serde(default)]
    pub table: Option<u32>,
    /// Scope as the kernel numbers it (0 universe, 253 link); `None` follows from `gateway`.
    #[serde(default)]
    pub scope: Option<u8>,
    /// Path MTU in bytes.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// Advertised MSS in bytes.
    #[serde(default)]
    pub advmss: Option<u32>,
    /// Believe that `gateway` is on the link even if no address of ours says so.
    #[serde(default)]
    pub onlink: bool,
}

/// What a moved link was before, so that it comes home as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Home {
    /// Its name.
    pub name: String,
    /// Whether it was up.
    pub up: bool,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its hardware address; empty where it has none.
    pub mac: String,
    /// Address of its device on the bus (`0000:03:02.1`), which finds it under any name; `None` for virtual links.
    pub bus_address: Option<String>,
    /// Its further names: those that it gets in the pod stay there.
    #[serde(default)]
    pub alternative_names: Vec<String>,
    /// Whether it received what is for others.
    #[serde(default)]
    pub promiscuous: bool,
    /// Whether it received what is for any group.
    #[serde(default)]
    pub all_multicast: bool,
    /// How many packets may wait in it; older records don't tell.
    #[serde(default)]
    pub tx_queue_length: Option<u32>,
}

impl Home {
    /// Whether it is the link of a device.
    pub fn is_of(&self, address: &PciAddress) -> bool {
        self.bus_address.as_deref() == Some(address.as_str())
    }
}

/// A change of one property of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// Administratively up.
    Up(bool),
    /// MTU in bytes.
    Mtu(u32),
    /// Hardware address.
    Mac(MacAddr),
    /// The bridge that it is a port of, by index in the same namespace.
    Master(Option<u32>),
    /// Receives what is for others.
    Promiscuous(bool),
    /// Receives what is for any group.
    AllMulticast(bool),
    /// How many packets may wait to be sent.
    TxQueueLength(u32),
    /// Port of a bridge: sends back out of the port that a packet came in by.
    Hairpin(bool),
    /// Port of a bridge: no frames to and from others that are so.
    Isolated(bool),
    /// Interface name.
    Name(String),
    /// A further name.
    AlternativeName(String),
}

impl Property {
    /// It would give a link no address, which no driver takes.
    pub(crate) fn is_no_address(&self) -> bool {
        matches!(self, Self::Mac(mac) if mac.is_unset())
    }
}

/// One thing done to the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Two links that are each other's end, made at once in their namespaces. Owned.
    Veth {
        /// The pod's end.
        inside: NewLink,
        /// The node's end, where it is undone.
        outside: NewLink,
        /// MTU of both in bytes.
        mtu: Option<u32>,
    },
    /// A link of some kind. Owned; a shared one ([`LinkKind::is_shared`]) by whoever is the last that uses it.
    Link {
        /// It; where [`LinkKind::has_parents_mac`], with its parent's hardware address.
        link: NewLink,
        /// The link that it is on; `None` for kinds that are on none.
        parent: Option<LinkRef>,
        /// What it is.
        kind: LinkKind,
        /// MTU in bytes, at most its parent's; `None` for that, or for the kernel's choice.
        mtu: Option<u32>,
    },
    /// A bridge on the node, made if it is not there. Ensured.
    Bridge {
        /// Its name, and index and address if it is to be made.
        link: NewLink,
        /// MTU in bytes.
        mtu: Option<u32>,
        /// Whether it tells VLANs apart, if it is to be made.
        #[serde(default)]
        vlans: bool,
    },
    /// Two links of the node that are each other's end, for a bridge that tells VLANs apart; made if the first is not there.
    /// Ensured.
    Pair {
        /// The node's own end: its name, and index and address if it is to be made.
        end: NewLink,
        /// The other end, if it is to be made.
        port: NewLink,
        /// MTU of both in bytes.
        mtu: Option<u32>,
    },
    /// A link is taken from one namespace to the other, under a temporary name, and named `name` there. Modified.
    Move {
        /// Which.
        link: LinkRef,
        /// Where to.
        to: Space,
        /// Its name there.
        name: String,
        /// What it was.
        home: Home,
    },
    /// A property of a link is changed.
    Set {
        /// Which link.
        link: LinkRef,
        /// To what.
        property: Property,
        /// What it was; `None` if the link was made by this attachment: nothing to restore.
        before: Option<Property>,
    },
    /// An address of a link.
    Address {
        /// Which link.
        link: LinkRef,
        /// With the length of its prefix.
        address: IpNet,
        /// The link was there before: take the address off it again. It goes with a link of ours by itself.
        #[serde(default)]
        lasting: bool,
    },
    /// An address that a shared bridge had is taken off it: its gateway is another one now. Ensured.
    NoAddress {
        /// Which link.
        link: LinkRef,
        /// With the length of its prefix.
        address: IpNet,
    },
    /// A route by a link.
    Route {
        /// Which link.
        link: LinkRef,
        /// Which route.
        route: Route,
        /// See [`Effect::Address`].
        #[serde(default)]
        lasting: bool,
    },
    /// A route that was there is taken away: the prefix route of an address for ptp, all of a link that get into a table
    /// of their own.
    NoRoute {
        /// Which link.
        link: LinkRef,
        /// Which route.
        route: Route,
        /// The link was there before: bring the route back.
        #[serde(default)]
        lasting: bool,
    },
    /// What leaves by a link of the node leaves no faster than that (qdisc `tbf`, or classes of `htb`). Owned.
    Limit {
        /// Which link.
        link: LinkRef,
        /// How fast.
        limit: Limit,
        /// Which packets, if not all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        apart: Option<Apart>,
    },
    /// What comes in by a link of the node leaves by another one there, and from there comes in anew (qdisc `ingress`,
    /// `mirred`). Owned.
    Redirect {
        /// By which link it comes.
        link: LinkRef,
        /// By which one it leaves.
        to: LinkRef,
    },
    /// What has a source address is routed by a table of its own, in the pod. Owned.
    PolicyRule {
        /// Which address, which table.
        rule: PolicyRule,
    },
    /// An entry of a link's neighbour table, permanent.
    Neighbour {
        /// Which link.
        link: LinkRef,
        /// Who.
        address: IpAddr,
        /// Its hardware address.
        mac: MacAddr,
    },
    /// VLANs pass by a port of a bridge.
    Vlans {
        /// The port.
        link: LinkRef,
        /// Which.
        vlans: Vec<PortVlans>,
    },
    /// VLANs that a port of a bridge had from the beginning pass no more.
    NoVlans {
        /// The port.
        link: LinkRef,
        /// Which.
        vlans: Vec<PortVlans>,
    },
    /// A kernel setting below `/proc/sys`, `net/ipv4/ip_forward`. On the node: ensured. In the sandbox: modified.
    Sysctl {
        /// Of which namespace.
        space: Space,
        /// Below `/proc/sys`, with slashes.
        key: String,
        /// To what.
        value: String,
        /// What it was.
        before: String,
    },
    /// Packets from an address of the pod that leave for elsewhere get the node's address (nftables). Owned.
    Masquerade {
        /// Tells these rules from all others: unique for the attachment.
        id: String,
        /// The pod's address.
        address: IpAddr,
        /// Its network, whose members see it as it is.
        network: IpNet,
    },
    /// Frames that come in by a port of a bridge with another source address are dropped (nftables). Owned.
    SpoofCheck {
        /// Tells these rules from all others: unique for the attachment.
        id: String,
        /// The port, on the node.
        port: LinkRef,
        /// The only address allowed.
        mac: MacAddr,
    },
    /// What is sent to a port of the node goes to one of the pod (nftables). Owned.
    PortMapping {
        /// Tells these rules from all others: unique for the attachment.
        id: String,
        /// From where to where.
        mapping: PortMapping,
    },
    /// Everybody on the link is told of its addresses (gratuitous ARP, unsolicited neighbour advertisement).
    /// Leaves nothing.
    Announce {
        /// Which link.
        link: LinkRef,
        /// Which addresses.
        addresses: Vec<IpAddr>,
    },
    /// Something of a function of a network card.
    Function(FunctionChange),
}
