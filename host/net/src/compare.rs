//! Whether an effect is still as it was done (CHECK).

use crate::effect::{
    Effect, FunctionChange, Limited, LinkRef, NewLink, PortVlans, Property, Route, Setting, Space, which,
};
use crate::undo::{Rules, Undoing, same_setting};
use crate::{Refused, Why};

/// See [`Backend::compare`](crate::Backend::compare).
///
/// Hardware address and MTU of a link that was made are no part of its identity: later plugins of a chain may change
/// them.
pub(crate) fn effect(node: &mut impl Undoing, effect: &Effect) -> Result<Option<String>, Refused> {
    if space(effect) == Some(Space::Sandbox) && node.sandbox()?.is_none() {
        return Ok(Some("the pod's namespace is gone".to_owned()));
    }
    match differs(node, effect) {
        // What it was done to is gone.
        Err(refused) if refused.why() == Why::Missing => Ok(Some(refused.to_string())),
        told => told,
    }
}

fn differs(node: &mut impl Undoing, effect: &Effect) -> Result<Option<String>, Refused> {
    match effect {
        Effect::Veth { inside, outside, .. } => match made(node, inside, "veth")? {
            None => made(node, outside, "veth"),
            differs => Ok(differs),
        },
        Effect::Link { link, kind, .. } => made(node, link, kind.name()),
        Effect::Bridge { link, .. } => {
            let found = node.link_named(link.space, &link.name)?;
            Ok(missing(found.is_some_and(|found| found.kind == "bridge"), effect))
        }
        Effect::Pair { end, .. } => {
            let found = node.link_named(end.space, &end.name)?;
            Ok(missing(found.is_some_and(|found| found.kind == "veth"), effect))
        }
        Effect::Move { to, name, .. } => {
            let found = node.link_named(*to, name)?;
            Ok(missing(found.is_some(), &format_args!("link {name} {to}")))
        }
        Effect::Set { link, property, .. } => set(node, link, property),
        Effect::Address { link, address, .. } => {
            let found = node.link_at(link.space, link.index)?;
            let has =
                found.is_some_and(|found| found.addresses.iter().any(|has| has.parse() == Ok(*address)));
            Ok(missing(has, effect))
        }
        Effect::NoAddress { link, address } => {
            let found = node.link_at(link.space, link.index)?;
            let has =
                found.is_some_and(|found| found.addresses.iter().any(|has| has.parse() == Ok(*address)));
            Ok(has.then(|| format!("there is address {address} on {link} again")))
        }
        Effect::Route { link, route, .. } => Ok(missing(has_route(node, link, route)?, effect)),
        Effect::NoRoute { link, route, .. } => {
            Ok(has_route(node, link, route)?.then(|| format!("there is route {route} by {link} again")))
        }
        Effect::Neighbour { link, address, mac } => {
            Ok(missing(node.neighbours(link)?.contains(&(*address, *mac)), effect))
        }
        Effect::Sysctl { space, key, value, .. } => {
            let now = node.sysctl(*space, key)?;
            Ok((!same_setting(&now, value))
                .then(|| format!("{key} is {now} {space}, and was set to {value}")))
        }
        Effect::Masquerade { id, address, .. } => {
            Ok(missing(node.has_rules(Rules::Masquerade { address: *address, id })?, effect))
        }
        Effect::SpoofCheck { id, port, .. } => {
            Ok(missing(node.has_rules(Rules::SpoofCheck { port: port.index, id })?, effect))
        }
        Effect::Vlans { link, vlans } => {
            let now = node.vlans(link)?;
            Ok(missing(vlans.iter().all(|vlans| vlans.each().all(|vlan| has_vlan(&now, vlan))), effect))
        }
        Effect::NoVlans { link, vlans } => {
            let now = node.vlans(link)?;
            let again = now.iter().find(|now| vlans.iter().any(|gone| overlap(gone, now)));
            Ok(again.map(|again| format!("VLAN {again} passes by {link} again")))
        }
        Effect::PortMapping { id, mapping } => {
            Ok(missing(node.has_rules(Rules::PortMapping { mapping, id })?, effect))
        }
        Effect::Limit { link, limit, apart } => Ok(match node.limit(link)? {
            Some(now) if now == Limited::by(limit, apart.as_ref()) => None,
            Some(Limited { rate, queue, apart: now }) => {
                let (now, before) = (which(now.as_ref()), which(apart.as_ref()));
                Some(format!("rate {rate} limit {queue} by {link}{now}, and it was {limit}{before}"))
            }
            None => missing(false, effect),
        }),
        Effect::Redirect { link, to } => Ok(missing(node.redirect(link)? == Some(to.index), effect)),
        Effect::PolicyRule { rule } => Ok(missing(node.policy_rules()?.contains(rule), effect)),
        Effect::Announce { .. } => Ok(None),
        Effect::Function(change) => function(node, change),
    }
}

fn has_vlan(now: &[PortVlans], wanted: PortVlans) -> bool {
    now.iter().any(|now| {
        (now.native, now.untagged) == (wanted.native, wanted.untagged)
            && (now.first..=now.last).contains(&wanted.first)
    })
}

