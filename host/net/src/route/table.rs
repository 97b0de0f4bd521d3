//! Reading and changing the main table's default routes.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use nix::libc;

use super::message::{self, Names};
use super::{DefaultRoute, Family};
use crate::answer::Refusal;
use crate::link::{self, Link};
use crate::netlink::Socket;

/// Every default route, IPv4 first, as the kernel orders them.
pub(crate) fn all(socket: &Socket) -> io::Result<Vec<DefaultRoute>> {
    let names = names(link::bare(socket)?);
    let mut routes = Vec::new();
    for family in Family::BOTH {
        for (kind, body) in socket.dump(libc::RTM_GETROUTE, &message::request(family))? {
            if kind == libc::RTM_NEWROUTE {
                routes.extend(message::read(&body, &names)?);
            }
        }
    }
    Ok(routes)
}

/// Adds a route behind those that are there.
pub(crate) fn add(socket: &Socket, route: &DefaultRoute) -> Result<(), Refusal> {
    let links = link::all(socket)?;
    if route.hops.iter().filter_map(|hop| hop.gateway).any(|gateway| is_own(gateway, &links)) {
        // Of IPv6 the kernel says so itself; over IPv4 it would send everything to nobody.
        return Err(Refusal::new(libc::EINVAL, "it is an address of the namespace itself"));
    }
    let neighbours = are_neighbours(route, &links);
    let mut body = message::write(route, &names(links))?;
    let mut add = |how: fn(&mut [u8])| {
        how(&mut body);
        socket.change(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_APPEND, &body)
    };
    match add(|_| {}) {
        // The route to the link's own network is in another table: `sbr` took it there.
        Err(refusal)
            if neighbours && matches!(refusal.errno(), Some(libc::ENETUNREACH | libc::EHOSTUNREACH)) =>
        {
            add(message::set_onlink)
        }
        done => done,
    }
}

/// Whether each hop's router is in a network of which its link has an address.
fn are_neighbours(route: &DefaultRoute, links: &[Link]) -> bool {
    route.hops.iter().all(|hop| {
        let link = links.iter().find(|link| link.name == hop.link);
        let networks = link.into_iter().flat_map(|link| &link.addresses);
        let mut networks = networks.filter_map(|text| text.parse::<IpNet>().ok());
        networks.any(|network| hop.gateway.is_some_and(|gateway| network.contains(&gateway)))
    })
}

/// Deletes a route, or finds it gone.
pub(crate) fn delete(socket: &Socket, route: &DefaultRoute) -> Result<(), Refusal> {
    let body = match message::write(route, &names(link::bare(socket)?)) {
        // Its routes went with the link.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        body => body?,
    };
    match socket.change(libc::RTM_DELROUTE, 0, &body) {
        Err(refusal) if refusal.source.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        done => done,
    }
}

fn is_own(gateway: IpAddr, links: &[Link]) -> bool {
    let mut addresses = links.iter().flat_map(|link| &link.addresses);
    addresses.any(|own| own.split('/').next().is_some_and(|own| own.parse() == Ok(gateway)))
}

fn names(links: Vec<Link>) -> Names {
    links.into_iter().map(|link| (link.index, link.name)).collect()
}
