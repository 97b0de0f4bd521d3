//! What is done, in order.

use multus_guest::result::Dns;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::result::Lease;
use multus_guest_cni::{Host, pod};

use crate::conf::{Addresses, Wanted};

pub(crate) fn add(
    host: Host,
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(conf, prev)?;
    let master = wanted.master.find(host)?;
    let link = host.create_link(Some(&master), &attachment.interface_name, &wanted.link)?;
    let (result, leases) = match wanted.addresses {
        Addresses::Ipam(ipam) => pod::ask_ipam(host, conf, ipam)?,
        Addresses::Before(before) => (before.clone(), Lease::of(before)?),
    };
    pod::tell_neighbours(host, &link)?;
    let mut result = pod::configure_as(host, &link, result, &leases)?;
    result.interfaces = vec![pod::in_sandbox(host, &link)?];
    if wanted.dns != Dns::default() {
        result.dns = wanted.dns;
    }
    Ok(result)
}
