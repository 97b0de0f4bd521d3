//! What is done, in order.

use multus_guest::network::Link;
use multus_guest::result::{Dns, Interface};
use multus_guest::sriov::{Details, VirtualFunction};
use multus_guest::{Attachment, CniResult, Failure, Plugin, log};
use multus_guest_cni::host::{Answer, FunctionSetting, set_if_there};
use multus_guest_cni::result::Lease;
use multus_guest_cni::{Host, pod};

use crate::conf::{Source, Wanted};

/// The link tells everybody of its addresses when it comes up or changes its hardware address.
const TELL: [(&str, bool); 2] = [("ipv4/arp_notify", false), ("ipv6/ndisc_notify", true)];
const DRIVER: &str = "vfio-pci";

pub(crate) fn add(host: Host, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(attachment, conf)?;
    let function = match wanted.source {
        Source::Device => host.function()?,
        Source::Of(card) => host.pick_function(card)?,
    };
    set_up(host, &function, &wanted)?;
    let details = host.function_details(&function)?;
    let name = wanted.name.unwrap_or(&attachment.interface_name);
    let link = host.function_link(&function)?;
    match &link {
        Some(link) => {
            host.move_to_sandbox(link, name)?;
            wanted.mtu.map_or(Ok(()), |mtu| host.set_mtu(link, mtu))?;
        }
        None => without_link(&details, &wanted)?,
    }
    let (mut result, leases) = match wanted.ipam {
        Some(ipam) => pod::ask_ipam(host, conf, ipam)?,
        None => Default::default(),
    };
    result.ips = leases.iter().map(|lease| lease.write(Some(0))).collect();
    let interface = match &link {
        Some(link) => {
            configure(host, link, &result, &leases)?;
            pod::in_sandbox(host, link)?
        }
        None => Interface {
            name: name.to_owned(),
            mac: wanted.mac.clone(),
            sandbox: Some(host.sandbox()?),
            ..Interface::default()
        },
    };
    result.interfaces = vec![Interface { pci_id: Some(details.address), ..interface }];
    if wanted.dns != Dns::default() {
        result.dns = wanted.dns;
    }
    Ok(result)
}

fn set_up(host: Host, function: &VirtualFunction, wanted: &Wanted<'_>) -> Answer<()> {
    let trusted = |setting: &&FunctionSetting<'_>| **setting == FunctionSetting::Trust(true);
    // It may have another address once it is trusted.
    for setting in wanted.settings.iter().filter(trusted) {
        host.set_function(function, setting)?;
    }
    if let Some(mac) = &wanted.mac {
        host.set_function(function, &FunctionSetting::Mac(mac))?;
    }
    for setting in wanted.settings.iter().filter(|setting| !trusted(setting)) {
        host.set_function(function, setting)?;
    }
    match wanted.for_programs {
        true => host.set_function(function, &FunctionSetting::Driver(DRIVER)),
        false => Ok(()),
    }
}

/// A function that a program drives is used as it is; one without a driver is of no use.
fn without_link(details: &Details, wanted: &Wanted<'_>) -> Answer<()> {
    let Details { address, physical, driver, userspace, .. } = details;
    if !userspace {
        let driver = driver.as_deref().unwrap_or("none");
        return Err(Failure::from(format!(
            "virtual function {address} of `{physical}` has no link on the node (driver {driver}): is it in a namespace \
             still? The end of that one brings it home"
        )));
    }
    if wanted.mtu.is_some() {
        log::warn(&format!("`mtu` is up to the program that drives {address}"));
    }
    Ok(())
}

fn configure(host: Host, link: &Link, result: &CniResult, leases: &[Lease]) -> Answer<()> {
    for (key, v6) in TELL {
        if leases.iter().any(|lease| lease.is_v6() == v6) {
            set_if_there(host, link, key, "1")?;
        }
    }
    pod::give_addresses(host, link, leases)?;
    pod::add_routes(host, link, result)?;
    if leases.is_empty() { Ok(()) } else { host.announce(link) }
}
