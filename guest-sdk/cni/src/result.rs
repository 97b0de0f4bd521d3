//! CNI results, in the three shapes that they have had.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::Failure;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::conf::invalid;
use crate::{Args, Conf};

/// What an ADD returns, as the newest version has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CniResult {
    /// Links made, inside and outside of the container.
    pub interfaces: Vec<Interface>,
    /// Addresses given.
    pub ips: Vec<Ip>,
    /// Routes made.
    pub routes: Vec<Route>,
    /// Name resolution.
    pub dns: Dns,
}

/// One link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub mac: String,
    /// In bytes (1.1.0).
    pub mtu: Option<u32>,
    /// The namespace that it is in; `None` for the node's.
    pub sandbox: Option<String>,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ip {
    /// With the length of its prefix.
    pub address: IpNet,
    /// The gateway of its network.
    pub gateway: Option<IpAddr>,
    /// Index into [`CniResult::interfaces`].
    pub interface: Option<usize>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub dst: IpNet,
    /// By way of; `None` for the gateway of the address.
    #[serde(default, deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub gw: Option<IpAddr>,
    /// What versions from 1.1.0 on say besides: `mtu`, `advmss`, `priority`, `table`, `scope`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Name resolution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// Addresses of name servers.
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// The local domain.
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Domains to search.
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options of the resolver.
    #[serde(deserialize_with = "null_is_none", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}
