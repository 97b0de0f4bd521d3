//! CHECK of what a component did: that it is there and ours, by the record; with what values, by the list's final
//! result, since a later plugin may have changed them.

use std::mem::discriminant;
use std::net::IpAddr;
use std::path::Path;
use std::time::Instant;

use ipnet::IpNet;
use multus_cni::result::{CniResult, Interface};
use multus_cni::{Code, Error};
use multus_journal::{Effect, Outcome, StepRecord};
use multus_net::sriov::{Claims, Taken};
use multus_net::{self as net, Backend, BootId, Kernel, Link, PciAddress, Space};

use super::claims;

/// Compares what a component's step did with the kernel, what later ones of its list did with it left aside. `binaries` says
/// whether one of those is a binary, of which nothing is known.
///
/// # Errors
/// Code 3 naming the first thing that is missing or another, code 5 where the kernel can't be asked.
pub(crate) fn check(
    netns: &str,
    step: &StepRecord,
    later: &[StepRecord],
    binaries: bool,
    result: &CniResult,
) -> Result<(), Error> {
    let mut kernel = Kernel::open(Some(Path::new(netns))).map_err(|error| refused(&error))?;
    compare(&mut kernel, step, &Later { steps: later, binaries }, result)
}

/// Looks whether what a component's step claimed, as IPAM does, and the function that it took are still its attachment's: to
/// everybody else they would be free.
///
/// # Errors
/// Code 3 naming the first claim that is gone or somebody else's, code 5 or 11 where it can't be told.
pub(crate) fn check_claims(
    step: &StepRecord,
    holder: (&str, &str),
    boot: &BootId,
    deadline: Instant,
) -> Result<(), Error> {
    let effects = step.own.effects.iter().filter(|recorded| recorded.outcome == Some(Outcome::Ok));
    for recorded in effects {
        let (what, directory, is_held) = match &recorded.effect {
            Effect::Claim { directory, network, key } => {
                let held = claims::is_held((directory, network, key), holder, deadline)
                    .map_err(|error| Error::new(claims::code(&error), error.to_string()))?;
                (format!("`{key}` of the network {network}"), directory, held)
            }
            Effect::Device { directory, address, .. } => {
                let taken = Claims::at(directory).taken(address, boot);
                let taken = taken.map_err(|error| Error::new(Code::Io, error.to_string()))?;
                let is_ours = |taken: Taken| matches!(taken, Taken::ByUs(by) if (by.container_id.as_str(), by.interface.as_str()) == holder);
                (format!("virtual function {address}"), directory, taken.is_some_and(is_ours))
            }
            _ => continue,
        };
        if !is_held {
            return Err(missing(&format!(
                "{what} is not claimed for this attachment in {directory} any more, and may be given to another pod"
            )));
        }
    }
    Ok(())
}

/// What came after a step.
struct Later<'a> {
    steps: &'a [StepRecord],
    binaries: bool,
}

fn compare(
    node: &mut dyn Backend,
    step: &StepRecord,
    later: &Later<'_>,
    result: &CniResult,
) -> Result<(), Error> {
    let own: Vec<_> = done(step).collect();
    for (at, effect) in own.iter().enumerate().filter(|(_, effect)| lasts(effect, later, result)) {
        let mut after = own.iter().skip(at + 1).copied().chain(later.steps.iter().flat_map(done));
        if after.any(|other| undoes(other, effect)) {
            continue;
        }
        if let Some(difference) = node.compare(effect).map_err(|error| refused(&error))? {
            return Err(missing(&difference));
        }
    }
    let links = node.links(Space::Sandbox).map_err(|error| refused(&error))?;
    for interface in result.interfaces.iter().filter(|interface| interface.in_sandbox()) {
        let is_there = links.iter().any(|link| link.name == interface.name);
        let steps = std::iter::once(step).chain(later.steps);
        if !is_there && has_program(node, &devices(interface.pci_id.as_deref(), steps))? {
            continue;
        }
        values(interface, &links)?;
    }
    Ok(())
}

/// The devices that an interface of a result may stand for: the one that it names, else those that components claimed.
pub(crate) fn devices<'a>(
    named: Option<&str>,
    steps: impl Iterator<Item = &'a StepRecord>,
) -> Vec<PciAddress> {
    if let Some(address) = named.and_then(|address| address.parse().ok()) {
        return vec![address];
    }
    let effects = steps.flat_map(|step| &step.own.effects);
    let address = |effect: &Effect| match effect {
        Effect::Device { address, .. } => Some(address.clone()),
        _ => None,
    };
    effects.filter_map(|recorded| address(&recorded.effect)).collect()
}

