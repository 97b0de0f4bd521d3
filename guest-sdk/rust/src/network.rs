//! The attachment's network namespace, and links.

use serde::Serialize;

use crate::Failure;
pub use crate::host::network::{Link, LinkInfo, Netns, sandbox};
use crate::host::network_edit as edit;
use crate::result::Route;

/// How results name the sandbox ([`crate::result::Interface::sandbox`]).
///
/// # Errors
/// The namespace is gone.
pub fn sandbox_path() -> Result<String, Failure> {
    Ok(sandbox()?.path())
}

/// A setting of the sandbox, `net/ipv4/tcp_syncookies`, or of a link of it that may be changed; takes a grant.
///
/// # Errors
/// The grant is missing, there is no such setting, or the kernel refuses the value.
pub fn set_sysctl(key: &str, value: &str) -> Result<(), Failure> {
    edit::set_sandbox_sysctl(key, value)
}

/// Two links that are each other's end: one in the sandbox, one on the node.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Veth {
    /// In bytes; the kernel's choice if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Of the pod's end; chance's choice if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Of the node's end, which takes a grant; chance's choice if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

impl Veth {
    /// Makes them: the pod's end, and the node's.
    ///
    /// # Errors
    /// The name is taken, or is not the attachment's and was not granted.
    pub fn create(&self, name: &str) -> Result<(Link, Link), Failure> {
        edit::create_veth(name, &text(self))
    }
}

/// A link of the sandbox by way of another one, with a hardware address of its own.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Macvlan {
    /// `bridge`, `private`, `vepa` or `passthru`; `bridge` if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// In bytes; its parent's if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Chance's choice if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// How many broadcasts may wait to be handed to it; the kernel's choice if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
}

impl Macvlan {
    /// Makes it on a link of the node, or of the sandbox, whose name was granted, or on one that may be changed.
    ///
    /// # Errors
    /// The name is taken, or is not the attachment's and was not granted; the parent is a bridge's port.
    pub fn create(&self, parent: &Link, name: &str) -> Result<Link, Failure> {
        edit::create_macvlan(parent, name, &text(self))
    }
}

/// A link of the sandbox of another kind.
#[derive(Debug, Clone, Serialize)]
pub struct NewLink {
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// In bytes; its parent's, or the kernel's choice, if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// If none, its parent's with [`Kind::Ipvlan`] and [`Kind::Vlan`], else chance's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

/// What a link is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Kind {
    /// On its parent, whose hardware address it has.
    Ipvlan {
        /// `l2`, `l3` or `l3s`.
        mode: String,
    },
    /// One VLAN of its parent.
    Vlan {
        /// 0 to 4094.
        id: u16,
    },
    /// On nothing: takes everything and leads nowhere.
    Dummy,
}

impl NewLink {
    /// One that leaves everything else to the host.
    pub fn of(kind: Kind) -> Self {
        Self { kind, mtu: None, mac: None }
    }

    /// Makes it, on a link as [`Macvlan::create`] does; [`Kind::Dummy`] on none.
    ///
    /// # Errors
    /// As [`Macvlan::create`].
    pub fn create(&self, parent: Option<&Link>, name: &str) -> Result<Link, Failure> {
        let kind = match self.kind {
            Kind::Ipvlan { .. } => "ipvlan",
            Kind::Vlan { .. } => "vlan",
            Kind::Dummy => "dummy",
        };
        edit::create_link(kind, parent, name, &text(self))
    }
}

/// A link of the sandbox whose ports have a routing table of their own; goes with the last of them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Vrf {
    /// The table's number; one that no other has if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
}

impl Vrf {
    /// The one of that name, made if it is not there, and its table.
    ///
    /// # Errors
    /// The name was not granted, or something else has it; it is there with another table.
    pub fn ensure(&self, name: &str) -> Result<(Link, u32), Failure> {
        edit::ensure_vrf(name, &text(self))
    }
}

/// VLANs that pass by a bridge's port.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PortVlans {
    /// The one of what has no tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<u16>,
    /// Those with tags.
    pub tagged: Vec<Range>,
    /// Those that the port has already pass no more.
    pub only: bool,
}

/// Numbers of VLANs, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Range {
    /// At least 1.
    pub first: u16,
    /// At most 4094.
    pub last: u16,
}

/// How much may pass by a link; as it likes if none.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Limits {
    /// To the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive: Option<Limit>,
    /// From it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<Limit>,
    /// Of what, if not of everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apart: Option<Apart>,
}

/// Whom the pod speaks with, where that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// `10.0.0.0/8`: what the pod receives from there, and sends there.
    pub subnets: Vec<String>,
    /// Whether that is limited, and the rest passes as it likes; else it is the other way round.
    pub limited: bool,
}

/// How much may pass in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// In bits a second.
    pub rate: u64,
    /// At once after silence, in bits.
    pub burst: u64,
}

/// The routing tables of the sandbox that a rule or a route names.
///
/// # Errors
/// The kernel's refusal.
pub fn routing_tables() -> Result<Vec<u32>, Failure> {
    edit::routing_tables()
}

/// What comes from this address of the attachment is routed by that table.
///
/// # Errors
/// The address is not the attachment's; the table is everybody's.
pub fn add_rule(address: &str, table: u32) -> Result<(), Failure> {
    edit::add_rule(address, table)
}

