//! Routes as netlink messages.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::{fmt, io};

use netlink_packet_core::{Emitable, Parseable};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop, RouteProtocol,
    RouteScope, RouteType, RouteVia,
};
use nix::libc;

use super::{DefaultRoute, Family, Hop};
use crate::netlink::body;

/// `struct rtmsg`, all of it zero but the family.
pub(super) const HEADER: usize = 12;
/// Where it has its flags.
const FLAGS_AT: usize = 8;

/// Names of links by index.
pub(super) type Names = BTreeMap<u32, String>;

/// What else tells one route from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traits {
    protocol: RouteProtocol,
    scope: RouteScope,
    /// Type of service that it is for.
    tos: u8,
    /// The nexthop object that says where it leads.
    object: Option<u32>,
}

impl Traits {
    /// Those of a route of ours.
    pub(super) fn made_here(gateway: bool) -> Self {
        let scope = if gateway { RouteScope::Universe } else { RouteScope::Link };
        Self { protocol: RouteProtocol::Static, scope, tos: 0, object: None }
    }

    pub(super) fn is_advertised(&self) -> bool {
        self.protocol == RouteProtocol::Ra
    }
}

impl fmt::Display for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proto {}", self.protocol)
    }
}

/// A route by one hop believes that the router is on the link.
pub(super) fn set_onlink(body: &mut [u8]) {
    if let Some(flags) = body.get_mut(FLAGS_AT..HEADER).and_then(|flags| flags.first_chunk_mut()) {
        *flags = (u32::from_ne_bytes(*flags) | RouteFlags::Onlink.bits()).to_ne_bytes();
    }
}

/// The request for a family's routes.
pub(super) fn request(family: Family) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    RouteHeader { address_family: address_family(family), ..RouteHeader::default() }.emit(&mut header);
    header
}

/// The default route in an `RTM_NEWROUTE`; `None` for every other route.
///
/// # Errors
/// A default route that can't be read: it would be overlooked.
pub(super) fn read(body: &[u8], names: &Names) -> io::Result<Option<DefaultRoute>> {
    let unreadable = |error| io::Error::new(io::ErrorKind::InvalidData, format!("a default route: {error}"));
    let header = RouteHeader::parse(body).map_err(unreadable)?;
    let Some(family) = plain_default(&header) else { return Ok(None) };
    let message = RouteMessage::parse(body).map_err(unreadable)?;
    let mut route = DefaultRoute {
        family,
        hops: hops(&message.attributes, names),
        metric: 0,
        traits: Traits { protocol: header.protocol, scope: header.scope, tos: header.tos, object: None },
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::NhId(object) => route.traits.object = Some(*object),
            _ => {}
        }
    }
    Ok(Some(route))
}

/// The destination may also be spelt out as `0.0.0.0`: its length of 0 is what counts.
fn plain_default(header: &RouteHeader) -> Option<Family> {
    let family = match header.address_family {
        AddressFamily::Inet => Family::V4,
        AddressFamily::Inet6 => Family::V6,
        _ => return None,
    };
    let everything = header.destination_prefix_length == 0 && header.source_prefix_length == 0;
    let cached = header.flags.bits() & libc::RTM_F_CLONED != 0;
    let main = header.table == RouteHeader::RT_TABLE_MAIN;
    (everything && main && header.kind == RouteType::Unicast && !cached).then_some(family)
}

