//! Routes, as the host tells them and takes them.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest_cni::result::Lease;
use serde_json::{Value, json};

/// The kernel's metric of an IPv6 route that says none.
const USUAL_V6: u64 = 1024;

/// The default route by an address's gateway.
pub(crate) fn default(lease: &Lease) -> Option<Value> {
    let dst = if lease.is_v6() { "::/0" } else { "0.0.0.0/0" };
    lease.gateway.map(|gateway| json!({ "dst": dst, "gw": gateway }))
}

/// Whether a route of the link is of this address's network; one that names neither source nor gateway is of all.
pub(crate) fn is_of(route: &Value, address: IpNet) -> bool {
    let (source, gateway) = (ip(route, "src"), ip(route, "gw"));
    let named = || [source, gateway].into_iter().flatten();
    named().count() == 0 || named().any(|named| address.contains(&named))
}

/// The same in another table.
pub(crate) fn moved(route: &Value, table: u32, source: Option<IpAddr>) -> Value {
    let mut route = route.clone();
    route["table"] = json!(table);
    let v6 = route["dst"].as_str().unwrap_or_default().contains(':');
    if let Some(source) = source.filter(|source| source.is_ipv6() == v6 && ip(&route, "src").is_none()) {
        route["src"] = json!(source);
    }
    route
}

/// Of two such a table has one.
pub(crate) fn place(route: &Value) -> (Value, u64) {
    let v6 = route["dst"].as_str().unwrap_or_default().contains(':');
    let usual = if v6 { USUAL_V6 } else { 0 };
    (route["dst"].clone(), route["priority"].as_u64().unwrap_or(usual))
}

/// Whether it leads to a router, which another route has to lead to.
pub(crate) fn is_by_gateway(route: &Value) -> bool {
    ip(route, "gw").is_some()
}

fn ip(route: &Value, key: &str) -> Option<IpAddr> {
    route[key].as_str()?.parse().ok()
}
