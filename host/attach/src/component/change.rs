//! Changes of links: properties, addresses, routes, neighbours, settings.

use std::collections::BTreeSet;

use multus_net::{Effect, Family, LinkRef, Property, Route, Space};
use multus_wasm::node::{Answer, Change, LinkId};

use super::lent::{Lent, Origin};
use super::node::ComponentNode;
use super::refusal::{invalid, not_allowed, not_granted};
use super::{bridge, words};

/// The kernel reserves room for every packet that may wait, in memory that is nobody's share.
const LONGEST_QUEUE: u32 = 1_000_000;
/// Every namespace has it, with this index.
const LOOPBACK: u32 = 1;

/// `set-master` and the other `set-…` of a link.
pub(super) fn property(node: &mut ComponentNode, id: LinkId, change: Change<'_>) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    let property = wanted(node, &lent, change)?;
    check_shared(node, &lent, &property)?;
    let before = before(node, &lent, &property)?;
    if before.as_ref() == Some(&property) {
        // So that CHECK knows of it.
        return node.rely_on(Effect::Set { link: lent.link, property, before: None });
    }
    node.perform(Effect::Set { link: lent.link.clone(), property: property.clone(), before })?;
    node.story.changed(&lent.link, &property);
    Ok(())
}

fn wanted(node: &ComponentNode, lent: &Lent, change: Change<'_>) -> Answer<Property> {
    Ok(match change {
        Change::Master(None) => Property::Master(None),
        Change::Master(Some(master)) => Property::Master(Some(master_index(node, lent, master)?)),
        Change::Mac(text) => Property::Mac(words::mac(text)?),
        Change::Mtu(mtu) => Property::Mtu(mtu),
        Change::Up(up) => Property::Up(up),
        Change::Promiscuous(on) => Property::Promiscuous(on),
        Change::AllMulticast(on) => Property::AllMulticast(on),
        Change::TxQueueLength(packets) if packets > LONGEST_QUEUE => {
            return Err(invalid(format!(
                "a queue of {packets} packets takes too much of the node's memory: at most {LONGEST_QUEUE}"
            )));
        }
        Change::TxQueueLength(packets) => Property::TxQueueLength(packets),
        Change::Hairpin(on) => Property::Hairpin(on),
        Change::Isolated(on) => Property::Isolated(on),
    })
}

/// A bridge that others use as well is made ready, never taken down or made another one.
fn check_shared(node: &ComponentNode, lent: &Lent, property: &Property) -> Answer<()> {
    let harmless = match property {
        _ if lent.origin != Origin::Ensured => true,
        Property::Up(true) | Property::Promiscuous(true) => true,
        // Said once, it no longer follows the ports.
        Property::Mac(mac) => node.now(lent)?.mac == mac.to_string(),
        _ => false,
    };
    if harmless {
        return Ok(());
    }
    Err(not_allowed(
        &format!("make the shared `{}` {property}", lent.link.name),
        "what others use as well can be set up, made promiscuous, and keep the address that it has",
    ))
}

/// A port and its bridge are in one namespace. Whoever may see a bridge of the node may plug its own links in.
fn master_index(node: &ComponentNode, port: &Lent, master: LinkId) -> Answer<u32> {
    let master = node.lent.get(master)?;
    if port.origin == Origin::Ensured {
        return Err(not_allowed(&format!("make the shared `{}` a port", port.link.name), ""));
    }
    if master.link.space != port.link.space {
        let (port, master) = (&port.link.name, &master.link.name);
        return Err(invalid(format!("`{port}` and `{master}` are in different namespaces")));
    }
    if master.origin == Origin::Seen {
        return Err(not_allowed(&format!("plug `{}` into `{}`", port.link.name, master.link.name), ""));
    }
    Ok(master.link.index)
}

/// What a property of a link that was there before has to be restored to. A link of ours goes as a whole, a moved
/// one comes home as it was, a shared one stays as it is.
fn before(node: &ComponentNode, lent: &Lent, property: &Property) -> Answer<Option<Property>> {
    let homely =
        matches!(property, Property::Mac(_) | Property::Mtu(_) | Property::Up(_) | Property::Name(_));
    match lent.origin {
        Origin::Chained => {}
        Origin::Moved if !homely => {}
        _ => return Ok(None),
    }
    let link = node.now(lent)?;
    Ok(match property {
        Property::Up(_) => Some(Property::Up(link.up)),
        Property::Mtu(_) => Some(Property::Mtu(link.mtu)),
        Property::Mac(_) => link.mac.parse().ok().map(Property::Mac),
        Property::Promiscuous(_) => Some(Property::Promiscuous(link.promiscuous)),
        Property::AllMulticast(_) => Some(Property::AllMulticast(link.all_multicast)),
        Property::TxQueueLength(_) => Some(Property::TxQueueLength(link.tx_queue_length)),
        Property::Master(_) => Some(Property::Master(link.master)),
        Property::Hairpin(_) | Property::Isolated(_) | Property::Name(_) | Property::AlternativeName(_) => {
            None
        }
    })
}

