//! What is done, in order.

use multus_guest::result::Dns;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::{Host, master, pod};

use crate::conf::Wanted;

pub(crate) fn add(host: Host, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(attachment, conf)?;
    let master = wanted.master.find(host)?;
    master::check_mtu(host, &master, wanted.link.mtu)?;
    let link = host.create_macvlan(&master, &attachment.interface_name, &wanted.link)?;
    let mut result = match wanted.ipam {
        Some(ipam) => {
            let (result, leases) = pod::ask_ipam(host, conf, ipam)?;
            pod::tell_neighbours(host, &link)?;
            pod::configure_as(host, &link, result, &leases)?
        }
        None => {
            host.set_up(&link)?;
            CniResult::default()
        }
    };
    result.interfaces = vec![pod::in_sandbox(host, &link)?];
    if wanted.dns != Dns::default() {
        result.dns = wanted.dns;
    }
    Ok(result)
}
