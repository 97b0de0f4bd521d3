//! Links that come to the pod: made there, or taken from the node.

use std::collections::BTreeSet;

use ipnet::IpNet;
use multus_net::{Effect, IpvlanMode, Link, LinkKind, LinkRef, MacAddr, MacvlanMode, NewLink, Space};
use multus_wasm::node::{Answer, LinkId};

use super::chance;
use super::lent::{Lent, Origin};
use super::node::ComponentNode;
use super::refusal::{invalid, not_allowed, not_granted};
use super::words::{self, LinkOptions, MacvlanOptions, VethOptions, VrfOptions};

/// Somebody else may have the number or name that chance chose.
const ATTEMPTS: u32 = 4;
const LAST_VLAN: u16 = 4094;

/// `create-veth`.
pub(super) fn veth(node: &mut ComponentNode, name: &str, options: &str) -> Answer<(LinkId, LinkId)> {
    let VethOptions { mtu, mac, host_name } = words::options(options)?;
    own_name(node, name)?;
    if let Some(name) = &host_name {
        words::link_name(name)?;
        if !node.grants.links_match(name) {
            return Err(not_granted(
                &format!("name a link of the node `{name}`"),
                &format!("\"links\": [\"{name}\"]"),
            ));
        }
    }
    let mac = mac.as_deref().map(words::mac).transpose()?;
    let attempts = if host_name.is_some() { 1 } else { ATTEMPTS };
    with_luck(node, name, attempts, |node| {
        let inside = inside(name, mac);
        let outside = NewLink {
            space: Space::Host,
            index: chance::index(),
            name: host_name.clone().unwrap_or_else(chance::veth_name),
            mac: chance::mac(),
        };
        node.perform(Effect::Veth { inside: inside.clone(), outside: outside.clone(), mtu })?;
        node.story.made(&outside, mtu);
        node.story.made(&inside, mtu);
        Ok((lend(node, inside), lend(node, outside)))
    })
}

/// Makes something whose numbers chance chooses, until it can be made.
fn with_luck<T>(
    node: &mut ComponentNode,
    name: &str,
    attempts: u32,
    mut make: impl FnMut(&mut ComponentNode) -> Answer<T>,
) -> Answer<T> {
    for _ in 1..attempts {
        match make(node) {
            // A name in the sandbox that is taken stays taken.
            Err(refused) if taken(node, name)? => return Err(refused),
            Err(_) => {}
            made => return made,
        }
    }
    make(node)
}

/// A link of the sandbox that is to be made.
fn inside(name: &str, mac: Option<MacAddr>) -> NewLink {
    NewLink {
        space: Space::Sandbox,
        index: chance::index(),
        name: name.to_owned(),
        mac: mac.unwrap_or_else(chance::mac),
    }
}

/// `create-macvlan`.
pub(super) fn macvlan(node: &mut ComponentNode, id: LinkId, name: &str, options: &str) -> Answer<LinkId> {
    let MacvlanOptions { mode, mtu, mac, queue } = words::options(options)?;
    let kind = LinkKind::Macvlan { mode: mode.unwrap_or(MacvlanMode::Bridge), queue };
    made(node, kind, Some(id), name, mtu, mac.as_deref())
}

/// `create-link`.
pub(super) fn link(
    node: &mut ComponentNode,
    kind: &str,
    parent: Option<LinkId>,
    name: &str,
    options: &str,
) -> Answer<LinkId> {
    let given: LinkOptions = words::options(options)?;
    let strange = |what: &str| Err(invalid(format!("a link of kind `{kind}` has no `{what}`")));
    let made_as = match (kind, given.id) {
        ("ipvlan", None) => LinkKind::Ipvlan { mode: given.mode.unwrap_or(IpvlanMode::L2) },
        ("vlan", Some(id)) if id <= LAST_VLAN => LinkKind::Vlan { id },
        ("vlan", _) => return Err(invalid(format!("a link of kind `vlan` has an `id`, 0 to {LAST_VLAN}"))),
        ("dummy", None) => LinkKind::Dummy,
        ("ipvlan" | "dummy", Some(_)) => return strange("id"),
        _ => {
            let kind = kind.escape_debug();
            return Err(invalid(format!(
                "`{kind}` is no kind of link that can be made: ipvlan, vlan, dummy"
            )));
        }
    };
    if given.mode.is_some() && kind != "ipvlan" {
        return strange("mode");
    }
    made(node, made_as, parent, name, given.mtu, given.mac.as_deref())
}

