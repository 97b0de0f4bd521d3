//! Which IPv6 routes the kernel takes.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use nix::libc;

use super::super::no::{Done, No};
use super::super::space::Namespace;
use super::{Entry, LOCAL, MAIN, UNIVERSE, USUAL_METRIC};
use crate::Route;

impl Namespace {
    /// The route that is asked for, checked (`ip6_route_info_create`). It has no scope, whatever was asked.
    pub(super) fn new_route_v6(&self, index: u32, route: &Route) -> Done<Entry> {
        let metric = route.metric.filter(|metric| *metric != 0).unwrap_or(USUAL_METRIC);
        let entry = Entry::asked(index, route, UNIVERSE, metric);
        let device = self.device(index)?;
        if !device.speaks_v6() {
            return Err(libc::ENODEV.into());
        }
        let down = || No::because(libc::ENETDOWN, "Nexthop device is not up");
        if entry.onlink && !device.up {
            return Err(down());
        }
        if let Some(IpAddr::V6(gateway)) = entry.gateway {
            self.check_gateway_v6(&entry, gateway)?;
        }
        if !device.up {
            return Err(down());
        }
        match entry.source {
            Some(IpAddr::V6(source)) if !self.has_v6(source, index) => {
                Err(No::because(libc::EINVAL, "Invalid source address"))
            }
            _ => Ok(entry),
        }
    }

    fn check_gateway_v6(&self, entry: &Entry, gateway: Ipv6Addr) -> Done {
        if self.has_v6(gateway, entry.link) {
            return Err(No::because(libc::EINVAL, "Gateway can not be a local address"));
        }
        if gateway.is_unspecified() || gateway.is_multicast() {
            return Err(No::because(libc::EINVAL, "Invalid gateway address"));
        }
        if gateway.is_unicast_link_local() {
            return Ok(());
        }
        if entry.onlink {
            return self.check_onlink_v6(entry, gateway);
        }
        let of_table = self.way_v6(gateway, entry.table, Some(entry.link));
        let of_table = of_table.filter(|found| found.gateway.is_none());
        let usual =
            || [LOCAL, MAIN].into_iter().find_map(|table| self.way_v6(gateway, table, Some(entry.link)));
        match of_table.or_else(usual) {
            Some(found) if found.gateway.is_none() => Ok(()),
            _ => Err(libc::EHOSTUNREACH.into()),
        }
    }

    /// What is said to be on one link must not be known to be on another.
    fn check_onlink_v6(&self, entry: &Entry, gateway: Ipv6Addr) -> Done {
        let known = self.way_v6(gateway, MAIN, None).filter(|known| known.destination.prefix_len() != 0);
        if known.is_some_and(|known| known.link != entry.link) {
            return Err(No::because(libc::EINVAL, "Nexthop has invalid gateway or device mismatch"));
        }
        Ok(())
    }

    /// The first route of a table that leads to an address, perhaps by a link.
    fn way_v6(&self, address: Ipv6Addr, table: u32, link: Option<u32>) -> Option<&Entry> {
        let covers = |entry: &&Entry| match entry.destination {
            IpNet::V6(destination) => entry.table == table && destination.contains(&address),
            IpNet::V4(_) => false,
        };
        let fits = |entry: &&Entry| link.is_none_or(|link| entry.link == link);
        let all = self.routes.iter().filter(covers).filter(fits);
        all.min_by_key(|entry| (u8::MAX - entry.destination.prefix_len(), entry.metric))
    }
}
