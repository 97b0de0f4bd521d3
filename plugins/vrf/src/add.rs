//! What is done, in order.

use ipnet::IpNet;
use multus_guest::network::{Link, Vrf};
use multus_guest::result::Route;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::host::Answer;
use multus_guest_cni::{Conf, Host, result};
use serde_json::json;

pub(crate) fn add(
    host: Host,
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
) -> Result<CniResult, Failure> {
    let keys = Conf::of(conf);
    let name = keys.at("vrfname")?.text()?.ok_or_else(|| invalid("the conf has no `vrfname`"))?;
    let wanted = Vrf { table: keys.at("table")?.number()? };
    let prev = result::before(prev, "vrf", "is about the link of another plugin")?;
    let own = &attachment.interface_name;
    let link = host
        .find_in_sandbox(own)?
        .ok_or_else(|| Failure::from(format!("the pod has no link `{own}`: the plugin before made none")))?;
    let (vrf, table) = host.ensure_vrf(name, &wanted)?;
    if !host.info(&vrf)?.up {
        host.set_up(&vrf)?;
    }
    let before = addresses(host, &link)?;
    host.set_master(&link, &vrf)?;
    give_back(host, &link, &before)?;
    for route in &prev.routes {
        let route = Route { table: Some(table), ..result::by_gateway(route, &prev) };
        // What leads to a neighbour of the link the kernel makes by itself.
        if route.gw.is_some() {
            host.add_route(&link, &json!(route))?;
        }
    }
    Ok(prev)
}

fn addresses(host: Host, link: &Link) -> Answer<Vec<IpNet>> {
    let info = host.info(link)?;
    let all = info.addresses.iter().filter_map(|text| text.parse::<IpNet>().ok());
    Ok(all.filter(is_global).collect())
}

fn is_global(address: &IpNet) -> bool {
    match address {
        IpNet::V4(_) => true,
        IpNet::V6(address) => !address.addr().is_unicast_link_local(),
    }
}

/// A link whose routes are in another table from now on loses its IPv6 addresses on the way.
fn give_back(host: Host, link: &Link, before: &[IpNet]) -> Answer<()> {
    let now = addresses(host, link)?;
    let lost: Vec<_> = before.iter().filter(|address| !now.contains(address)).collect();
    lost.iter().try_for_each(|address| host.add_address(link, **address))?;
    if lost.is_empty() { Ok(()) } else { host.settle(link) }
}
