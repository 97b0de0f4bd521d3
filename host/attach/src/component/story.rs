//! What a component has done so far in this call: what its further calls may refer to, and what its result is made of
//! if it gives none of its own.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_cni::result::{CniResult, Dns, Interface, Ip};
use multus_net::{Link, LinkRef, NewLink, Property, Route, Space};

/// One link that this component made, moved or ensured.
#[derive(Debug, Clone)]
struct Told {
    link: LinkRef,
    mac: String,
    mtu: Option<u32>,
}

/// In the order in which it happened.
#[derive(Debug, Default)]
pub(super) struct Story {
    links: Vec<Told>,
    addresses: Vec<(LinkRef, IpNet)>,
    routes: Vec<(LinkRef, Route)>,
    /// The results of IPAM that the component asked for.
    leases: Vec<CniResult>,
    masqueraded: u32,
    mapped: u32,
}

impl Story {
    pub(super) fn made(&mut self, link: &NewLink, mtu: Option<u32>) {
        let NewLink { space, index, name, mac } = link;
        let link = LinkRef { space: *space, index: *index, name: name.clone() };
        self.links.push(Told { link, mac: mac.to_string(), mtu });
    }

    /// A link that was there before.
    pub(super) fn there(&mut self, space: Space, link: &Link) {
        let told = Told { link: LinkRef::to(space, link), mac: link.mac.clone(), mtu: Some(link.mtu) };
        if !self.links.iter().any(|known| known.link.space == space && known.link.index == link.index) {
            self.links.push(told);
        }
    }

    pub(super) fn changed(&mut self, link: &LinkRef, property: &Property) {
        let of_link = |told: &&mut Told| told.link.space == link.space && told.link.index == link.index;
        let Some(told) = self.links.iter_mut().find(of_link) else { return };
        match property {
            Property::Mac(mac) => told.mac = mac.to_string(),
            Property::Mtu(mtu) => told.mtu = Some(*mtu),
            _ => {}
        }
    }

    pub(super) fn address(&mut self, link: &LinkRef, address: IpNet) {
        self.addresses.push((link.clone(), address));
    }

    pub(super) fn route(&mut self, link: &LinkRef, route: Route) {
        self.routes.push((link.clone(), route));
    }

    /// What IPAM offered.
    pub(super) fn leased(&mut self, result: CniResult) {
        self.leases.push(result);
    }

    /// A number for the next address to be masqueraded.
    pub(super) fn next_masquerade(&mut self) -> u32 {
        self.masqueraded += 1;
        self.masqueraded
    }

    /// A number for the next port to be mapped.
    pub(super) fn next_mapping(&mut self) -> u32 {
        self.mapped += 1;
        self.mapped
    }

    pub(super) fn addresses_of(&self, link: &LinkRef) -> impl Iterator<Item = &IpNet> {
        let (space, index) = (link.space, link.index);
        let of_link = move |(link, _): &&(LinkRef, IpNet)| link.space == space && link.index == index;
        self.addresses.iter().filter(of_link).map(|(_, address)| address)
    }

    /// Whether IPAM gave the pod this address in this call, and a link of the pod has it. What a module chose by itself
    /// may be anybody's.
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        let given = self.given().any(|given| given.addr() == address);
        given && self.offered().any(|(offered, _)| offered.addr() == address)
    }

    /// The addresses that the pod was given in this call.
    pub(super) fn given(&self) -> impl Iterator<Item = &IpNet> {
        let to_pod = |(link, _): &&(LinkRef, IpNet)| link.space == Space::Sandbox;
        self.addresses.iter().filter(to_pod).map(|(_, address)| address)
    }

    /// Whether an address is the gateway of one that IPAM offered in this call, with no wider a prefix: only such a one
    /// may be the node's own. Any other of that network may be another pod's. Where IPAM names no gateway it is the
    /// network's first address.
    pub(super) fn is_gateway(&self, address: IpNet) -> bool {
        self.offered().any(|(offered, gateway)| {
            let first = || offered.trunc().hosts().find(|host| *host != offered.network());
            address.prefix_len() >= offered.prefix_len() && gateway.or_else(first) == Some(address.addr())
        })
    }

    /// The addresses that IPAM offered, each with its gateway.
    fn offered(&self) -> impl Iterator<Item = (IpNet, Option<IpAddr>)> {
        let ips = self.leases.iter().flat_map(|lease| &lease.ips);
        ips.filter_map(|ip| {
            let gateway = ip.gateway.as_deref().and_then(|text| text.parse().ok());
            Some((ip.address.parse().ok()?, gateway))
        })
    }

    /// What a component that answers with no result has done, as CNI results tell it.
    pub(super) fn result(&self, sandbox: &str) -> CniResult {
        let interface = |told: &Told| Interface {
            name: told.link.name.clone(),
            mac: Some(told.mac.clone()).filter(|mac| !mac.is_empty()),
            mtu: told.mtu,
            sandbox: (told.link.space == Space::Sandbox).then(|| sandbox.to_owned()),
            ..Interface::default()
        };
        CniResult {
            interfaces: self.links.iter().map(interface).collect(),
            ips: self.ips(),
            routes: self.routes.iter().filter(|(link, _)| link.space == Space::Sandbox).map(route).collect(),
            dns: self.leases.iter().map(|lease| lease.dns.clone()).next().unwrap_or_else(Dns::default),
        }
    }

    fn ips(&self) -> Vec<Ip> {
        let in_pod = self.addresses.iter().filter(|(link, _)| link.space == Space::Sandbox);
        let ip = |(link, address): &(LinkRef, IpNet)| {
            let same = |told: &Told| told.link.space == link.space && told.link.index == link.index;
            let leased = self.leases.iter().flat_map(|lease| &lease.ips);
            Ip {
                address: address.to_string(),
                gateway: leased
                    .filter(|ip| ip.address.parse() == Ok(*address))
                    .find_map(|ip| ip.gateway.clone()),
                interface: self.links.iter().position(same),
            }
        };
        in_pod.map(ip).collect()
    }
}