fn overlap(one: &PortVlans, other: &PortVlans) -> bool {
    one.first <= other.last && other.first <= one.last
}

/// Where it has to be looked for.
fn space(effect: &Effect) -> Option<Space> {
    match effect {
        Effect::Veth { inside, .. } => Some(inside.space),
        Effect::Bridge { link, .. } | Effect::Link { link, .. } => Some(link.space),
        Effect::Pair { end, .. } => Some(end.space),
        Effect::Move { to, .. } => Some(*to),
        Effect::Sysctl { space, .. } => Some(*space),
        Effect::Set { link, .. }
        | Effect::Address { link, .. }
        | Effect::NoAddress { link, .. }
        | Effect::Route { link, .. }
        | Effect::NoRoute { link, .. }
        | Effect::Neighbour { link, .. }
        | Effect::Vlans { link, .. }
        | Effect::NoVlans { link, .. }
        | Effect::Limit { link, .. }
        | Effect::Redirect { link, .. } => Some(link.space),
        Effect::PolicyRule { .. } => Some(Space::Sandbox),
        Effect::Masquerade { .. }
        | Effect::SpoofCheck { .. }
        | Effect::PortMapping { .. }
        | Effect::Announce { .. }
        | Effect::Function(_) => None,
    }
}

fn missing(there: bool, what: &dyn std::fmt::Display) -> Option<String> {
    (!there).then(|| format!("there is no {what}"))
}

fn made(node: &mut impl Undoing, link: &NewLink, kind: &str) -> Result<Option<String>, Refused> {
    Ok(match node.glance(link.space, link.index)? {
        None => Some(format!("there is no {kind} {link}")),
        Some(found) if found.kind != kind => Some(format!("{link} is no {kind}")),
        Some(found) if found.name != link.name => Some(format!("{link} is called {} now", found.name)),
        Some(_) => None,
    })
}

fn set(node: &mut impl Undoing, link: &LinkRef, property: &Property) -> Result<Option<String>, Refused> {
    Ok(match node.property(link, property)? {
        Some(now) if now == *property => None,
        Some(now) => Some(format!("{link} has {now}, and was given {property}")),
        None => Some(format!("{link} is gone, or has no {property}")),
    })
}

/// Of the address that its own link has, the effects on that link tell: it is with the pod.
fn function(node: &mut impl Undoing, change: &FunctionChange) -> Result<Option<String>, Refused> {
    let (address, given, now) = match change {
        FunctionChange::Set { briefly: true, .. }
        | FunctionChange::Set { setting: Setting::OwnMac(_), .. } => return Ok(None),
        FunctionChange::Set { function, setting, .. } => {
            let found = node.function(&function.address)?;
            let now = found.map(|found| found.settings.like(setting));
            (&function.address, setting.to_string(), now.map(|now| now.map(|now| now.to_string())))
        }
        FunctionChange::Driver { address, driver, .. } => {
            let words = |driver: &Option<String>| format!("driver {}", driver.as_deref().unwrap_or("none"));
            let found = node.function(address)?;
            (address, words(driver), found.map(|found| Some(words(&found.driver))))
        }
    };
    Ok(match now {
        None => Some(format!("there is no virtual function {address}")),
        Some(None) => Some(format!("the driver of {address} no longer tells, and it was given {given}")),
        Some(Some(now)) if now == given => None,
        Some(Some(now)) => Some(format!("virtual function {address} has {now}, and was given {given}")),
    })
}

fn has_route(node: &mut impl Undoing, link: &LinkRef, route: &Route) -> Result<bool, Refused> {
    let routes = node.routes(link)?;
    if routes.iter().any(|there| fits(there, route)) {
        return Ok(true);
    }
    // What a plugin further on made a port of a vrf has its routes in the table of that.
    let Some(table) = own_table(node, link)?.filter(|_| route.table.is_none()) else { return Ok(false) };
    let route = Route { table: Some(table), ..route.clone() };
    Ok(routes.iter().any(|there| fits(there, &route)))
}

/// The table of a link's routes, if it is not the main one.
fn own_table(node: &mut impl Undoing, link: &LinkRef) -> Result<Option<u32>, Refused> {
    if link.space != Space::Sandbox {
        return Ok(None);
    }
    let master = node.glance(link.space, link.index)?.and_then(|link| link.master);
    let Some(master) = master else { return Ok(None) };
    Ok(node.vrfs()?.into_iter().find(|(vrf, _)| vrf.index == master).map(|(_, table)| table))
}

/// What was left to the kernel may have become anything.
fn fits(there: &Route, asked: &Route) -> bool {
    fn same<T: PartialEq>(there: &Option<T>, asked: &Option<T>) -> bool {
        asked.is_none() || there == asked
    }
    there.destination == asked.destination.trunc()
        && there.gateway == asked.gateway
        && there.table.unwrap_or(254) == asked.table.unwrap_or(254)
        && same(&there.source, &asked.source)
        && same(&there.metric, &asked.metric)
        && same(&there.scope, &asked.scope)
        && same(&there.mtu, &asked.mtu)
        && same(&there.advmss, &asked.advmss)
}
