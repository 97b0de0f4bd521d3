//! Links that come to the pod: made there, or taken from the node.

use ipnet::IpNet;
use multus_net::{Effect, Link, LinkRef, MacAddr, MacvlanMode, NewLink, Space};
use multus_wasm::node::{Answer, LinkId};

use super::chance;
use super::lent::{Lent, Origin};
use super::node::ComponentNode;
use super::refusal::{invalid, not_allowed, not_granted};
use super::words::{self, MacvlanOptions, VethOptions};

/// Somebody else may have the number or name that chance chose.
const ATTEMPTS: u32 = 4;

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
    let MacvlanOptions { mode, mtu, mac } = words::options(options)?;
    own_name(node, name)?;
    let mac = mac.as_deref().map(words::mac).transpose()?;
    let lent = node.lent.get(id)?.clone();
    if lent.origin == Origin::Seen {
        return Err(not_allowed(&format!("make a link on `{}` of the pod", lent.link.name), ""));
    }
    let below = node.now(&lent)?;
    if lent.origin == Origin::Granted {
        still_called(&lent, &below)?;
    }
    if let Some(bridge) = below.master {
        return Err(invalid(format!(
            "`{}` is a port of link {bridge}, and the kernel lets no macvlan be on such a one: use a link that is none",
            below.name
        )));
    }
    let mode = mode.unwrap_or(MacvlanMode::Bridge);
    let own = match mode {
        // It has its parent's, whatever is asked for.
        MacvlanMode::Passthru => Some(words::mac(&below.mac)?),
        _ => mac,
    };
    with_luck(node, name, ATTEMPTS, |node| {
        let link = inside(name, own);
        node.perform(Effect::Macvlan { link: link.clone(), parent: lent.link.clone(), mode, mtu })?;
        node.story.made(&link, Some(mtu.unwrap_or(below.mtu)));
        Ok(lend(node, link))
    })
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