fn hops(attributes: &[RouteAttribute], names: &Names) -> Vec<Hop> {
    let several = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    let hop = |link: u32, attributes: &[RouteAttribute]| Hop {
        link: names.get(&link).cloned().unwrap_or_default(),
        gateway: attributes.iter().find_map(gateway),
    };
    if let Some(several) = several {
        return several.iter().map(|one| hop(one.interface_index, &one.attributes)).collect();
    }
    let link = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(link) => Some(*link),
        _ => None,
    });
    link.map(|link| hop(link, attributes)).into_iter().collect()
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(address))
        | RouteAttribute::Via(RouteVia::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Gateway(RouteAddress::Inet6(address))
        | RouteAttribute::Via(RouteVia::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

/// The body that adds or deletes a route.
///
/// # Errors
/// A link of it that is not in `names`.
pub(super) fn write(route: &DefaultRoute, names: &Names) -> io::Result<Vec<u8>> {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: address_family(route.family),
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: route.traits.protocol,
        scope: route.traits.scope,
        tos: route.traits.tos,
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    message.attributes = vec![RouteAttribute::Priority(route.metric)];
    match (route.traits.object, route.hops.as_slice()) {
        // The kernel refuses an object together with what it stands for.
        (Some(object), _) => message.attributes.push(RouteAttribute::NhId(object)),
        (None, [hop]) => {
            message.attributes.push(RouteAttribute::Oif(index(&hop.link, names)?));
            message.attributes.extend(hop.gateway.map(|gateway| towards(route.family, gateway)));
        }
        (None, several) => {
            let hops =
                several.iter().map(|hop| next_hop(route.family, hop, names)).collect::<io::Result<_>>()?;
            message.attributes.push(RouteAttribute::MultiPath(hops));
        }
    }
    Ok(body(&message))
}

fn next_hop(family: Family, hop: &Hop, names: &Names) -> io::Result<RouteNextHop> {
    let mut next = RouteNextHop::default();
    next.interface_index = index(&hop.link, names)?;
    next.attributes.extend(hop.gateway.map(|gateway| towards(family, gateway)));
    Ok(next)
}

/// A router of the other family (IPv4 by way of IPv6) has an attribute of its own.
fn towards(family: Family, gateway: IpAddr) -> RouteAttribute {
    if Family::of(&gateway) == family {
        RouteAttribute::Gateway(gateway.into())
    } else {
        RouteAttribute::Via(gateway.into())
    }
}

fn index(link: &str, names: &Names) -> io::Result<u32> {
    let found = names.iter().find(|(_, name)| *name == link).map(|(index, _)| *index);
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no link `{link}`")))
}

fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> Names {
        BTreeMap::from([(2, "eth0".to_owned()), (3, "net1".to_owned())])
    }

    fn hop(link: &str, gateway: &str) -> Hop {
        Hop { link: link.to_owned(), gateway: gateway.parse().ok() }
    }

    #[test]
    fn a_route_is_read_as_it_was_written() {
        let mut shared = DefaultRoute::new(Family::V6, hop("eth0", "fe80::1"), None);
        shared.hops.push(hop("net1", ""));
        let rows = [
            (
                DefaultRoute::new(Family::V4, hop("eth0", "10.0.0.1"), None),
                "default via 10.0.0.1 dev eth0 proto static",
            ),
            (
                DefaultRoute::new(Family::V4, hop("net1", ""), Some(7)),
                "default dev net1 proto static metric 7",
            ),
            (
                DefaultRoute::new(Family::V6, hop("net1", "fd00::1"), None),
                "default via fd00::1 dev net1 proto static metric 1024",
            ),
            (
                DefaultRoute::new(Family::V4, hop("net1", "fe80::1"), None),
                "default via fe80::1 dev net1 proto static",
            ),
            (shared, "default nexthop via fe80::1 dev eth0 nexthop dev net1 proto static metric 1024"),
        ];
        for (route, text) in rows {
            assert_eq!(route.to_string(), text);
            assert_eq!(read(&write(&route, &names()).unwrap(), &names()).unwrap(), Some(route), "{text}");
        }
    }

    #[test]
    fn a_link_that_is_not_there_is_named() {
        let route = DefaultRoute::new(Family::V4, hop("net9", "10.0.0.1"), None);
        let error = write(&route, &names()).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (io::ErrorKind::NotFound, "there is no link `net9`")
        );
    }

    #[test]
    fn other_routes_are_not_default_routes() {
        type Change = fn(&mut Vec<u8>);
        let rows: [(&str, Change); 7] = [
            ("a destination", |body| body[1] = 8),
            ("a source", |body| body[2] = 64),
            ("another table", |body| body[4] = 100),
            ("unreachable", |body| body[7] = libc::RTN_UNREACHABLE),
            ("blackhole", |body| body[7] = libc::RTN_BLACKHOLE),
            ("another family", |body| body[0] = libc::AF_MPLS as u8),
            ("a cached one", |body| body[8..12].copy_from_slice(&libc::RTM_F_CLONED.to_ne_bytes())),
        ];
        let route = DefaultRoute::new(Family::V6, hop("eth0", "fd00::1"), None);
        for (what, change) in rows {
            let mut body = write(&route, &names()).unwrap();
            change(&mut body);
            assert_eq!(read(&body, &names()).unwrap(), None, "{what}");
        }
        assert!(read(&[], &names()).is_err());
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(
            family in prop::sample::select(vec![libc::AF_INET as u8, libc::AF_INET6 as u8]),
            attributes in prop::collection::vec((1_u16..31, prop::collection::vec(any::<u8>(), 0..24)), 0..6),
            rest in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let mut body = vec![family, 0, 0, 0, libc::RT_TABLE_MAIN, 0, 0, libc::RTN_UNICAST, 0, 0, 0, 0];
            for (kind, value) in attributes {
                body.extend((4 + value.len() as u16).to_ne_bytes());
                body.extend(kind.to_ne_bytes());
                body.extend(&value);
                body.resize(body.len().next_multiple_of(4), 0);
            }
            body.extend(rest);
            let _ = read(&body, &names());
        }
    }
}