/// A link of the sandbox of any kind, on its parent if it has one.
fn made(
    node: &mut ComponentNode,
    kind: LinkKind,
    parent: Option<LinkId>,
    name: &str,
    mtu: Option<u32>,
    mac: Option<&str>,
) -> Answer<LinkId> {
    own_name(node, name)?;
    let asked = mac.map(words::mac).transpose()?;
    let below = match (kind, parent) {
        (LinkKind::Dummy, None) => None,
        (LinkKind::Dummy, Some(_)) => return Err(invalid("a link of kind `dummy` is on no other")),
        (_, None) => return Err(invalid(format!("a link of kind `{}` is on another one", kind.name()))),
        (_, Some(id)) => Some(below(node, id, kind)?),
    };
    let of_parent = || below.as_ref().map(|(_, below)| words::mac(&below.mac)).transpose();
    let own = match kind {
        _ if kind.has_parents_mac() => of_parent()?,
        LinkKind::Vlan { .. } if asked.is_none() => of_parent()?,
        _ => asked,
    };
    let usual = below.as_ref().map(|(_, below)| below.mtu);
    let parent = below.map(|(lent, _)| lent.link);
    with_luck(node, name, ATTEMPTS, |node| {
        let link = inside(name, own);
        node.perform(Effect::Link { link: link.clone(), parent: parent.clone(), kind, mtu })?;
        node.story.made(&link, mtu.or(usual));
        Ok(lend(node, link))
    })
}

/// A link that others may be on, as it is now.
fn below(node: &ComponentNode, id: LinkId, kind: LinkKind) -> Answer<(Lent, Link)> {
    let lent = node.lent.get(id)?.clone();
    let name = &lent.link.name;
    if lent.origin == Origin::Seen && !node.grants.names_match(name) {
        return Err(not_granted(
            &format!("make a link on `{name}` of the pod, which this attachment neither made nor moved"),
            &format!("\"names\": [\"{name}\"]"),
        ));
    }
    let below = node.now(&lent)?;
    if matches!(lent.origin, Origin::Granted | Origin::Seen) {
        still_called(&lent, &below)?;
    }
    let takes_all = matches!(kind, LinkKind::Macvlan { .. } | LinkKind::Ipvlan { .. });
    if let Some(master) = below.master.filter(|_| takes_all)
        && is_bridge(node, &lent, master)?
    {
        return Err(invalid(format!(
            "`{}` is a port of link {master}, and the kernel lets no {} be on such a one: use a link that is none",
            below.name,
            kind.name()
        )));
    }
    Ok((lent, below))
}

fn is_bridge(node: &ComponentNode, port: &Lent, master: u32) -> Answer<bool> {
    let found = node.ask(|backend| backend.link_at(port.link.space, master))?;
    Ok(found.is_some_and(|found| found.kind == "bridge"))
}

/// `ensure-vrf`.
pub(super) fn vrf(node: &mut ComponentNode, name: &str, options: &str) -> Answer<(LinkId, u32)> {
    let VrfOptions { table } = words::options(options)?;
    words::link_name(name)?;
    if !node.grants.names_match(name) {
        return Err(not_granted(
            &format!("use the link `{name}` of the pod"),
            &format!("\"names\": [\"{name}\"]"),
        ));
    }
    let all = node.ask(|backend| backend.vrfs())?;
    let known = all.iter().find(|(link, _)| link.name == name);
    let (there, table) = match known {
        Some((_, own)) if table.is_some_and(|table| table != *own) => {
            return Err(invalid(format!("`{name}` is there already, with the routing table {own}")));
        }
        Some((link, own)) => {
            let there = as_seen(link)?;
            let kind = LinkKind::Vrf { table: *own };
            // The last of those that rely on it takes it away.
            node.rely_on(Effect::Link { link: there.clone(), parent: None, kind, mtu: None })?;
            (there, *own)
        }
        None => {
            let taken: BTreeSet<u32> = all.iter().map(|(_, table)| *table).collect();
            let free = || (1..).find(|table| !taken.contains(table)).unwrap_or(1);
            let table = table.unwrap_or_else(free);
            let kind = LinkKind::Vrf { table };
            let link = with_luck(node, name, ATTEMPTS, |node| {
                let link = inside(name, None);
                node.perform(Effect::Link { link: link.clone(), parent: None, kind, mtu: None })?;
                Ok(link)
            })?;
            (link, table)
        }
    };
    let link = LinkRef { space: there.space, index: there.index, name: there.name };
    Ok((node.lent.lend(link, Origin::Ensured), table))
}

