//! CHECK of what a component did: that it is there and ours, by the record; with what values, by the list's final
//! result, since a later plugin may have changed them.

use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use multus_cni::result::{CniResult, Interface};
use multus_cni::{Code, Error};
use multus_journal::{Effect, Outcome, StepRecord};
use multus_net::{self as net, Backend, Kernel, Link, Space};

/// Compares what a component's step did with the kernel.
///
/// # Errors
/// Code 3 naming the first thing that is missing or another, code 5 where the kernel can't be asked.
pub(crate) fn check(netns: &str, step: &StepRecord, result: &CniResult) -> Result<(), Error> {
    let mut kernel = Kernel::open(Some(Path::new(netns))).map_err(|error| refused(&error))?;
    compare(&mut kernel, step, result)
}

fn compare(node: &mut dyn Backend, step: &StepRecord, result: &CniResult) -> Result<(), Error> {
    for effect in done(step).filter(|effect| lasts(effect, result)) {
        if let Some(difference) = node.compare(effect).map_err(|error| refused(&error))? {
            return Err(missing(&difference));
        }
    }
    let links = node.links(Space::Sandbox).map_err(|error| refused(&error))?;
    let in_pod = result.interfaces.iter().filter(|interface| interface.in_sandbox());
    in_pod.map(|interface| values(interface, &links)).find_map(Result::err).map_or(Ok(()), Err)
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

/// Whether an effect has to be there still: not what the final result no longer tells of, nor values of links, which
/// a later plugin may have changed.
fn lasts(effect: &net::Effect, result: &CniResult) -> bool {
    match effect {
        net::Effect::Address { link, address, .. } if link.space == Space::Sandbox => {
            tells_address(result, *address)
        }
        net::Effect::Route { link, route, .. } if link.space == Space::Sandbox => {
            tells_route(result, route.destination, route.gateway)
        }
        net::Effect::Set { .. }
        | net::Effect::Sysctl { .. }
        | net::Effect::NoRoute { .. }
        | net::Effect::NoAddress { .. }
        | net::Effect::Announce { .. } => false,
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
