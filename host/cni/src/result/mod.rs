//! What an ADD returns (CNI 1.1.0, section 5; CNI-15), in every version of the specification.

mod check;
mod document;
mod routes;
mod wire;

use serde::{Deserialize, Serialize};

pub use document::ResultDocument;

/// A result, as the newest version knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CniResult {
    /// Links made, inside and outside of the container.
    pub interfaces: Vec<Interface>,
    /// Addresses given.
    pub ips: Vec<Ip>,
    /// Routes made.
    pub routes: Vec<Route>,
    /// Name resolution for the container.
    pub dns: Dns,
}

impl CniResult {
    /// Where a route of this result leads: one without a gateway of its own uses the first that an address of its
    /// family has. None if it leads to whoever is on the link.
    pub fn gateway_of(&self, route: &Route) -> Option<String> {
        let of_addresses = || {
            let mut gateways = self.ips.iter().filter(|ip| ip.is_v6() == route.is_v6());
            gateways.find_map(|ip| ip.gateway.clone())
        };
        route.gw.clone().or_else(of_addresses)
    }
}

/// One link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its MTU (1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The namespace that it is in; none or empty for the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// A socket to it, for vhost-user and the like (1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_path: Option<String>,
    /// Its PCI address (1.1.0).
    #[serde(rename = "pciID", skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
}

impl Interface {
    /// Whether it is inside the container.
    pub fn in_sandbox(&self) -> bool {
        self.sandbox.as_ref().is_some_and(|path| !path.is_empty())
    }
}

/// One address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Ip {
    /// Address and prefix length, `10.0.0.2/24`.
    pub address: String,
    /// The gateway of its subnet.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::empty_is_none")]
    pub gateway: Option<String>,
    /// Index into [`CniResult::interfaces`].
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::negative_is_none")]
    pub interface: Option<usize>,
}

impl Ip {
    /// Whether it is an IPv6 address.
    pub fn is_v6(&self) -> bool {
        self.address.contains(':')
    }
}

/// One route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Route {
    /// Where to, `0.0.0.0/0`.
    pub dst: String,
    /// By way of; none for the gateway of the address.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "wire::empty_is_none")]
    pub gw: Option<String>,
    /// MTU along it (1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Largest segment to advertise along it (1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
    /// Its metric (1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// Its table (1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// Its scope (1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<u32>,
}

impl Route {
    /// Whether it is for IPv6.
    pub fn is_v6(&self) -> bool {
        self.dst.contains(':')
    }

    /// Whether it is a default route, of either family, in the table that is asked first (254, `main`).
    pub fn is_main_default(&self) -> bool {
        matches!(self.table, None | Some(0 | 254)) && self.is_default()
    }

    fn is_default(&self) -> bool {
        self.dst == "0.0.0.0/0"
            || self.dst.split_once('/').is_some_and(|(dst, length)| {
                length == "0" && dst.parse::<std::net::IpAddr>().is_ok_and(|dst| dst.is_unspecified())
            })
    }
}

/// Name resolution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// Addresses of name servers.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::null_is_default")]
    pub nameservers: Vec<String>,
    /// The local domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Domains to search.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::null_is_default")]
    pub search: Vec<String>,
    /// Options of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "wire::null_is_default")]
    pub options: Vec<String>,
}