fn as_seen(link: &Link) -> Answer<NewLink> {
    let mac = words::mac(&link.mac)?;
    Ok(NewLink { space: Space::Sandbox, index: link.index, name: link.name.clone(), mac })
}

/// The name is what was granted.
fn still_called(lent: &Lent, now: &Link) -> Answer<()> {
    if now.name == lent.link.name {
        return Ok(());
    }
    Err(invalid(format!("`{}` has become `{}` meanwhile", lent.link.name, now.name)))
}

/// `default-link`: of the links that the module may see, the one by which the node's packets leave.
pub(super) fn default_link(node: &mut ComponentNode) -> Answer<Option<LinkId>> {
    let links = node.ask(|backend| backend.links(Space::Host))?;
    let mut best: Option<(u32, &Link)> = None;
    for link in links.iter().filter(|link| node.grants.links_match(&link.name)) {
        let there = LinkRef::to(Space::Host, link);
        let routes = node.ask(|backend| backend.routes(&there))?;
        let leaving =
            routes.iter().filter(|route| route.destination.prefix_len() == 0 && route.table.is_none());
        // IPv6 counts where there is no IPv4.
        let order = leaving.map(|route| match route.destination {
            IpNet::V4(_) => route.metric.unwrap_or(0),
            IpNet::V6(_) => u32::MAX,
        });
        let Some(metric) = order.min() else { continue };
        if best.is_none_or(|(other, _)| metric < other) {
            best = Some((metric, link));
        }
    }
    Ok(best.and_then(|(_, link)| node.lend(Space::Host, link)))
}

fn taken(node: &ComponentNode, name: &str) -> Answer<bool> {
    Ok(node.ask(|backend| backend.link_named(Space::Sandbox, name))?.is_some())
}

fn lend(node: &mut ComponentNode, link: NewLink) -> LinkId {
    node.lent.lend(LinkRef { space: link.space, index: link.index, name: link.name }, Origin::Made)
}

/// Inside the sandbox a module names the attachment's interface, and what it was granted beside.
pub(super) fn own_name(node: &ComponentNode, name: &str) -> Answer<()> {
    words::link_name(name)?;
    if name == node.scene.interface || node.grants.names_match(name) {
        return Ok(());
    }
    Err(not_granted(
        &format!("name a link of the pod `{name}`: the attachment's is `{}`", node.scene.interface),
        &format!("\"names\": [\"{name}\"]"),
    ))
}

/// `move-link`.
pub(super) fn moved(node: &mut ComponentNode, id: LinkId, to: Space, name: &str) -> Answer<()> {
    let lent = node.lent.get(id)?.clone();
    let (Origin::Granted, Space::Sandbox) = (lent.origin, to) else {
        return Err(not_allowed(
            &format!("move `{}`", lent.link.name),
            "a link of the node whose name was granted can be moved to the pod, and DEL brings it home",
        ));
    };
    own_name(node, name)?;
    still_called(&lent, &node.now(&lent)?)?;
    let home = node.ask(|backend| backend.home(&lent.link))?;
    node.perform(Effect::Move { link: lent.link, to, name: name.to_owned(), home })?;
    let there = node.ask(|backend| backend.link_named(to, name))?;
    let there = there.ok_or_else(|| invalid(format!("`{name}` is gone from the pod's namespace")))?;
    node.story.there(to, &there);
    node.lent.moved(id, LinkRef::to(to, &there));
    Ok(())
}

/// `find-device`.
pub(super) fn find_device(node: &mut ComponentNode, device: &str) -> Answer<Option<LinkId>> {
    let Some(link) = node.ask(|backend| backend.link_of_device(device))? else { return Ok(None) };
    let Link { name, .. } = &link;
    if !node.grants.links_match(name) {
        return Err(not_granted(
            &format!("use `{name}`, the link of {device}"),
            &format!("\"links\": [\"{name}\"]"),
        ));
    }
    Ok(node.lend(Space::Host, &link))
}
