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
}

impl Macvlan {
    /// Makes it on a link of the node whose name was granted, or on one that may be changed.
    ///
    /// # Errors
    /// The name is taken, or is not the attachment's and was not granted; the parent is a bridge's port.
    pub fn create(&self, parent: &Link, name: &str) -> Result<Link, Failure> {
        edit::create_macvlan(parent, name, &text(self))
    }
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

    /// `ipv4/arp_notify`; takes a grant.
    pub fn set_sysctl(&self, key: &str, value: &str) -> Result<(), Failure> {
        edit::set_sysctl(self, key, value)
    }
}
