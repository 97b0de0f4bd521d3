//! What is done, in order.

use multus_guest::network::Link;
use multus_guest::result::Dns;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::host::Answer;
use multus_guest_cni::result::{self, Lease};
use multus_guest_cni::{Conf, Host, pod};

use crate::device::Device;

pub(crate) fn add(host: Host, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let read = Conf::of(conf);
    let (device, ipam, dns) = (Device::read(&read)?, pod::ipam_type(&read)?, result::dns(&read.at("dns")?)?);
    let link = device.find(host)?;
    if let Some(link) = &link {
        host.move_to_sandbox(link, &attachment.interface_name)?;
    }
    let (mut result, leases) = match ipam {
        Some(ipam) => pod::ask_ipam(host, conf, ipam)?,
        None => Default::default(),
    };
    result.ips = leases.iter().map(|lease| lease.write(link.as_ref().map(|_| 0))).collect();
    if let Some(link) = &link {
        configure(host, link, &result, &leases)?;
        result.interfaces = vec![pod::in_sandbox(host, link)?];
    }
    if dns != Dns::default() {
        result.dns = dns;
    }
    Ok(result)
}

fn configure(host: Host, link: &Link, result: &CniResult, leases: &[Lease]) -> Answer<()> {
    pod::give_addresses(host, link, leases)?;
    pod::add_routes(host, link, result)?;
    if leases.is_empty() { Ok(()) } else { host.announce(link) }
}
