//! Routes by a link.

use std::fmt::Display;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use nix::libc;

use super::{Kernel, failed, refused};
use crate::Refused;
use crate::attribute::{attributes, bytes, u32_at, value};
use crate::effect::{LinkRef, Route};
use crate::link::ip;
use crate::netlink::body;

/// `struct rtmsg` and `struct rtnexthop`.
const HEADER: usize = 12;
const HOP: usize = 8;
/// `RTAX_MTU`, `RTAX_ADVMSS`.
const MTU: u16 = 2;
const ADVMSS: u16 = 8;

impl Kernel {
    pub(super) fn add_route(
        &self,
        link: &LinkRef,
        route: &Route,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        self.make_route(link, route, libc::NLM_F_CREATE | libc::NLM_F_EXCL, tried)
    }

    /// `how` says what may be there already.
    pub(super) fn make_route(
        &self,
        link: &LinkRef,
        route: &Route,
        how: libc::c_int,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let family = route.destination.addr().is_ipv4();
        if [route.gateway, route.source].into_iter().flatten().any(|address| address.is_ipv4() != family) {
            let said = "destination, gateway and source are of different families";
            return Err(Refused::because(tried, libc::EINVAL, said));
        }
        let mut message = message(link, route);
        message.header.protocol = RouteProtocol::Boot;
        message.header.kind = RouteType::Unicast;
        let usual = if route.gateway.is_some() { RouteScope::Universe } else { RouteScope::Link };
        message.header.scope = route.scope.map_or(usual, RouteScope::from);
        message.attributes.extend(route.source.map(|source| RouteAttribute::PrefSource(source.into())));
        let mtu = route.mtu.map(RouteMetric::Mtu);
        let metrics: Vec<_> = mtu.into_iter().chain(route.advmss.map(RouteMetric::Advmss)).collect();
        if !metrics.is_empty() {
            message.attributes.push(RouteAttribute::Metrics(metrics));
        }
        if route.onlink {
            message.header.flags |= RouteFlags::Onlink;
        }
        let socket = self.socket(link.space, tried)?;
        socket.change(libc::RTM_NEWROUTE, how, &body(&message)).map_err(refused(tried))
    }

    pub(super) fn delete_route(
        &self,
        link: &LinkRef,
        route: &Route,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut message = message(link, route);
        // Any kind, protocol and scope.
        message.header.scope = RouteScope::NoWhere;
        let socket = self.socket(link.space, tried)?;
        socket.change(libc::RTM_DELROUTE, 0, &body(&message)).map_err(refused(tried))
    }

    pub(super) fn routes_of(&self, link: &LinkRef) -> Result<Vec<Route>, Refused> {
        let tried = format_args!("listing the routes by {link}");
        let mut routes = Vec::new();
        if self.is_gone(link.space) {
            return Ok(routes);
        }
        let socket = self.socket(link.space, &tried)?;
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            request.attributes = vec![RouteAttribute::Oif(link.index)];
            let messages = match socket.dump(libc::RTM_GETROUTE, &body(&request)) {
                // The link is gone, and so are its routes.
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Ok(Vec::new()),
                messages => messages.map_err(failed(&tried))?,
            };
            let found = messages.iter().filter(|(kind, _)| *kind == libc::RTM_NEWROUTE);
            routes.extend(found.filter_map(|(_, body)| read(body, link.index)));
        }
        Ok(routes)
    }
}

/// What tells a route from others.
fn message(link: &LinkRef, route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: route.destination.addr().into(),
        destination_prefix_length: route.destination.prefix_len(),
        ..RouteHeader::default()
    };
    message.attributes = vec![RouteAttribute::Oif(link.index)];
    if route.destination.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route.destination.addr().into()));
    }
    let table = route.table.unwrap_or(RouteHeader::RT_TABLE_MAIN.into());
    match u8::try_from(table) {
        Ok(table) => message.header.table = table,
        Err(_) => message.attributes.push(RouteAttribute::Table(table)),
    }
    message.attributes.extend(route.gateway.map(|gateway| RouteAttribute::Gateway(gateway.into())));
    message.attributes.extend(route.metric.map(RouteAttribute::Priority));
    message
}

/// One `RTM_NEWROUTE`, if it leads by this link to somewhere else. Read by hand, so that what newer kernels add can't be
/// in the way.
fn read(data: &[u8], link: u32) -> Option<Route> {
    let [family, prefix, _, _, table, _, scope, kind] = bytes(data, 0)?;
    let flags = u32_at(data, 8)?;
    let mut route = Route {
        destination: IpNet::new(unspecified(family)?, 0).ok()?,
        gateway: None,
        source: None,
        metric: None,
        table: Some(table.into()),
        scope: Some(scope),
        mtu: None,
        advmss: None,
        onlink: flags & RouteFlags::Onlink.bits() != 0,
    };
    let mut by_link = false;
    for (kind, value) in attributes(data.get(HEADER..)?) {
        match kind {
            libc::RTA_DST => route.destination = IpNet::new(ip(family, value)?, prefix).ok()?,
            libc::RTA_GATEWAY => route.gateway = ip(family, value),
            libc::RTA_PREFSRC => route.source = ip(family, value),
            libc::RTA_PRIORITY => route.metric = u32_at(value, 0).filter(|metric| *metric != 0),
            libc::RTA_TABLE => route.table = u32_at(value, 0),
            libc::RTA_METRICS => (route.mtu, route.advmss) = metrics(value),
            libc::RTA_OIF => by_link |= u32_at(value, 0) == Some(link),
            libc::RTA_MULTIPATH => {
                if let Some(gateway) = hop(value, family, link) {
                    (by_link, route.gateway) = (true, gateway);
                }
            }
            _ => {}
        }
    }
    let elsewhere = kind == libc::RTN_UNICAST && flags & libc::RTM_F_CLONED == 0;
    let listed = by_link && elsewhere && route.table != Some(libc::RT_TABLE_LOCAL.into());
    route.table = route.table.filter(|table| *table != u32::from(libc::RT_TABLE_MAIN));
    listed.then_some(route)
}

fn unspecified(family: u8) -> Option<IpAddr> {
    ip(family, &[0; 16])
}

fn metrics(data: &[u8]) -> (Option<u32>, Option<u32>) {
    let find = |wanted| u32_at(value(data, wanted)?, 0);
    (find(MTU), find(ADVMSS))
}

/// The router of the hop that is by this link, among several that share the load.
fn hop(hops: &[u8], family: u8, link: u32) -> Option<Option<IpAddr>> {
    let mut rest = hops;
    loop {
        let length = usize::from(u16::from_ne_bytes(bytes(rest, 0)?));
        if u32_at(rest, 4)? == link {
            let mut all = attributes(rest.get(HOP..length)?);
            let gateway = all.find(|(kind, _)| *kind == libc::RTA_GATEWAY);
            return Some(gateway.and_then(|(_, value)| ip(family, value)));
        }
        rest = rest.get(length.max(HOP)..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_message_stops_the_reader(
            family in prop::sample::select(vec![libc::AF_INET as u8, libc::AF_INET6 as u8]),
            prefix: u8,
            data in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = (read(&data, 7), hop(&data, family, 7), metrics(&data));
            let header = [family, prefix, 0, 0, 254, 3, 0, libc::RTN_UNICAST, 0, 0, 0, 0];
            let _ = read(&[&header[..], &data].concat(), 7);
        }
    }
}
