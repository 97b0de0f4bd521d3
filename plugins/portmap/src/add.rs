//! What is done, in order.

use ipnet::IpNet;
use multus_guest::firewall::{Disguise, PortMapping};
use multus_guest::result::Ip;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::host::Answer;
use multus_guest_cni::{Host, result};

use crate::conf::{Port, Wanted};

pub(crate) fn add(
    host: Host,
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(conf)?;
    let result = result::before(prev, "portmap", "leads to what another plugin made")?;
    if wanted.ports.is_empty() {
        return Ok(result);
    }
    let addresses = addresses(&result, &attachment.interface_name)?;
    check_reachable(&wanted.ports, &addresses)?;
    for address in addresses {
        lead(host, &wanted, address, &result)?;
    }
    Ok(result)
}

/// The first address of the pod's link of each family.
fn addresses(result: &CniResult, link: &str) -> Answer<Vec<IpNet>> {
    let mut addresses: Vec<IpNet> = Vec::new();
    for ip in result.ips.iter().filter(|ip| is_of_link(ip, result, link)) {
        let address: IpNet = ip.address.parse().map_err(|_| {
            Failure::new(6, format!("the result before has the address `{}`, which is none", ip.address))
        })?;
        if !addresses.iter().any(|known| known.addr().is_ipv4() == address.addr().is_ipv4()) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// An address of nobody named is taken for the pod's.
fn is_of_link(ip: &Ip, result: &CniResult, link: &str) -> bool {
    let owner = ip.interface.and_then(|at| result.interfaces.get(at));
    owner.is_none_or(|owner| owner.name == link && owner.sandbox.is_some())
}

/// A port that leads nowhere would be one that somebody asked for and did not get.
fn check_reachable(ports: &[Port], addresses: &[IpNet]) -> Answer<()> {
    let leads = |port: &&Port| addresses.iter().any(|address| port.is_of(address.addr().is_ipv4()));
    match ports.iter().find(|port| !leads(port)) {
        None => Ok(()),
        Some(Port { host_ip: Some(address), host_port, .. }) => Err(invalid(format!(
            "port {host_port} of {address} leads nowhere: the pod has no address of that family"
        ))),
        Some(Port { host_port, .. }) => {
            Err(invalid(format!("port {host_port} leads nowhere: the plugin before gave the pod no address")))
        }
    }
}

fn lead(host: Host, wanted: &Wanted, address: IpNet, result: &CniResult) -> Answer<()> {
    let v4 = address.addr().is_ipv4();
    let ports: Vec<_> = wanted.ports.iter().filter(|port| port.is_of(v4)).collect();
    if ports.is_empty() {
        return Ok(());
    }
    if v4 && wanted.disguise != Disguise::Nobody {
        let_loopback_leave(host, result)?;
    }
    for port in ports {
        host.map_port(&PortMapping {
            protocol: port.protocol,
            host_ip: port.host_ip.map(|address| address.to_string()),
            host_port: port.host_port,
            address: address.to_string(),
            container_port: port.container_port,
            disguise: wanted.disguise,
        })?;
    }
    Ok(())
}

/// What the node sends to itself leaves it by the first of its links that the result names: the bridge, or the pod's
/// other end. Without any the pod is not behind the node.
fn let_loopback_leave(host: Host, result: &CniResult) -> Answer<()> {
    match result.interfaces.iter().find(|link| link.sandbox.as_ref().is_none_or(String::is_empty)) {
        Some(link) => host.ensure_sysctl(&format!("net/ipv4/conf/{}/route_localnet", link.name), "1"),
        None => Ok(()),
    }
}
