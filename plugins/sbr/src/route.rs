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
    let source = source.filter(|source| source.is_ipv6() == is_v6(route) && ip(route, "src").is_none());
    let mut moved = route.as_object().cloned().unwrap_or_default();
    moved.insert("table".to_owned(), json!(table));
    moved.extend(source.map(|source| ("src".to_owned(), json!(source))));
    moved.into()
}

/// Of two such a table has one.
pub(crate) fn place(route: &Value) -> (Value, u64) {
    let usual = if is_v6(route) { USUAL_V6 } else { 0 };
    let priority = route.get("priority").and_then(Value::as_u64);
    (route.get("dst").cloned().unwrap_or_default(), priority.unwrap_or(usual))
}

/// Whether it leads to a router, which another route has to lead to.
pub(crate) fn is_by_gateway(route: &Value) -> bool {
    ip(route, "gw").is_some()
}

fn is_v6(route: &Value) -> bool {
    route.get("dst").and_then(Value::as_str).is_some_and(|dst| dst.contains(':'))
}

fn ip(route: &Value, key: &str) -> Option<IpAddr> {
    route.get(key)?.as_str()?.parse().ok()
}