/// `bring-up-loopback`. It is the pod's, and no network's to change otherwise.
pub(super) fn bring_up_loopback(node: &mut ComponentNode) -> Answer<LinkId> {
    let found = node.ask(|backend| backend.link_at(Space::Sandbox, LOOPBACK))?;
    let found = found.ok_or_else(|| invalid("the pod has no loopback"))?;
    let link = LinkRef::to(Space::Sandbox, &found);
    let up = |before| Effect::Set { link: link.clone(), property: Property::Up(true), before };
    if found.up {
        node.rely_on(up(None))?;
    } else {
        node.perform(up(Some(Property::Up(false))))?;
    }
    Ok(node.lent.lend(link, Origin::Seen))
}

/// `add-address`.
pub(super) fn add_address(node: &mut ComponentNode, id: LinkId, address: &str) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    let address = words::cidr(address)?;
    if lent.origin == Origin::Ensured && lent.link.space == Space::Sandbox {
        return Err(not_allowed(
            &format!("give {address} to `{}`", lent.link.name),
            "its ports have addresses",
        ));
    }
    if lent.origin == Origin::Ensured {
        return bridge::add_address(node, &lent.link, address);
    }
    if lent.link.space == Space::Host {
        bridge::node_address(node, &lent.link, address)?;
    }
    let lasting = lent.origin == Origin::Chained;
    // Else it would be taken off with ours.
    if lasting && node.now(&lent)?.addresses.iter().any(|text| text.parse() == Ok(address)) {
        return Err(invalid(format!("`{}` has {address} already", lent.link.name)));
    }
    node.perform(Effect::Address { link: lent.link.clone(), address, lasting })?;
    node.story.address(&lent.link, address);
    if lent.link.space == Space::Sandbox && !node.story.is_own(address.addr()) {
        node.hands.take().chosen.push(address.addr());
    }
    Ok(())
}

/// `add-route`.
pub(super) fn add_route(node: &mut ComponentNode, id: LinkId, text: &str) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    let mut route = words::route(text)?;
    check_route(node, &lent, &route)?;
    let lasting = lent.origin == Origin::Chained;
    // Else it would be deleted with ours.
    if lasting
        && node.ask(|backend| backend.routes(&lent.link))?.iter().any(|there| same_place(there, &route))
    {
        return Err(invalid(format!("`{}` has a route to {} already", lent.link.name, route.destination)));
    }
    let perform = |route: &Route| {
        node.perform(Effect::Route { link: lent.link.clone(), route: route.clone(), lasting })
    };
    if let Err(refused) = perform(&route) {
        route.metric = Some(behind_others(node, &lent, &route)?.ok_or(refused)?);
        perform(&route)?;
    }
    node.story.route(&lent.link, route);
    Ok(())
}

/// Of two such the kernel keeps one.
fn same_place(one: &Route, other: &Route) -> bool {
    (one.destination, one.metric, one.table) == (other.destination, other.metric, other.table)
}

/// The kernel keeps one route of each metric. A pod's default route stays with the network that had it first; those of
/// later ones, which nobody chose by `default-route`, come behind (decision 9). `None` where nothing is in the way.
fn behind_others(node: &ComponentNode, lent: &Lent, wanted: &Route) -> Answer<Option<u32>> {
    let is_default = wanted.destination.prefix_len() == 0 && wanted.metric.is_none();
    if lent.link.space != Space::Sandbox || !is_default {
        return Ok(None);
    }
    let usual = Family::of(&wanted.destination.addr()).usual_metric();
    let mut taken = BTreeSet::new();
    for link in node.ask(|backend| backend.links(Space::Sandbox))? {
        let there = LinkRef::to(Space::Sandbox, &link);
        if there.index != lent.link.index {
            let routes = node.ask(|backend| backend.routes(&there))?;
            let same = routes
                .iter()
                .filter(|route| route.destination == wanted.destination && route.table == wanted.table);
            taken.extend(same.map(|route| route.metric.unwrap_or(usual)));
        }
    }
    let free = (usual..).find(|metric| !taken.contains(metric));
    Ok(free.filter(|metric| *metric != usual))
}

/// On the node a module leads packets to its own pod, and nowhere else.
fn check_route(node: &ComponentNode, lent: &Lent, route: &Route) -> Answer<()> {
    let to = route.destination;
    match lent.link.space {
        Space::Sandbox if to.prefix_len() == 0 && !node.grants.default_routes() => {
            Err(not_granted("add a default route", "\"defaultRoutes\": true"))
        }
        Space::Host if !node.story.is_own(to.addr()) || to.prefix_len() != to.max_prefix_len() => {
            Err(not_allowed(
                &format!("route {to} to `{}` on the node", lent.link.name),
                "on the node only addresses that IPAM and this call gave to the pod can be routed, each by itself",
            ))
        }
        _ => Ok(()),
    }
}

