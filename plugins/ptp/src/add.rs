//! What is done, in order.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::network::{Link, Veth};
use multus_guest::result::Dns;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::host::{Answer, set_if_there};
use multus_guest_cni::result::Lease;
use multus_guest_cni::{Host, pod};

use crate::conf::{Wanted, gateways};
use crate::routes;

/// Router advertisements of a pod must not change the node's routes.
const ACCEPT_ROUTERS: &str = "ipv6/accept_ra";
/// Place of the pod's end in the result.
const POD_END: usize = 1;

pub(crate) fn add(host: Host, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(conf)?;
    let (mut result, leases) = pod::ask_ipam(host, conf, wanted.ipam)?;
    let gateways = gateways(&leases)?;
    pod::forward(host, &leases)?;

    let veth = Veth { mtu: wanted.mtu, ..Veth::default() };
    let (pod_end, node_end) = host.create_veth(&attachment.interface_name, &veth)?;
    set_if_there(host, &node_end, ACCEPT_ROUTERS, "0")?;
    host.set_up(&node_end)?;
    pod::give_addresses(host, &pod_end, &leases)?;
    route_by_gateways(host, &pod_end, &leases, &gateways)?;
    pod::add_routes(host, &pod_end, &result)?;
    be_gateway(host, &node_end, &leases, &gateways)?;
    if wanted.masquerade {
        leases.iter().try_for_each(|lease| host.masquerade(lease.address))?;
    }
    host.announce(&pod_end)?;

    result.ips = leases.iter().map(|lease| lease.write(Some(POD_END))).collect();
    result.interfaces = vec![pod::on_node(host, &node_end)?, pod::in_sandbox(host, &pod_end)?];
    if wanted.dns != Dns::default() {
        result.dns = wanted.dns;
    }
    Ok(result)
}

/// Nobody of the pod's network is on its link, so the kernel's route to that network goes, and one by the gateway takes
/// its place. Of several addresses in a network the first one leads there.
fn route_by_gateways(host: Host, pod_end: &Link, leases: &[Lease], gateways: &[IpAddr]) -> Answer<()> {
    let mut made = Vec::new();
    for (lease, gateway) in leases.iter().zip(gateways) {
        host.remove_prefix_route(pod_end, lease.address)?;
        for route in routes::of_pod(lease, *gateway) {
            let destination = route.get("dst").cloned();
            if !made.contains(&destination) {
                host.add_route(pod_end, &route)?;
                made.push(destination);
            }
        }
    }
    Ok(())
}

/// The node's end has the gateways' addresses, and a route to each of the pod's.
fn be_gateway(host: Host, node_end: &Link, leases: &[Lease], gateways: &[IpAddr]) -> Answer<()> {
    let mut given = Vec::new();
    for (lease, gateway) in leases.iter().zip(gateways) {
        if !given.contains(gateway) {
            host.add_address(node_end, IpNet::from(*gateway))?;
            given.push(*gateway);
        }
        host.add_route(node_end, &routes::of_node(lease))?;
    }
    Ok(())
}
