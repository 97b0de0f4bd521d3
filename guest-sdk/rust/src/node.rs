//! The node's own links, as far as they were granted.

use serde::Serialize;

use crate::Failure;
use crate::host::node;
pub use crate::host::node::{default_link, find_device, host};
use crate::network::{Link, text};

/// A bridge of the node, shared by all attachments.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Bridge {
    /// In bytes, if it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// If it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// It tells VLANs apart.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vlans: bool,
}

/// An end of the node's own in a VLAN of a bridge that was ensured, as its gateway there: `cni0.100`, made if it is not there,
/// and up.
///
/// # Errors
/// The bridge tells no VLANs apart, or something else has the name.
pub fn ensure_vlan_end(bridge: &Link, vlan: u16) -> Result<Link, Failure> {
    node::ensure_vlan_end(bridge, vlan)
}

impl Bridge {
    /// The bridge of that name, made if it is not there.
    ///
    /// # Errors
    /// The name was not granted, or something else has it.
    pub fn ensure(&self, name: &str) -> Result<Link, Failure> {
        node::ensure_bridge(name, &text(self))
    }
}
