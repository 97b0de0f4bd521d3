//! What is done, in order.

use ipnet::IpNet;
use multus_guest::result::{Interface, Ip};
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::Host;

pub(crate) fn add(
    host: Host,
    _: &Attachment,
    _: &Plugin,
    prev: Option<&CniResult>,
) -> Result<CniResult, Failure> {
    let loopback = host.bring_up_loopback()?;
    let info = host.info(&loopback)?;
    let addresses: Vec<IpNet> = info.addresses.iter().filter_map(|text| text.parse().ok()).collect();
    if let Some(strange) = addresses.iter().find(|address| !address.addr().is_loopback()) {
        return Err(Failure::from(format!(
            "the pod's `{}` has {strange}, which is no address of a loopback",
            info.name
        )));
    }
    if let Some(prev) = prev {
        return Ok(prev.clone());
    }
    let of_family = |v6: bool| addresses.iter().find(move |address| address.addr().is_ipv6() == v6);
    let ip = |address: &IpNet| Ip { address: address.to_string(), interface: Some(0), ..Ip::default() };
    let interface = Interface {
        name: info.name,
        mac: Some(info.mac),
        sandbox: Some(host.sandbox()?),
        ..Interface::default()
    };
    Ok(CniResult {
        interfaces: vec![interface],
        ips: [false, true].into_iter().filter_map(of_family).map(ip).collect(),
        ..CniResult::default()
    })
}
