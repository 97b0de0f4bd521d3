//! What is done, in order.

use multus_guest::result::Dns;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::host::{Answer, set_if_there};
use multus_guest_cni::{Host, pod};

use crate::conf::Wanted;

/// The link tells everybody of its addresses when it comes up or changes its hardware address.
const TELL: &str = "ipv4/arp_notify";

pub(crate) fn add<H: Host>(host: &H, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(attachment, conf)?;
    let master = master(host, wanted.master)?;
    check_mtu(host, &master, wanted.link.mtu)?;
    let link = host.create_macvlan(&master, &attachment.interface_name, &wanted.link)?;
    let mut result = match wanted.ipam {
        Some(ipam) => with_addresses(host, &link, conf, ipam)?,
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

fn master<H: Host>(host: &H, name: Option<&str>) -> Answer<H::Link> {
    let missing = |what: String| {
        Failure::from(format!(
            "no link of the node that this module may use {what}: look at `ip link`, and at the grant `links`"
        ))
    };
    match name {
        Some(name) => host.find_on_node(name)?.ok_or_else(|| missing(format!("has the name `{name}`"))),
        None => host
            .default_link()?
            .ok_or_else(|| missing("has the default route, and the conf names no `master`".to_owned())),
    }
}

/// The kernel would say no more than that it is invalid.
fn check_mtu<H: Host>(host: &H, master: &H::Link, mtu: Option<u32>) -> Answer<()> {
    let (Some(mtu), info) = (mtu, host.info(master)?) else { return Ok(()) };
    if mtu <= info.mtu {
        return Ok(());
    }
    Err(invalid(format!("the conf's `mtu` is {mtu}, and `{}` has {}: it can't be more", info.name, info.mtu)))
}

fn with_addresses<H: Host>(host: &H, link: &H::Link, conf: &Plugin, ipam: &str) -> Answer<CniResult> {
    let (mut result, leases) = pod::ask_ipam(host, conf, ipam)?;
    set_if_there(host, link, TELL, "1")?;
    pod::give_addresses(host, link, &leases)?;
    pod::add_routes(host, link, &result)?;
    host.announce(link)?;
    result.ips = leases.iter().map(|lease| lease.write(Some(0))).collect();
    Ok(result)
}
