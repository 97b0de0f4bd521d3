//! The pod's link, configured as a result says.

use multus_guest::network::Link;
use multus_guest::result::Interface;
use multus_guest::{CniResult, Failure, Plugin};
use serde_json::json;

use crate::host::{Answer, set_if_there};
use crate::result::{self, Lease};
use crate::{Args, Conf, Host};

/// A setting that turns IPv6 off, which runtimes make where a pod's first network has none.
const DISABLED: &str = "ipv6/disable_ipv6";
const TELL: &str = "ipv4/arp_notify";

/// The IPAM that a conf names; an empty `ipam` names none.
///
/// # Errors
/// Code 7 if its type is no text.
pub fn ipam_type<'a>(conf: &Conf<'a>) -> Answer<Option<&'a str>> {
    conf.path(&["ipam", "type"])?.text()
}

/// What IPAM gives: its result, and the addresses in it.
///
/// # Errors
/// IPAM's own; code 100 if it gave no address.
pub fn ask_ipam(host: Host, conf: &Plugin, ipam: &str) -> Answer<(CniResult, Vec<Lease>)> {
    let result = host.ipam(conf)?;
    let leases = Lease::of(&result)?;
    if leases.is_empty() {
        return Err(Failure::from(format!("the IPAM `{ipam}` gave no address")));
    }
    // Links, and what IPAM says of them, are its caller's.
    Ok((CniResult { interfaces: Vec::new(), other: Default::default(), ..result }, leases))
}

/// Gives the pod's link its addresses, and brings it up. IPv6 addresses can be used when this returns.
///
/// # Errors
/// The host's.
pub fn give_addresses(host: Host, link: &Link, leases: &[Lease]) -> Answer<()> {
    let v6 = leases.iter().any(Lease::is_v6);
    if v6 {
        set_if_there(host, link, DISABLED, "0")?;
    }
    for lease in leases {
        host.add_address(link, lease.address)?;
    }
    host.set_up(link)?;
    if v6 { host.settle(link) } else { Ok(()) }
}

/// What IPAM gives, on the pod's link and in a result: addresses, routes, and everybody told of them.
///
/// # Errors
/// The host's, and IPAM's.
pub fn configure(host: Host, link: &Link, conf: &Plugin, ipam: &str) -> Answer<CniResult> {
    let (result, leases) = ask_ipam(host, conf, ipam)?;
    configure_as(host, link, result, &leases)
}

/// The same with addresses that somebody gave already.
///
/// # Errors
/// The host's.
pub fn configure_as(host: Host, link: &Link, mut result: CniResult, leases: &[Lease]) -> Answer<CniResult> {
    give_addresses(host, link, leases)?;
    add_routes(host, link, &result)?;
    host.announce(link)?;
    result.ips = leases.iter().map(|lease| lease.write(Some(0))).collect();
    Ok(result)
}

/// The link tells everybody of its addresses when it comes up or changes its hardware address.
///
/// # Errors
/// Code 7: the setting is not granted.
pub fn tell_neighbours(host: Host, link: &Link) -> Answer<()> {
    set_if_there(host, link, TELL, "1")
}

/// Makes the result's routes by the pod's link.
///
/// # Errors
/// The host's.
pub fn add_routes(host: Host, link: &Link, result: &CniResult) -> Answer<()> {
    let made = |route| json!(result::by_gateway(route, result));
    result.routes.iter().try_for_each(|route| host.add_route(link, &made(route)))
}

/// Makes the node forward packets of the families of these addresses.
///
/// # Errors
/// The host's.
pub fn forward(host: Host, leases: &[Lease]) -> Answer<()> {
    let families = [(false, "net/ipv4/ip_forward"), (true, "net/ipv6/conf/all/forwarding")];
    let mut wanted = families.iter().filter(|(v6, _)| leases.iter().any(|lease| lease.is_v6() == *v6));
    wanted.try_for_each(|(_, key)| host.ensure_sysctl(key, "1"))
}

/// A link of the node, for a result.
///
/// # Errors
/// The host's.
pub fn on_node(host: Host, link: &Link) -> Answer<Interface> {
    let info = host.info(link)?;
    let mac = Some(info.mac).filter(|mac| !mac.is_empty());
    Ok(Interface { name: info.name, mac, mtu: Some(info.mtu), ..Interface::default() })
}

/// The same for a link of the pod.
///
/// # Errors
/// The host's.
pub fn in_sandbox(host: Host, link: &Link) -> Answer<Interface> {
    Ok(Interface { sandbox: Some(host.sandbox()?), ..on_node(host, link)? })
}

/// The hardware address that the pod's link is to have. The later ones go before the earlier ones: `CNI_ARGS`,
/// `args.cni.mac`, the capability `mac`.
///
/// # Errors
/// Code 7 for what is no text.
pub fn wanted_mac(args: &Args, conf: &Conf<'_>) -> Answer<Option<String>> {
    for path in [["runtimeConfig", "mac"].as_slice(), &["args", "cni", "mac"]] {
        if let Some(mac) = conf.path(path)?.text()? {
            return Ok(Some(mac.to_owned()));
        }
    }
    Ok(args.get("MAC").map(str::to_owned))
}

/// Refuses to masquerade by other means than the host's.
///
/// # Errors
/// Code 7 for a conf that insists on another way.
pub fn wants_masquerade(conf: &Conf<'_>) -> Answer<bool> {
    let backend = conf.at("ipMasqBackend")?;
    match backend.text()? {
        // The same packets get the node's address, whichever way the rules came there.
        None | Some("nftables" | "iptables") => conf.at("ipMasq")?.flag(),
        Some(_) => Err(backend.wants("nftables or iptables")),
    }
}