/// The sandbox's loopback, which is up then.
///
/// # Errors
/// The kernel's refusal.
pub fn bring_up_loopback() -> Result<Link, Failure> {
    edit::bring_up_loopback()
}

pub(crate) fn text(options: &impl Serialize) -> String {
    // Plain data with text for keys can always be written.
    serde_json::to_string(options).unwrap_or_default()
}

/// Every one of them is written to the journal before it is done, and taken back from there.
///
/// # Errors
/// The kernel's refusal, or a grant that is missing, named.
#[allow(clippy::missing_errors_doc, reason = "said once for all of them")]
impl Link {
    /// Takes the link to another namespace, under another name.
    pub fn move_to(&self, to: &Netns, name: &str) -> Result<(), Failure> {
        edit::move_link(self, to, name)
    }

    /// Makes it a port of a bridge.
    pub fn set_master(&self, master: &Link) -> Result<(), Failure> {
        edit::set_master(self, Some(master))
    }

    /// Makes it a port of nothing.
    pub fn unset_master(&self) -> Result<(), Failure> {
        edit::set_master(self, None)
    }

    /// `0a:58:0a:01:02:03`.
    pub fn set_mac(&self, mac: &str) -> Result<(), Failure> {
        edit::set_mac(self, mac)
    }

    /// In bytes.
    pub fn set_mtu(&self, mtu: u32) -> Result<(), Failure> {
        edit::set_mtu(self, mtu)
    }

    /// Administratively up or down.
    pub fn set_up(&self, up: bool) -> Result<(), Failure> {
        edit::set_up(self, up)
    }

    /// Receives what is for others.
    pub fn set_promiscuous(&self, on: bool) -> Result<(), Failure> {
        edit::set_promiscuous(self, on)
    }

    /// Receives what is for any group.
    pub fn set_all_multicast(&self, on: bool) -> Result<(), Failure> {
        edit::set_all_multicast(self, on)
    }

    /// How many packets may wait to be sent; at most a million.
    pub fn set_tx_queue_length(&self, packets: u32) -> Result<(), Failure> {
        edit::set_tx_queue_length(self, packets)
    }

    /// A bridge's port sends back out of the port that a packet came in by.
    pub fn set_hairpin(&self, on: bool) -> Result<(), Failure> {
        edit::set_hairpin(self, on)
    }

    /// A bridge's port exchanges no frames with others that are so.
    pub fn set_isolated(&self, on: bool) -> Result<(), Failure> {
        edit::set_isolated(self, on)
    }

    /// The VLANs that pass by a bridge's port.
    pub fn set_vlans(&self, vlans: &PortVlans) -> Result<(), Failure> {
        edit::set_port_vlans(self, &text(vlans))
    }

    /// `10.1.2.3/24`.
    pub fn add_address(&self, address: &str) -> Result<(), Failure> {
        edit::add_address(self, address)
    }

    /// Off an ensured bridge only.
    pub fn remove_address(&self, address: &str) -> Result<(), Failure> {
        edit::remove_address(self, address)
    }

    /// A route by this link; a default route takes a grant.
    pub fn add_route(&self, route: &Route) -> Result<(), Failure> {
        edit::add_route(self, &text(route))
    }

    /// The same for what [`Route`] has no member for: `src`, `onlink`.
    pub fn add_route_json(&self, route: &serde_json::Value) -> Result<(), Failure> {
        edit::add_route(self, &route.to_string())
    }

    /// The route that the kernel made for the network of an address.
    pub fn remove_prefix_route(&self, address: &str) -> Result<(), Failure> {
        edit::remove_prefix_route(self, address)
    }

    /// A permanent entry of the neighbour table.
    pub fn add_neighbour(&self, address: &str, mac: &str) -> Result<(), Failure> {
        edit::add_neighbour(self, address, mac)
    }

    /// Waits until its IPv6 addresses can be used.
    pub fn settle(&self) -> Result<(), Failure> {
        edit::settle(self)
    }

    /// Tells everybody on the link of its addresses.
    pub fn announce(&self) -> Result<(), Failure> {
        edit::announce(self)
    }

    /// Its routes, of all tables but `local`.
    pub fn routes(&self) -> Result<Vec<serde_json::Value>, Failure> {
        edit::routes(self)?
            .iter()
            .map(|text| {
                serde_json::from_str(text)
                    .map_err(|error| Failure::from(format!("the host's route {text}: {error}")))
            })
            .collect()
    }

    /// Takes one of these away; a default route takes a grant.
    pub fn remove_route(&self, route: &serde_json::Value) -> Result<(), Failure> {
        edit::remove_route(self, &route.to_string())
    }

    /// Limits what it receives and sends. What it sends passes by the answer, a link of the node.
    pub fn limit_bandwidth(&self, limits: &Limits) -> Result<Option<Link>, Failure> {
        edit::limit_bandwidth(self, &text(limits))
    }

    /// `ipv4/arp_notify`; takes a grant.
    pub fn set_sysctl(&self, key: &str, value: &str) -> Result<(), Failure> {
        edit::set_sysctl(self, key, value)
    }
}
