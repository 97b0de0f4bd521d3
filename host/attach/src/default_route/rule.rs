//! Who keeps, loses and gets default routes. Pure: what the kernel and the results say comes in as data.

use std::net::IpAddr;

use multus_cni::result::{CniResult, Route};
use multus_net::{DefaultRoute, Family, Hop};

/// The links of a pod with no default route of their own.
const LOOPBACK: &str = "lo";

/// What decides about the default routes of one pod.
#[derive(Debug)]
pub(super) struct Rule<'a> {
    gateways: &'a [IpAddr],
    result: &'a CniResult,
    /// The owner's links that are there; new routes are made over the first.
    links: Vec<&'a str>,
}

/// A default route and how the owner's result says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) route: DefaultRoute,
    pub(super) told: Route,
}

impl<'a> Rule<'a> {
    /// `interface` is what the owner's delegates were asked for, `result` what they returned, `links` are the names
    /// of those in the pod's namespace.
    pub(super) fn new(
        gateways: &'a [IpAddr],
        interface: &'a str,
        result: &'a CniResult,
        links: &[String],
    ) -> Self {
        let told = result.interfaces.iter().filter(|link| link.in_sandbox()).map(|link| link.name.as_str());
        let mut own: Vec<&str> = Vec::new();
        for link in std::iter::once(interface).chain(told) {
            if links.iter().any(|name| name == link) && !own.contains(&link) {
                own.push(link);
            }
        }
        Self { gateways, result, links: own }
    }

    /// The link that new routes are made over, if the owner made one.
    pub(super) fn link(&self) -> Option<&'a str> {
        self.links.first().copied()
    }

    /// Whether the pod named gateways of this family.
    pub(super) fn names(&self, family: Family) -> bool {
        self.gateways.iter().any(|gateway| Family::of(gateway) == family)
    }

    /// Whether a route that is there stays: one of the owner's alone, of a family of which no gateway is named.
    pub(super) fn keeps(&self, route: &DefaultRoute) -> bool {
        !self.names(route.family) && route.hops.iter().all(|hop| self.links.contains(&hop.link.as_str()))
    }

    /// Of the pod's links those that must not learn default routes from routers, which may speak at any time.
    pub(super) fn deaf(&self, links: &[String]) -> Vec<String> {
        let owner_too = self.names(Family::V6);
        let deaf = |link: &&String| *link != LOOPBACK && (owner_too || !self.links.contains(&link.as_str()));
        links.iter().filter(deaf).cloned().collect()
    }

    /// The owner's default routes of a family as they should be: those named, in their order by metric, or those
    /// that its result tells of. The latter may be missing where another network's was there first: some plugins
    /// leave it at that, others make one route of both (IPv6).
    pub(super) fn wanted(&self, family: Family) -> Vec<Wanted> {
        let Some(link) = self.link() else { return Vec::new() };
        if self.names(family) { self.named(family, link) } else { self.told(family, link) }
    }

    /// Where a route leads that stands in the owner's result.
    pub(super) fn gateway_of(&self, route: &Route) -> Option<String> {
        self.result.gateway_of(route)
    }

    fn named(&self, family: Family, link: &str) -> Vec<Wanted> {
        let mut gateways: Vec<IpAddr> = Vec::new();
        for gateway in self.gateways.iter().filter(|gateway| Family::of(gateway) == family) {
            if !gateways.contains(gateway) {
                gateways.push(*gateway);
            }
        }
        let wanted = |(place, gateway): (u32, IpAddr)| {
            let metric = (place > 0).then(|| family.usual_metric() + place);
            let hop = Hop { link: link.to_owned(), gateway: Some(gateway) };
            let told = Route {
                dst: destination(family).to_owned(),
                gw: Some(gateway.to_string()),
                priority: metric,
                ..Route::default()
            };
            Wanted { route: DefaultRoute::new(family, hop, metric), told }
        };
        (0..).zip(gateways).map(wanted).collect()
    }

    fn told(&self, family: Family, link: &str) -> Vec<Wanted> {
        let of_family = |route: &&Route| route.is_main_default() && route.is_v6() == (family == Family::V6);
        let wanted = |route: &Route| {
            let gateway = self.gateway_of(route).and_then(|gateway| gateway.parse().ok());
            let hop = Hop { link: link.to_owned(), gateway };
            Wanted { route: DefaultRoute::new(family, hop, route.priority), told: route.clone() }
        };
        self.result.routes.iter().filter(of_family).map(wanted).collect()
    }
}

/// Whether one of the owner's routes that are there, or one hop of it, does what is wanted, by whichever of its links.
pub(super) fn provides(there: &[DefaultRoute], wanted: &DefaultRoute) -> bool {
    let hop = |route: &DefaultRoute| route.hops.first().map(|hop| hop.gateway);
    there.iter().any(|route| {
        let leads_there = route.hops.iter().any(|way| Some(way.gateway) == hop(wanted));
        route.family == wanted.family && route.metric == wanted.metric && leads_there
    })
}

pub(super) fn destination(family: Family) -> &'static str {
    match family {
        Family::V4 => "0.0.0.0/0",
        Family::V6 => "::/0",
    }
}
