//! What is done, in order.

use multus_guest::network::{Kind, NewLink};
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::{Conf, Host, pod};

pub(crate) fn add(host: Host, attachment: &Attachment, conf: &Plugin) -> Result<CniResult, Failure> {
    let ipam = pod::ipam_type(&Conf::of(conf))?.ok_or_else(|| {
        invalid("the conf has no `ipam`: a link that leads nowhere is good for its addresses alone")
    })?;
    let link = host.create_link(None, &attachment.interface_name, &NewLink::of(Kind::Dummy))?;
    let (mut result, leases) = pod::ask_ipam(host, conf, ipam)?;
    pod::give_addresses(host, &link, &leases)?;
    pod::add_routes(host, &link, &result)?;
    result.ips = leases.iter().map(|lease| lease.write(Some(0))).collect();
    result.interfaces = vec![pod::in_sandbox(host, &link)?];
    Ok(result)
}
