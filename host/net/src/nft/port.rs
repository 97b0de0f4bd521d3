//! Ports of the node that lead to pods. Nobody has a port that somebody else has: what is there is looked at, and the
//! change is made only if nobody changed anything since.

use nix::libc;

use super::encode::Attributes;
use super::place::{self, Place};
use super::rule::{self, Rule};
use super::{HEADER, batch, check_length, header, kind, rules};
use crate::answer::Refusal;
use crate::attribute::{attributes, bytes};
use crate::effect::{Disguise, HostPort, PortMapping};
use crate::netlink::{Request, Socket};

/// `NFTA_GEN_ID`: the number of a state of all rules.
const GENERATION: u16 = 1;
/// Each time somebody else got on with something.
const ATTEMPTS: u32 = 500;

/// Leads a port of the node to one of a pod.
///
/// # Errors
/// The kernel's refusal; `EEXIST` if it was done with this id, `EADDRINUSE` if the port is somebody else's.
pub(crate) fn map_port(socket: &Socket, id: &str, mapping: &PortMapping) -> Result<(), Refusal> {
    check_length(id)?;
    let rules = rules_of(mapping);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let seen = generation(socket)?;
        check_free(socket, id, &mapping.from)?;
        match make(socket, seen, id, &rules) {
            Err(refusal) if attempts < ATTEMPTS && refusal.errno() == Some(libc::ERESTART) => {}
            done => return done,
        }
    }
}

/// Where the rules of a mapping are; the first of them is the one without which there is none.
pub(crate) fn places_of(mapping: &PortMapping) -> Vec<Place> {
    let places = [Place::host_port(&mapping.from), Place::target(mapping.address)];
    let disguised = mapping.disguise != Disguise::Nobody;
    places.into_iter().take(1 + usize::from(disguised)).collect()
}

fn rules_of(mapping: &PortMapping) -> Vec<(Place, Rule)> {
    let lead = (Place::host_port(&mapping.from), rule::lead(mapping.to()));
    let near = |network| (Place::target(mapping.address), rule::disguise(&mapping.from, network));
    let loopback = mapping.from.is_v4().then_some(rule::LOOPBACK);
    let rest = match mapping.disguise {
        Disguise::Nobody => Vec::new(),
        Disguise::Neighbours => {
            [Some(mapping.network), loopback].into_iter().flatten().map(Some).map(near).collect()
        }
        Disguise::Everybody => vec![near(None)],
    };
    std::iter::once(lead).chain(rest).collect()
}

fn make(socket: &Socket, seen: u32, id: &str, rules: &[(Place, Rule)]) -> Result<(), Refusal> {
    let commit = |changes: Vec<Request>| {
        batch(
            socket,
            changes,
            Attributes::default().bytes(libc::NFNL_BATCH_GENID as u16, &seen.to_be_bytes()),
        )
    };
    let add = || {
        let comment = place::userdata(id);
        rules.iter().flat_map(move |(place, rule)| place.add(&comment, rule.clone())).collect::<Vec<_>>()
    };
    match commit(add()) {
        Err(refusal) if refusal.errno() == Some(libc::ENOENT) => {
            let mut all: Vec<_> = rules.iter().take(2).flat_map(|(place, _)| place.ensure()).collect();
            all.extend(add());
            commit(all)
        }
        done => done,
    }
}

/// Nobody has the port, neither of this address nor of all or some other one that is the same to a packet.
fn check_free(socket: &Socket, id: &str, port: &HostPort) -> Result<(), Refusal> {
    let mut all = vec![*port];
    if port.is_any() {
        all.extend(addresses(socket, port)?.into_iter().map(|address| HostPort { address, ..*port }));
    } else {
        all.push(HostPort { address: port.everywhere(), ..*port });
    }
    for port in all {
        match rules(socket, &Place::host_port(&port))?.into_iter().next() {
            None => {}
            Some((_, holder)) if holder == id => {
                return Err(Refusal::new(libc::EEXIST, "it is done already"));
            }
            Some((_, holder)) => return Err(Refusal::new(libc::EADDRINUSE, &port.taken_by(&holder))),
        }
    }
    Ok(())
}

/// The single addresses of which somebody has this port.
fn addresses(socket: &Socket, port: &HostPort) -> Result<Vec<std::net::IpAddr>, Refusal> {
    match socket.dump(kind(libc::NFT_MSG_GETSETELEM), &place::ports_at(port.is_v4())) {
        Ok(messages) => Ok(messages.iter().flat_map(|(_, body)| place::addresses_of(port, body)).collect()),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The number that the state of all rules has now.
fn generation(socket: &Socket) -> Result<u32, Refusal> {
    let (_, body) = socket.get(kind(libc::NFT_MSG_GETGEN), &header(libc::NFPROTO_UNSPEC, 0))?;
    let mut all = body.get(HEADER..).map(attributes).into_iter().flatten();
    let number = all.find(|(kind, _)| *kind == GENERATION).and_then(|(_, value)| bytes(value, 0));
    let unknown = || Refusal::new(libc::EOPNOTSUPP, "this kernel does not number the states of its rules");
    number.map(u32::from_be_bytes).ok_or_else(unknown)
}
