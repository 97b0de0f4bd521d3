//! IPv6: an address brings the route of its network along, and goes when its link goes down. Links have no addresses
//! of their own making (`fe80::`): when a real one appears depends on its carrier.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use nix::libc;

use super::super::no::{Done, No};
use super::super::route::{Entry, MAIN};
use super::super::space::Namespace;

/// `IPV6_ADDR_SCOPE_…` of `<net/ipv6.h>`; wider ones are listed first.
fn scope(address: Ipv6Addr) -> u8 {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => 2,
        [first, ..] if first & 0xffc0 == 0xfe80 => 2,
        [first, ..] if first & 0xffc0 == 0xfec0 => 5,
        _ => 14,
    }
}

/// The last of a scope comes first.
fn list(addresses: &mut Vec<Ipv6Net>, new: Ipv6Net) {
    let place = addresses.iter().position(|known| scope(new.addr()) >= scope(known.addr()));
    addresses.insert(place.unwrap_or(addresses.len()), new);
}

impl Namespace {
    pub(super) fn add_v6(&mut self, index: u32, net: Ipv6Net) -> Done {
        let device = self.device_mut(index)?;
        let address = net.addr();
        if !device.speaks_v6() {
            return Err(libc::EINVAL.into());
        }
        if device.v6.iter().any(|known| known.addr() == address) {
            return Err(No::because(libc::EEXIST, "ipv6: address already assigned"));
        }
        let elsewhere = address.is_loopback() && !device.is_loopback();
        if address.is_unspecified() || address.is_multicast() || elsewhere {
            return Err(No::because(libc::EADDRNOTAVAIL, "ipv6: Invalid address"));
        }
        list(&mut device.v6, net);
        if device.up {
            self.learn(Entry::prefix_v6(index, net));
        }
        Ok(())
    }

    pub(super) fn drop_v6(&mut self, index: u32, net: Ipv6Net) -> Done {
        let device = self.device_mut(index)?;
        if !device.speaks_v6() {
            return Err(libc::ENXIO.into());
        }
        let place = device.v6.iter().position(|known| *known == net);
        let place = place.ok_or(No::because(libc::EADDRNOTAVAIL, "address not found"))?;
        device.v6.remove(place);
        if !device.v6.iter().any(|known| known.trunc() == net.trunc()) {
            self.forget_network_v6(index, net.trunc());
        }
        let own = Some(IpAddr::V6(net.addr()));
        let without: Vec<_> = self.devices().map(|device| device.index).collect();
        let without: Vec<_> = without.into_iter().filter(|link| !self.has_v6(net.addr(), *link)).collect();
        let of_it =
            self.routes.iter_mut().filter(|route| route.source == own && without.contains(&route.link));
        of_it.for_each(|route| route.source = None);
        Ok(())
    }

    /// The kernel deletes the first route of that network by the link, whoever made it.
    fn forget_network_v6(&mut self, index: u32, network: Ipv6Net) {
        let table = self.own_table(index).unwrap_or(MAIN);
        let fits = |route: &Entry| {
            route.link == index
                && route.table == table
                && route.destination == IpNet::V6(network)
                && route.gateway.is_none()
        };
        let all = self.routes.iter().enumerate().filter(|(_, route)| fits(route));
        if let Some((place, _)) = all.min_by_key(|(_, route)| route.metric) {
            self.routes.remove(place);
        }
    }

    /// Whether an address is one of the namespace. Every link may have the same link-local one.
    pub(in super::super) fn has_v6(&self, address: Ipv6Addr, link: u32) -> bool {
        let mut all =
            self.devices().flat_map(|device| device.v6.iter().map(|net| (device.index, net.addr())));
        all.any(|(index, known)| known == address && (index == link || !address.is_unicast_link_local()))
    }

    /// A link is up: its networks can be reached. The loopback has its address again.
    pub(in super::super) fn came_up_v6(&mut self, index: u32) {
        let Ok(device) = self.device_mut(index) else { return };
        if device.mtu < 1280 {
            return self.lose_v6(index);
        }
        let own = Ipv6Net::from(Ipv6Addr::LOCALHOST);
        let addresses = device.v6.clone();
        if device.is_loopback() && !addresses.contains(&own) {
            list(&mut device.v6, own);
        }
        for address in addresses {
            self.learn(Entry::prefix_v6(index, address));
        }
    }

    /// A link is down, or too narrow: no addresses, routes or neighbours any more.
    pub(in super::super) fn lose_v6(&mut self, index: u32) {
        if let Ok(device) = self.device_mut(index) {
            device.v6.clear();
            device.neighbours.retain(|address, _| !address.is_ipv6());
        }
        self.routes.retain(|route| route.link != index || route.is_v4());
    }

    /// The MTUs of routes follow the link's: down with it, and up where they were the same.
    pub(in super::super) fn mtu_changed_v6(&mut self, index: u32, before: u32, now: u32) {
        for route in self.routes.iter_mut().filter(|route| route.link == index && !route.is_v4()) {
            if let Some(mtu) = &mut route.mtu
                && (*mtu >= now || *mtu == before)
            {
                *mtu = now;
            }
        }
    }
}