fn route((_, route): &(LinkRef, Route)) -> multus_cni::result::Route {
    multus_cni::result::Route {
        dst: route.destination.to_string(),
        gw: route.gateway.map(|gateway| gateway.to_string()),
        mtu: route.mtu,
        advmss: route.advmss,
        priority: route.metric,
        table: route.table,
        scope: route.scope.map(u32::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::chance;

    fn pod_link() -> NewLink {
        NewLink { space: Space::Sandbox, index: 7, name: "eth0".to_owned(), mac: chance::mac() }
    }

    #[test]
    fn a_result_tells_what_was_done() {
        let mut story = Story::default();
        let made = pod_link();
        story.made(&made, Some(1400));
        let link = LinkRef { space: Space::Sandbox, index: 7, name: "eth0".to_owned() };
        let ip = Ip { address: "10.1.0.5/24".into(), gateway: Some("10.1.0.1".into()), interface: None };
        story.leased(CniResult { ips: vec![ip], ..CniResult::default() });
        story.address(&link, "10.1.0.5/24".parse().unwrap());
        story.changed(&link, &Property::Mtu(9000));
        let result = story.result("/run/netns/a");
        let interface = &result.interfaces[0];
        assert_eq!((interface.name.as_str(), interface.mtu), ("eth0", Some(9000)));
        assert_eq!(interface.sandbox.as_deref(), Some("/run/netns/a"));
        assert_eq!(interface.mac.as_deref(), Some(made.mac.to_string().as_str()));
        assert_eq!(result.ips[0].gateway.as_deref(), Some("10.1.0.1"));
        assert_eq!(result.ips[0].interface, Some(0));
    }

    #[test]
    fn the_node_takes_gateways_of_offered_networks_alone() {
        let mut story = Story::default();
        let ip = |address: &str, gateway: Option<&str>| Ip {
            address: address.into(),
            gateway: gateway.map(str::to_owned),
            interface: None,
        };
        let ips =
            vec![ip("10.1.0.5/24", Some("10.2.0.1")), ip("10.3.0.5/24", None), ip("fd00:3::5/64", None)];
        story.leased(CniResult { ips, ..CniResult::default() });
        for (address, is_gateway) in [
            ("10.2.0.1/24", true),
            ("10.2.0.1/32", true),
            ("10.2.0.1/16", false),
            ("10.2.0.2/24", false),
            ("10.1.0.1/24", false),
            ("10.3.0.1/24", true),
            ("10.3.0.1/23", false),
            ("10.3.0.2/24", false),
            ("fd00:3::1/64", true),
            ("fd00:3::2/64", false),
            ("8.8.8.8/32", false),
        ] {
            assert_eq!(story.is_gateway(address.parse().unwrap()), is_gateway, "{address}");
        }
        assert!(!story.is_own("10.1.0.5".parse().unwrap()), "offered is not given");
        let link = LinkRef { space: Space::Sandbox, index: 7, name: "eth0".to_owned() };
        for (address, own) in [("10.1.0.5/24", true), ("10.1.0.6/24", false), ("8.8.8.8/32", false)] {
            let address: IpNet = address.parse().unwrap();
            story.address(&link, address);
            assert_eq!(story.is_own(address.addr()), own, "{address}");
        }
    }
}