/// Whether programs have one of these functions: then the pod has no link of it.
fn has_program(node: &mut dyn Backend, devices: &[PciAddress]) -> Result<bool, Error> {
    for device in devices {
        let found = node.function(device).map_err(|error| refused(&error))?;
        if found.is_some_and(|function| function.is_for_userspace()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn refused(error: &net::Refused) -> Error {
    Error::new(Code::Io, error.to_string())
}

fn missing(what: &str) -> Error {
    Error::new(Code::UnknownContainer, what).with_details("delete the pod so that it is attached anew")
}

fn done(step: &StepRecord) -> impl Iterator<Item = &net::Effect> {
    step.own.effects.iter().filter_map(|recorded| match (&recorded.effect, &recorded.outcome) {
        (Effect::Net { effect }, Some(Outcome::Ok)) => Some(effect),
        _ => None,
    })
}

/// Whether an effect is no longer to be seen because of a later one.
fn undoes(other: &net::Effect, effect: &net::Effect) -> bool {
    match (other, effect) {
        (net::Effect::NoRoute { link, route, .. }, net::Effect::Route { link: of, route: was, .. }) => {
            let same = |one: &net::Route, other: &net::Route| {
                (one.destination, one.gateway, one.table) == (other.destination, other.gateway, other.table)
            };
            of.index == link.index && same(route, was)
        }
        (net::Effect::Set { link, property, .. }, net::Effect::Set { link: of, property: was, .. }) => {
            of.index == link.index && discriminant(property) == discriminant(was)
        }
        (net::Effect::Sysctl { key, .. }, net::Effect::Sysctl { key: was, .. }) => key == was,
        _ => false,
    }
}

/// Whether an effect has to be there still: not what the final result no longer tells of, nor what a later binary may have
/// changed. Hardware addresses and MTUs are the result's to tell.
fn lasts(effect: &net::Effect, later: &Later<'_>, result: &CniResult) -> bool {
    match effect {
        net::Effect::Address { link, address, .. } if link.space == Space::Sandbox => {
            tells_address(result, *address)
        }
        net::Effect::Route { link, route, .. } if link.space == Space::Sandbox => {
            tells_route(result, route.destination, route.gateway)
        }
        net::Effect::Set { link, property, .. } => {
            let inside = link.space == Space::Sandbox;
            match property {
                // What its other end is connected to, or kept from, is on the node.
                net::Property::Master(Some(_))
                | net::Property::Isolated(_)
                | net::Property::Hairpin(_)
                | net::Property::Promiscuous(true) => !later.binaries,
                net::Property::Promiscuous(_)
                | net::Property::AllMulticast(_)
                | net::Property::TxQueueLength(_) => inside && !later.binaries,
                // Whether its own links are up is the pod's affair.
                net::Property::Up(true) => inside && link.name == "lo",
                _ => false,
            }
        }
        net::Effect::Sysctl { space, .. } => *space == Space::Sandbox && !later.binaries,
        net::Effect::NoRoute { .. } | net::Effect::NoAddress { .. } | net::Effect::Announce { .. } => false,
        _ => true,
    }
}

fn tells_address(result: &CniResult, address: IpNet) -> bool {
    result.ips.iter().any(|ip| ip.address.parse() == Ok(address))
}

fn tells_route(result: &CniResult, destination: IpNet, gateway: Option<IpAddr>) -> bool {
    result.routes.iter().any(|route| {
        let by = result.gateway_of(route).and_then(|text| text.parse().ok());
        route.dst.parse() == Ok(destination) && by == gateway
    })
}

fn values(interface: &Interface, links: &[Link]) -> Result<(), Error> {
    let name = &interface.name;
    let Some(link) = links.iter().find(|link| link.name == *name) else {
        return Err(missing(&format!("the link `{name}` is gone from the pod's namespace")));
    };
    let other = |what: &str, is: &str, was: &str| {
        Err(missing(&format!("the link `{name}` has the {what} {is}; it was attached with {was}")))
    };
    match (&interface.mac, interface.mtu) {
        (Some(mac), _) if !mac.eq_ignore_ascii_case(&link.mac) => other("MAC", &link.mac, mac),
        (_, Some(mtu)) if mtu != link.mtu => other("MTU", &link.mtu.to_string(), &mtu.to_string()),
        _ => Ok(()),
    }
}
