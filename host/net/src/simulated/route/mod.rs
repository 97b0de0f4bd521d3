//! Routes as the kernel keeps them, those that it makes by itself included. Nothing is sent by any of them.

mod v4;
mod v6;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nix::libc;

use super::no::{Done, No};
use super::space::Namespace;
use crate::Route;

/// Tables.
pub(super) const LOCAL: u32 = 255;
pub(super) const MAIN: u32 = 254;
const DEFAULT: u32 = 253;

/// Scopes: how far away a destination is.
pub(super) const HOST: u8 = 254;
const LINK: u8 = 253;
const UNIVERSE: u8 = 0;

/// The metric of an IPv6 route that says none, and of those of the kernel.
const USUAL_METRIC: u32 = 1024;
const KERNELS_METRIC: u32 = 256;

/// Metrics hold no more, so that a packet with its headers stays below 64 KiB.
const LARGEST_MTU: u32 = 65535 - 15;
const LARGEST_MSS: u32 = 65535 - 40;

/// Where a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    There,
    /// An address of the namespace itself.
    Here,
    /// A broadcast or multicast address.
    ToAll,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) link: u32,
    /// Without the bits of a host.
    pub(super) destination: IpNet,
    pub(super) gateway: Option<IpAddr>,
    pub(super) source: Option<IpAddr>,
    pub(super) metric: u32,
    pub(super) table: u32,
    scope: u8,
    pub(super) mtu: Option<u32>,
    advmss: Option<u32>,
    onlink: bool,
    pub(super) leads: Leads,
    pub(super) by_kernel: bool,
}

impl Entry {
    /// A route as it is asked for, with what the kernel makes of it.
    fn asked(link: u32, route: &Route, scope: u8, metric: u32) -> Self {
        Self {
            link,
            destination: route.destination.trunc(),
            gateway: route.gateway,
            source: route.source.filter(|source| !source.is_unspecified()),
            metric,
            table: table(route),
            scope,
            mtu: route.mtu.map(|mtu| mtu.min(LARGEST_MTU)),
            advmss: route.advmss.map(|advmss| advmss.min(LARGEST_MSS)),
            onlink: route.onlink,
            leads: Leads::There,
            by_kernel: false,
        }
    }

    /// A route that the kernel makes of an IPv4 address.
    pub(super) fn by_kernel(link: u32, destination: Ipv4Net, source: Ipv4Addr, leads: Leads) -> Self {
        Self {
            link,
            destination: destination.into(),
            gateway: None,
            source: Some(source.into()),
            metric: 0,
            table: if leads == Leads::There { MAIN } else { LOCAL },
            scope: if leads == Leads::Here { HOST } else { LINK },
            mtu: None,
            advmss: None,
            onlink: false,
            leads,
            by_kernel: true,
        }
    }

    /// The route that the kernel makes to the network of an IPv6 address.
    pub(super) fn prefix_v6(link: u32, address: Ipv6Net) -> Self {
        let route = Route {
            destination: address.into(),
            gateway: None,
            source: None,
            metric: None,
            table: None,
            scope: None,
            mtu: None,
            advmss: None,
            onlink: false,
        };
        Self { by_kernel: true, ..Self::asked(link, &route, UNIVERSE, KERNELS_METRIC) }
    }

    pub(super) fn is_v4(&self) -> bool {
        self.destination.addr().is_ipv4()
    }

    /// A back end lists what leads elsewhere.
    pub(super) fn is_listed(&self) -> bool {
        self.table != LOCAL && self.leads == Leads::There
    }

    /// It leads no farther than the node, so a link that is down can be its link.
    pub(super) fn ends_here(&self) -> bool {
        self.leads == Leads::Here || (self.is_v4() && self.scope == HOST)
    }
}

/// The table that a route is for.
fn table(route: &Route) -> u32 {
    route.table.filter(|table| *table != 0).unwrap_or(MAIN)
}

impl Namespace {
    /// The kernel adds a route by itself, unless it has.
    pub(super) fn learn(&mut self, mut entry: Entry) {
        if let Some(table) = self.own_table(entry.link) {
            entry.table = table;
        }
        let place = |entry: &Entry| (entry.link, entry.destination, entry.leads, entry.table, entry.metric);
        // Of IPv6 it does not matter who made it.
        let same = |known: &Entry| {
            place(known) == place(&entry) && known.gateway.is_none() && (known.by_kernel || !known.is_v4())
        };
        self.had_v4 |= entry.is_v4() && entry.table == LOCAL;
        if !self.routes.iter().any(same) {
            self.routes.push(entry);
        }
    }

    pub(super) fn add_route(&mut self, index: u32, route: &Route) -> Done {
        let families = [route.gateway, route.source].into_iter().flatten();
        if families.into_iter().any(|address| address.is_ipv4() != route.destination.addr().is_ipv4()) {
            return Err(libc::EINVAL.into());
        }
        let entry = match route.destination {
            IpNet::V4(_) => self.new_route_v4(index, route)?,
            IpNet::V6(_) => self.new_route_v6(index, route)?,
        };
        let place = |known: &Entry| (known.table, known.destination, known.metric);
        if self.routes.iter().any(|known| place(known) == place(&entry)) {
            return Err(libc::EEXIST.into());
        }
        self.routes.push(entry);
        Ok(())
    }

    /// The same beside others to the same place.
    pub(super) fn bring_route(&mut self, index: u32, route: &Route) -> Done {
        let entry = match route.destination {
            IpNet::V4(_) => self.new_route_v4(index, route)?,
            IpNet::V6(_) => self.new_route_v6(index, route)?,
        };
        let all = |known: &Entry| (known.link, known.gateway, known.table, known.destination, known.metric);
        if self.routes.iter().any(|known| all(known) == all(&entry)) {
            return Err(libc::EEXIST.into());
        }
        self.routes.push(entry);
        Ok(())
    }

    /// Deletes the first route of a link that is as this one says.
    pub(super) fn drop_route(&mut self, index: u32, route: &Route) -> Done {
        if matches!(route.destination, IpNet::V4(_)) && route.destination != route.destination.trunc() {
            return Err(No::because(libc::EINVAL, "Invalid prefix for given prefix length"));
        }
        // Of IPv4, 0.0.0.0 is no router.
        let gateway = route.gateway.filter(|gateway| *gateway != IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let fits = |known: &Entry| {
            known.link == index
                && known.destination == route.destination.trunc()
                && known.table == table(route)
                && gateway.is_none_or(|gateway| known.gateway == Some(gateway))
                && route.metric.is_none_or(|metric| metric == 0 || known.metric == metric)
        };
        let all = self.routes.iter().enumerate().filter(|(_, known)| fits(known));
        let (place, _) = all.min_by_key(|(_, known)| known.metric).ok_or(No::from(libc::ESRCH))?;
        self.routes.remove(place);
        Ok(())
    }

    /// The routes of a link, but for those of table `local`.
    pub(super) fn routes_of(&self, index: u32) -> Done<Vec<Route>> {
        self.device(index)?;
        let listed = self.routes.iter().filter(|route| route.link == index && route.is_listed());
        Ok(listed.map(view).collect())
    }
}

/// A route as a back end lists it.
pub(super) fn view(entry: &Entry) -> Route {
    Route {
        destination: entry.destination,
        gateway: entry.gateway,
        source: entry.source,
        metric: (entry.metric != 0).then_some(entry.metric),
        table: (entry.table != MAIN).then_some(entry.table),
        scope: Some(entry.scope),
        mtu: entry.mtu,
        advmss: entry.advmss,
        onlink: entry.onlink,
    }
}
