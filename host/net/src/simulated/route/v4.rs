//! Which IPv4 routes the kernel takes.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use nix::libc;

use super::super::no::{Done, No};
use super::super::space::Namespace;
use super::{DEFAULT, Entry, HOST, LINK, LOCAL, Leads, MAIN, UNIVERSE};
use crate::Route;

const GATEWAY: &str = "Nexthop has invalid gateway";

impl Namespace {
    /// The route that is asked for, checked (`fib_create_info`).
    pub(super) fn new_route_v4(&self, index: u32, route: &Route) -> Done<Entry> {
        let said =
            Route { gateway: route.gateway.filter(|gateway| !gateway.is_unspecified()), ..route.clone() };
        let usual = if route.gateway.is_some() { UNIVERSE } else { LINK };
        let entry = Entry::asked(index, &said, said.scope.unwrap_or(usual), said.metric.unwrap_or(0));
        if entry.destination != said.destination {
            return Err(No::because(libc::EINVAL, "Invalid prefix for given prefix length"));
        }
        if entry.scope > HOST {
            return Err(No::because(libc::EINVAL, "Invalid scope"));
        }
        self.check_hop_v4(&entry)?;
        match entry.source {
            Some(IpAddr::V4(source)) if self.leads_v4(source) != Leads::Here => {
                Err(No::because(libc::EINVAL, "Invalid prefsrc address"))
            }
            _ => Ok(entry),
        }
    }

    fn check_hop_v4(&self, entry: &Entry) -> Done {
        let Some(IpAddr::V4(gateway)) = entry.gateway else {
            let device = self.device(entry.link)?;
            return match () {
                () if entry.scope == HOST => Ok(()),
                () if entry.onlink => Err(No::because(libc::EINVAL, "Invalid flags for nexthop")),
                () if !device.speaks_v4() => Err(libc::ENODEV.into()),
                () if !device.up => Err(No::because(libc::ENETDOWN, "Device for nexthop is not up")),
                () => Ok(()),
            };
        };
        if entry.scope == HOST {
            return Err(No::because(libc::EINVAL, "Route with host scope can not have a gateway"));
        }
        if entry.onlink {
            return self.check_onlink_v4(entry, gateway);
        }
        // Looked for before the link: without one, nothing leads there.
        let found = self.way_v4(gateway, entry.link, (entry.scope + 1).max(LINK), entry.table);
        match found.map(|found| found.leads) {
            None => Err(No::because(libc::ENETUNREACH, GATEWAY)),
            Some(Leads::ToAll) => Err(No::because(libc::EINVAL, GATEWAY)),
            Some(_) if !self.device(entry.link)?.up => Err(libc::ENETDOWN.into()),
            Some(_) => Ok(()),
        }
    }

    fn check_onlink_v4(&self, entry: &Entry, gateway: Ipv4Addr) -> Done {
        if entry.scope >= LINK {
            return Err(No::because(libc::EINVAL, "Nexthop has invalid scope"));
        }
        if !self.device(entry.link)?.up {
            return Err(No::because(libc::ENETDOWN, "Nexthop device is not up"));
        }
        let there = self.leads_v4(gateway) == Leads::There;
        if there { Ok(()) } else { Err(No::because(libc::EINVAL, GATEWAY)) }
    }

    /// How the kernel gets to a gateway by a link: by the table that the route is for, if it is no usual one, or else
    /// by the usual ones, and by nothing that leads farther than the link.
    fn way_v4(&self, gateway: Ipv4Addr, link: u32, scope: u8, wanted: u32) -> Option<&Entry> {
        let fits = |entry: &&Entry| entry.link == link && entry.scope >= scope;
        let search = |tables: &[u32]| self.longest_v4(gateway, tables, fits);
        let own = [wanted].into_iter().find(|wanted| ![MAIN, LOCAL].contains(wanted));
        own.and_then(|own| search(&[own])).or_else(|| search(&[LOCAL, MAIN])).or_else(|| search(&[DEFAULT]))
    }

    fn longest_v4(
        &self,
        address: Ipv4Addr,
        tables: &[u32],
        fits: impl Fn(&&Entry) -> bool,
    ) -> Option<&Entry> {
        let covers = |entry: &&Entry| match entry.destination {
            IpNet::V4(destination) => tables.contains(&entry.table) && destination.contains(&address),
            IpNet::V6(_) => false,
        };
        // Of equal ones the last comes first: of two routes with the same metric in one table it can't be.
        let all = self.routes.iter().filter(covers).filter(fits);
        all.max_by_key(|entry| (entry.destination.prefix_len(), entry.table, Reverse(entry.metric)))
    }

    /// Where an address is for a link, whose routes may be in a table of their own (`inet_addr_type_dev_table`).
    pub(in super::super) fn leads_v4_by(&self, link: u32, address: Ipv4Addr) -> Leads {
        match self.own_table(link) {
            Some(table) => {
                self.longest_v4(address, &[table], |_| true).map_or(Leads::There, |entry| entry.leads)
            }
            None => self.leads_v4(address),
        }
    }

    /// Where an address is, as far as the usual tables know (`inet_addr_type`).
    pub(in super::super) fn leads_v4(&self, address: Ipv4Addr) -> Leads {
        if !self.had_v4 || address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
            return Leads::ToAll;
        }
        self.longest_v4(address, &[LOCAL, MAIN], |_| true).map_or(Leads::There, |entry| entry.leads)
    }
}
