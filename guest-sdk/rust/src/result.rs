//! CNI results as authors write and read them, in the form of 1.1.0. The host converts to and from the version that the
//! configuration names; what that can't say is left out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version in which results pass between the host and a component.
pub const VERSION: &str = "1.1.0";

/// What an ADD made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CniResult {
    /// The version of this form.
    pub cni_version: String,
    /// Links, inside and outside of the sandbox.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// Addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<Ip>,
    /// Routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Name resolution.
    pub dns: Dns,
    /// Members that are not known here; they pass through.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for CniResult {
    fn default() -> Self {
        Self {
            cni_version: VERSION.to_owned(),
            interfaces: Vec::new(),
            ips: Vec::new(),
            routes: Vec::new(),
            dns: Dns::default(),
            other: Map::new(),
        }
    }
}

/// A link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// In bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The namespace that it is in, [`crate::network::sandbox_path`]; none for the node's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// Its PCI address.
    #[serde(rename = "pciID", skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
    /// Members that are not known here; they pass through.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// An address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ip {
    /// With the length of its prefix, `10.1.2.3/24`.
    pub address: String,
    /// The gateway of its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Place in [`CniResult::interfaces`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
    /// Members that are not known here; they pass through.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Route {
    /// Where to.
    pub dst: String,
    /// By which router; none for the gateway of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gw: Option<String>,
    /// Path MTU in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Advertised MSS in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
    /// Metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// Routing table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// As the kernel numbers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<u8>,
    /// Members that are not known here; they pass through.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Name resolution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// Addresses of name servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// The local domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Domains to search.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Members that are not known here; they pass through.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_passes_through() {
        let text = r#"{"cniVersion":"1.1.0","interfaces":[{"name":"net1","socketPath":"/run/v","x":[1]}],"ips":[{"address":"10.0.0.2/24","x":2}],"routes":[{"dst":"0.0.0.0/0","x":{}}],"dns":{"x":null},"vendor":{"n":1}}"#;
        let result: CniResult = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&result).unwrap(), text);
    }
}
