//! The bridge as the pod's gateway, or the node's own end in a VLAN of it.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::network::Link;
use multus_guest::{CniResult, Failure};
use multus_guest_cni::Host;
use multus_guest_cni::host::Answer;
use multus_guest_cni::result::{Lease, default_route, is_default, is_v6};

/// Where IPAM names no gateway it is the first address of the network.
pub(crate) fn choose(leases: &mut [Lease]) {
    for lease in leases.iter_mut().filter(|lease| lease.gateway.is_none()) {
        lease.gateway = first(lease.address);
    }
}

fn first(network: IpNet) -> Option<IpAddr> {
    match network.network() {
        IpAddr::V4(network) => u32::from(network).checked_add(1).map(|first| IpAddr::V4(first.into())),
        IpAddr::V6(network) => u128::from(network).checked_add(1).map(|first| IpAddr::V6(first.into())),
    }
}

/// Adds the default route of each family, by the first gateway of it, where IPAM did not give one.
pub(crate) fn add_default_routes(result: &mut CniResult, leases: &[Lease]) {
    for v6 in [false, true] {
        let there = result.routes.iter().any(|route| is_v6(route) == v6 && is_default(route));
        let lease = leases.iter().find(|lease| lease.is_v6() == v6);
        if let Some(lease) = lease.filter(|_| !there) {
            result.routes.push(default_route(v6, lease.gateway));
        }
    }
}

/// Gives the bridge, or the node's own end in a VLAN of it, the gateways' addresses. It may have several if their networks don't overlap; of IPv4 it has one.
pub(crate) fn give_addresses(host: Host, bridge: &Link, leases: &[Lease], force: bool) -> Answer<()> {
    for lease in leases {
        let address = lease.gateway.and_then(|gateway| IpNet::new(gateway, lease.address.prefix_len()).ok());
        if let Some(address) = address {
            give_address(host, bridge, address, force)?;
        }
    }
    Ok(())
}

fn give_address(host: Host, bridge: &Link, wanted: IpNet, force: bool) -> Answer<()> {
    let info = host.info(bridge)?;
    let there: Vec<IpNet> = info.addresses.iter().filter_map(|text| text.parse().ok()).collect();
    if there.contains(&wanted) {
        return Ok(());
    }
    for other in there.into_iter().filter(|other| is_in_the_way(*other, wanted)) {
        if !force {
            return Err(Failure::from(format!(
                "`{}` has the address {other} and would need {wanted} as the pod's gateway: use another bridge, or set \
                 `forceAddress`",
                info.name
            )));
        }
        host.remove_address(bridge, other)?;
    }
    host.add_address(bridge, wanted)?;
    // A bridge that somebody made without an address of its own takes the lowest one of its ports, and pods would have
    // to learn a new one each time.
    host.set_mac(bridge, &info.mac)
}

fn is_in_the_way(other: IpNet, wanted: IpNet) -> bool {
    match (other, wanted) {
        (IpNet::V4(_), IpNet::V4(_)) => true,
        (IpNet::V6(other), IpNet::V6(wanted)) => {
            other.contains(&wanted.addr()) || wanted.contains(&other.addr())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_of_a_network_is_the_gateway() {
        for (address, gateway) in [
            ("10.1.0.77/24", Some("10.1.0.1")),
            ("10.1.0.77/32", Some("10.1.0.78")),
            ("255.255.255.255/32", None),
            ("fd00::77/64", Some("fd00::1")),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", None),
        ] {
            let mut leases = [Lease { address: address.parse().unwrap(), gateway: None }];
            choose(&mut leases);
            assert_eq!(leases[0].gateway.map(|gateway| gateway.to_string()).as_deref(), gateway, "{address}");
        }
    }

    #[test]
    fn which_addresses_can_not_be_on_one_bridge() {
        for (other, wanted, in_the_way) in [
            ("10.2.0.1/24", "10.1.0.1/24", true),
            ("10.1.0.2/24", "10.1.0.1/24", true),
            ("fd00:2::1/64", "fd00:1::1/64", false),
            ("fd00:1::2/64", "fd00:1::1/64", true),
            ("fd00:1::1/48", "fd00:1:0:5::1/64", true),
            ("fd00:1:0:5::1/64", "fd00:1::1/48", true),
            ("fe80::1/64", "fd00:1::1/64", false),
            ("fd00:1::1/64", "10.1.0.1/24", false),
        ] {
            let answer = is_in_the_way(other.parse().unwrap(), wanted.parse().unwrap());
            assert_eq!(answer, in_the_way, "{other} {wanted}");
        }
    }
}
