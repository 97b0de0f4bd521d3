//! IPv4: each network of a link has a primary address, which the network's route has as its source, and others.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use nix::libc;

use super::super::no::{Done, No};
use super::super::route::{Entry, HOST, Leads};
use super::super::space::Namespace;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct V4 {
    pub(in super::super) net: Ipv4Net,
    /// Another address of the same network was there first.
    secondary: bool,
    /// 127.0.0.1 of the loopback, which the kernel adds by itself, is of the host alone.
    scope: u8,
}

impl V4 {
    fn shares_network(&self, net: Ipv4Net) -> bool {
        self.net.prefix_len() == net.prefix_len() && self.net.network() == net.network()
    }
}

impl Namespace {
    pub(super) fn add_v4(&mut self, index: u32, net: Ipv4Net) -> Done {
        self.insert_v4(index, net, 0)
    }

    fn insert_v4(&mut self, index: u32, net: Ipv4Net, scope: u8) -> Done {
        if net.addr().is_unspecified() {
            return Ok(()); // taken, and forgotten at once
        }
        let device = self.device_mut(index)?;
        if !device.speaks_v4() {
            return Err(libc::ENOBUFS.into());
        }
        if device.v4.iter().any(|known| known.net == net) {
            return Err(No::because(libc::EEXIST, "ipv4: Address already assigned"));
        }
        let peer = device.v4.iter().find(|known| known.shares_network(net));
        if peer.is_some_and(|peer| peer.scope != scope) {
            return Err(No::because(libc::EINVAL, "ipv4: Invalid scope value"));
        }
        let address = V4 { net, secondary: peer.is_some(), scope };
        let place = if address.secondary {
            device.v4.len()
        } else {
            let before = |known: &V4| !known.secondary && scope <= known.scope;
            device.v4.iter().rposition(before).map_or(0, |last| last + 1)
        };
        device.v4.insert(place, address.clone());
        self.lead_to(index, &address);
        Ok(())
    }

    /// The kernel's own routes to an address and its network (`fib_add_ifaddr`).
    fn lead_to(&mut self, index: u32, address: &V4) {
        let Ok(device) = self.device(index) else { return };
        let (up, loopback) = (device.up, device.is_loopback());
        let primary = device.v4.iter().find(|known| !known.secondary && known.shares_network(address.net));
        let source = primary.map_or(address.net.addr(), |primary| primary.net.addr());
        self.learn(Entry::by_kernel(index, host(address.net.addr()), source, Leads::Here));
        let network = address.net.trunc();
        // No route has the address of a group as its source.
        if !up || self.leads_v4_by(index, source) != Leads::Here {
            return;
        }
        if address.secondary || network.addr().is_unspecified() || network.prefix_len() == 32 {
            return;
        }
        let leads = if loopback { Leads::Here } else { Leads::There };
        self.learn(Entry::by_kernel(index, network, source, leads));
        if network.prefix_len() < 31 {
            self.learn(Entry::by_kernel(index, host(network.broadcast()), source, Leads::ToAll));
        }
    }

    pub(super) fn drop_v4(&mut self, index: u32, net: Ipv4Net) -> Done {
        let promotes = self.is_on(index, "ipv4/promote_secondaries");
        let device = self.device_mut(index)?;
        let place = device.v4.iter().position(|known| known.net == net);
        let place = place.ok_or(No::because(libc::EADDRNOTAVAIL, "ipv4: Address not found"))?;
        if device.v4.get(place).is_some_and(|known| known.secondary) {
            device.v4.remove(place);
            self.forget_v4(index, net);
            return Ok(());
        }
        let others: Vec<_> =
            device.v4.iter().filter(|known| known.secondary && known.shares_network(net)).cloned().collect();
        if !promotes {
            for other in &others {
                self.device_mut(index)?.v4.retain(|known| known != other);
                self.forget_v4(index, other.net);
            }
        }
        self.device_mut(index)?.v4.retain(|known| known.net != net);
        self.forget_routes_to(index, net);
        if promotes && let Some(next) = others.first() {
            self.promote(index, next)?;
        }
        self.forget_v4(index, net);
        Ok(())
    }