/// `remove-prefix-route`.
pub(super) fn remove_prefix_route(node: &mut ComponentNode, id: LinkId, address: &str) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    let address = words::cidr(address)?;
    if lent.origin != Origin::Made && lent.origin != Origin::Moved {
        let what = format!("remove the route of {address} from `{}`", lent.link.name);
        return Err(not_allowed(&what, "only from links that this attachment made or moved"));
    }
    let routes = node.ask(|backend| backend.routes(&lent.link))?;
    let network = address.trunc();
    let of_kernel = |route: &Route| route.destination == network && route.gateway.is_none();
    match routes.into_iter().find(of_kernel) {
        Some(route) => node.perform(Effect::NoRoute { link: lent.link, route, lasting: false }),
        None => Ok(()),
    }
}

/// `add-neighbour`.
pub(super) fn add_neighbour(node: &mut ComponentNode, id: LinkId, address: &str, mac: &str) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    if lent.origin != Origin::Made && lent.origin != Origin::Moved {
        let what = format!("add a neighbour to `{}`", lent.link.name);
        return Err(not_allowed(&what, "only to links that this attachment made or moved"));
    }
    let (address, mac) = (words::address(address)?, words::mac(mac)?);
    node.perform(Effect::Neighbour { link: lent.link, address, mac })
}

/// `set-sysctl`.
pub(super) fn set_sysctl(node: &mut ComponentNode, id: LinkId, key: &str, value: &str) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    let whole = link_key(node, &lent, key)?;
    check_granted(node, &whole)?;
    sysctl(node, lent.link.space, whole, value)
}

/// A link may have been renamed since, and its settings go by its name.
fn link_key(node: &ComponentNode, lent: &Lent, key: &str) -> Answer<String> {
    let name = node.now(lent)?.name;
    let setting = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    match key.split_once('/') {
        Some((family @ ("ipv4" | "ipv6"), rest)) if setting(rest) => {
            Ok(format!("net/{family}/conf/{name}/{rest}"))
        }
        Some(("ipv4-neigh", rest)) if setting(rest) => Ok(format!("net/ipv4/neigh/{name}/{rest}")),
        Some(("ipv6-neigh", rest)) if setting(rest) => Ok(format!("net/ipv6/neigh/{name}/{rest}")),
        _ => {
            Err(invalid(format!("`{}` is no setting of a link, like `ipv4/arp_notify`", key.escape_debug())))
        }
    }
}

/// `ensure` of the interface sysctl.
pub(super) fn ensure_sysctl(node: &mut ComponentNode, key: &str, value: &str) -> Answer<()> {
    check_granted(node, key)?;
    sysctl(node, Space::Host, key.to_owned(), value)
}

/// `set-sandbox-sysctl`. A link's settings are as much its own as its other properties.
pub(super) fn set_sandbox_sysctl(node: &mut ComponentNode, key: &str, value: &str) -> Answer<()> {
    check_granted(node, key)?;
    if let Some(name) = link_of_key(key)
        && let Some(link) = node.ask(|backend| backend.link_named(Space::Sandbox, name))?
        && let Some(id) = node.lend(Space::Sandbox, &link)
    {
        node.lent.to_change(id)?;
    }
    let before = node.ask(|backend| backend.sysctl(Space::Sandbox, key))?;
    let effect =
        Effect::Sysctl { space: Space::Sandbox, key: key.to_owned(), value: value.to_owned(), before };
    match &effect {
        // So that CHECK knows of it.
        Effect::Sysctl { before, .. } if before == value => node.rely_on(effect),
        _ => node.perform(effect),
    }
}

fn check_granted(node: &ComponentNode, key: &str) -> Answer<()> {
    if node.grants.allows_sysctl(key) {
        return Ok(());
    }
    let key = key.escape_debug();
    Err(not_granted(&format!("set {key}"), &format!("\"sysctls\": [\"{key}\"]")))
}

/// `eth0` of `net/ipv4/conf/eth0/rp_filter`. The loopback is no network's.
fn link_of_key(key: &str) -> Option<&str> {
    let mut parts = key.split('/').skip(2);
    let (folder, name) = (parts.next()?, parts.next()?);
    (matches!(folder, "conf" | "neigh") && !matches!(name, "all" | "default" | "lo")).then_some(name)
}

fn sysctl(node: &ComponentNode, space: Space, key: String, value: &str) -> Answer<()> {
    let before = node.ask(|backend| backend.sysctl(space, &key))?;
    if before == value {
        return Ok(());
    }
    node.perform(Effect::Sysctl { space, key, value: value.to_owned(), before })
}
