//! Rules for packets on the node that belong to the attachment. Each kind takes a grant.

use serde::Serialize;

use crate::Failure;
use crate::host::firewall;

pub use firewall::{masquerade, spoof_check};

/// A port of the node that leads to one of the attachment's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// Whose port it is.
    pub protocol: Protocol,
    /// The node's address; all of them if none.
    #[serde(rename = "hostIP", skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// The node's port.
    pub host_port: u16,
    /// The attachment's address, with its prefix length: `10.1.2.3/24`.
    pub address: String,
    /// The attachment's port.
    pub container_port: u16,
    /// Who gets the node's address.
    pub disguise: Disguise,
}

/// A protocol that has ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Whom the node's address hides from the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disguise {
    /// Nobody: who is in the pod's network, itself included, gets no answer by the node.
    Nobody,
    /// The pod, its network, and the node's loopback.
    Neighbours,
    /// Everybody.
    Everybody,
}

impl PortMapping {
    /// Makes it so, until the attachment ends.
    ///
    /// # Errors
    /// The grant is missing, the address is not the attachment's, or somebody has the port.
    pub fn make(&self) -> Result<(), Failure> {
        firewall::map_port(&serde_json::to_string(self).unwrap_or_default())
    }
}
