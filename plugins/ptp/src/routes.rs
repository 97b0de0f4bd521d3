//! The routes of a link on which everybody is behind the other end.

use std::net::IpAddr;

use multus_guest_cni::result::Lease;
use serde_json::{Value, json};

/// Scopes as the kernel numbers them.
const LINK: u8 = 253;
const HOST: u8 = 254;

/// On the pod's end: first to the gateway, then by it to the network.
pub(crate) fn of_pod(lease: &Lease, gateway: IpAddr) -> [Value; 2] {
    let source = lease.address.addr();
    let mut to_gateway = json!({ "dst": alone(gateway), "src": source });
    scoped(&mut to_gateway, lease, LINK);
    [to_gateway, json!({ "dst": lease.address.trunc().to_string(), "gw": gateway, "src": source })]
}

/// On the node's end: to the pod's address.
pub(crate) fn of_node(lease: &Lease) -> Value {
    let mut to_pod = json!({ "dst": alone(lease.address.addr()) });
    scoped(&mut to_pod, lease, HOST);
    to_pod
}

/// IPv6 routes have no scope.
fn scoped(route: &mut Value, lease: &Lease, scope: u8) {
    if let (false, Some(members)) = (lease.is_v6(), route.as_object_mut()) {
        members.insert("scope".to_owned(), json!(scope));
    }
}

/// An address as a network of its own.
fn alone(address: IpAddr) -> String {
    ipnet::IpNet::from(address).to_string()
}