    /// Makes a secondary address the primary one of its network.
    fn promote(&mut self, index: u32, next: &V4) -> Done {
        let device = self.device_mut(index)?;
        device.v4.retain(|known| known != next);
        let primary = V4 { secondary: false, ..next.clone() };
        let before = |known: &V4| !known.secondary && primary.scope <= known.scope;
        let place = device.v4.iter().rposition(before).map_or(0, |last| last + 1);
        device.v4.insert(place, primary.clone());
        self.lead_to(index, &primary);
        Ok(())
    }

    /// The kernel's routes to the network of a primary address that is gone.
    fn forget_routes_to(&mut self, index: u32, net: Ipv4Net) {
        let Ok(device) = self.device(index) else { return };
        let shared =
            device.v4.iter().any(|known| !known.secondary && known.net.broadcast() == net.broadcast());
        let (network, broadcast) = (IpNet::V4(net.trunc()), IpNet::V4(host(net.broadcast())));
        self.routes.retain(|route| {
            let gone = match route.leads {
                Leads::There => route.destination == network,
                Leads::Here => route.destination == network && net.prefix_len() < 32,
                Leads::ToAll => route.destination == broadcast && !shared,
            };
            !(gone && route.by_kernel && route.link == index)
        });
    }

    /// What ends with an address that was taken off a link (`fib_del_ifaddr`).
    fn forget_v4(&mut self, index: u32, net: Ipv4Net) {
        let Ok(device) = self.device(index) else { return };
        let last = device.v4.is_empty();
        if !device.v4.iter().any(|known| known.net.addr() == net.addr()) {
            let own = host(net.addr()).into();
            self.routes.retain(|route| {
                !(route.by_kernel
                    && route.link == index
                    && route.leads == Leads::Here
                    && route.destination == own)
            });
            self.source_gone(net.addr());
        }
        if last {
            self.silence_v4(index);
        }
    }

    /// An address is on no link any more, perhaps: the main table's routes that have it as their source end.
    pub(in super::super) fn source_gone(&mut self, address: Ipv4Addr) {
        if self.leads_v4(address) != Leads::Here {
            self.routes.retain(|route| route.table != 254 || route.source != Some(IpAddr::V4(address)));
        }
    }

    /// With its last address a link loses its routes and neighbours.
    fn silence_v4(&mut self, index: u32) {
        self.routes.retain(|route| route.link != index || !route.is_v4());
        if let Ok(device) = self.device_mut(index) {
            device.neighbours.retain(|address, _| !address.is_ipv4());
        }
    }

    /// Takes every address off a link.
    pub(in super::super) fn lose_v4(&mut self, index: u32) {
        while let Some(net) = self.device(index).ok().and_then(|device| device.v4.last()).map(|last| last.net)
        {
            if self.drop_v4(index, net).is_err() {
                return;
            }
        }
    }

    /// A link is up: its networks can be reached. The loopback has its address again.
    pub(in super::super) fn came_up_v4(&mut self, index: u32) {
        let Ok(device) = self.device(index) else { return };
        let addresses = device.v4.clone();
        if device.is_loopback() {
            // It fails where it is already, or another of its network, or no IPv4.
            let _ = self.insert_v4(index, Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8), HOST);
        }
        addresses.iter().for_each(|address| self.lead_to(index, address));
    }

    /// A link is down: what leads anywhere ends, its addresses stay.
    pub(in super::super) fn went_down_v4(&mut self, index: u32) {
        self.routes.retain(|route| route.link != index || !route.is_v4() || route.ends_here());
    }
}

fn host(address: Ipv4Addr) -> Ipv4Net {
    address.into()
}
