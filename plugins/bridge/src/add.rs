//! What is done, in order.

use multus_guest::network::{Link, Veth};
use multus_guest::node::Bridge;
use multus_guest::result::Dns;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::host::{Answer, set_if_there};
use multus_guest_cni::result::Lease;
use multus_guest_cni::{Host, pod};

use crate::conf::Wanted;
use crate::gateway;

/// Router advertisements of a pod must not change the node's routes.
const ACCEPT_ROUTERS: &str = "ipv6/accept_ra";
/// The pod's end tells everybody of its addresses when it comes up or changes its hardware address.
const TELL: &str = "ipv4/arp_notify";
/// Duplicate address detection.
const DETECT: &str = "ipv6/accept_dad";
/// Place of the pod's end in the result.
const POD_END: usize = 2;

/// The three links of an attachment.
struct Links {
    bridge: Link,
    node_end: Link,
    pod_end: Link,
    /// The node's own end in the pod's VLAN, where that has a gateway.
    vlan_end: Option<Link>,
}

pub(crate) fn add(host: Host, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(attachment, conf)?;
    let bridge = bridge(host, &wanted)?;
    let mut links = plug_in(host, bridge, &wanted, &attachment.interface_name)?;
    let mut result = match wanted.ipam {
        Some(ipam) => {
            let (result, leases) = pod::ask_ipam(host, conf, ipam)?;
            with_addresses(host, &mut links, &wanted, result, leases)?
        }
        None if wanted.down => CniResult::default(),
        None => {
            host.set_up(&links.pod_end)?;
            CniResult::default()
        }
    };
    // Asked for last: what was done may have changed the bridge's hardware address.
    result.interfaces = vec![
        pod::on_node(host, &links.bridge)?,
        pod::on_node(host, &links.node_end)?,
        pod::in_sandbox(host, &links.pod_end)?,
    ];
    if let Some(vlan_end) = &links.vlan_end {
        result.interfaces.push(pod::on_node(host, vlan_end)?);
    }
    if wanted.dns != Dns::default() {
        result.dns = wanted.dns;
    }
    Ok(result)
}

fn bridge(host: Host, wanted: &Wanted<'_>) -> Answer<Link> {
    let asked = Bridge { mtu: wanted.mtu, mac: None, vlans: wanted.vlans.is_some() };
    let bridge = host.ensure_bridge(wanted.bridge, &asked)?;
    set_if_there(host, &bridge, ACCEPT_ROUTERS, "0")?;
    if wanted.promiscuous {
        host.set_promiscuous(&bridge)?;
    }
    if !host.info(&bridge)?.up {
        host.set_up(&bridge)?;
    }
    Ok(bridge)
}

fn plug_in(host: Host, bridge: Link, wanted: &Wanted<'_>, name: &str) -> Answer<Links> {
    let veth = Veth { mtu: wanted.mtu, mac: wanted.mac.clone(), host_name: None };
    let (pod_end, node_end) = host.create_veth(name, &veth)?;
    set_if_there(host, &node_end, ACCEPT_ROUTERS, "0")?;
    host.set_master(&node_end, &bridge)?;
    if wanted.hairpin {
        host.set_hairpin(&node_end)?;
    }
    if wanted.isolated {
        host.set_isolated(&node_end)?;
    }
    if let Some(vlans) = &wanted.vlans {
        host.set_vlans(&node_end, vlans)?;
    }
    if wanted.spoof_check {
        host.spoof_check(&node_end, &host.info(&pod_end)?.mac)?;
    }
    host.set_up(&node_end)?;
    Ok(Links { bridge, node_end, pod_end, vlan_end: None })
}

/// The bridge itself is in its own VLAN alone.
fn vlan_end(host: Host, bridge: &Link, vlan: u16) -> Answer<Link> {
    let end = host.ensure_vlan_end(bridge, vlan)?;
    set_if_there(host, &end, ACCEPT_ROUTERS, "0")?;
    Ok(end)
}

/// Configures the pod's end, and the node as its gateway.
fn with_addresses(
    host: Host,
    links: &mut Links,
    wanted: &Wanted<'_>,
    mut result: CniResult,
    mut leases: Vec<Lease>,
) -> Answer<CniResult> {
    if wanted.gateway {
        gateway::choose(&mut leases);
    }
    if wanted.default_gateway {
        gateway::add_default_routes(&mut result, &leases);
    }
    result.ips = leases.iter().map(|lease| lease.write(Some(POD_END))).collect();
    set_if_there(host, &links.pod_end, DETECT, if wanted.detect_duplicates { "1" } else { "0" })?;
    set_if_there(host, &links.pod_end, TELL, "1")?;
    pod::give_addresses(host, &links.pod_end, &leases)?;
    pod::add_routes(host, &links.pod_end, &result)?;
    if wanted.gateway {
        if let Some(vlan) = wanted.vlans.as_ref().and_then(|vlans| vlans.native) {
            links.vlan_end = Some(vlan_end(host, &links.bridge, vlan)?);
        }
        let gateway = links.vlan_end.as_ref().unwrap_or(&links.bridge);
        gateway::give_addresses(host, gateway, &leases, wanted.force_address)?;
        pod::forward(host, &leases)?;
    }
    if wanted.masquerade {
        leases.iter().try_for_each(|lease| host.masquerade(lease.address))?;
    }
    host.announce(&links.pod_end)?;
    Ok(result)
}
