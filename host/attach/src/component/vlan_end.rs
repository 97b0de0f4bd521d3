//! An end of the node's own in a VLAN of a bridge: its gateway there. Shared as the bridge is, and made sure of under the same
//! lock.

use multus_net::{Effect, Link, LinkRef, NewLink, PortVlans, Property, Space};
use multus_wasm::node::{Answer, LinkId};

use super::bridge;
use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{self, invalid, not_allowed};
use super::{chance, ensured, words};

const KIND: &str = "veth";
const BRIDGE: &str = "bridge";

/// `ensure-vlan-end`. Whoever finds one that is not complete completes it; it is up last, when it can't be in another VLAN.
pub(super) fn ensure(node: &mut ComponentNode, id: LinkId, vlan: u16) -> Answer<LinkId> {
    let lent = node.lent.to_change(id)?;
    let bridge = node.now(&lent)?;
    if lent.origin != Origin::Ensured || lent.link.space != Space::Host || bridge.kind != BRIDGE {
        let what = format!("make an end in a VLAN of `{}`", lent.link.name);
        return Err(not_allowed(&what, "only of bridges of the node that this call ensured"));
    }
    let native = PortVlans::untagged(vlan);
    if !native.is_valid() {
        return Err(invalid(format!("{vlan} is no VLAN: their numbers are 1 to 4094")));
    }
    let name = format!("{}.{vlan}", bridge.name);
    words::link_name(&name)?;
    bridge::must_tell_vlans_apart(node, &bridge)?;
    let _lock = bridge::lock(node)?;
    let (end, port) = match node.ask(|backend| backend.link_named(Space::Host, &name))? {
        Some(found) => found_pair(node, found, &bridge)?,
        None => make(node, &name, bridge.mtu)?,
    };
    let port = LinkRef::to(Space::Host, &port);
    is(node, &port, Property::Master(Some(bridge.index)))?;
    bridge::put_vlans(node, &port, vec![native], true)?;
    is(node, &port, Property::Up(true))?;
    let end_ref = LinkRef::to(Space::Host, &end);
    is(node, &end_ref, Property::Up(true))?;
    node.story.there(Space::Host, &end);
    Ok(node.lent.lend(end_ref, Origin::Ensured))
}

/// One that is there, and is what it has to be, or not yet.
fn found_pair(node: &mut ComponentNode, end: Link, bridge: &Link) -> Answer<(Link, Link)> {
    let name = &end.name;
    let in_the_way = |is: &str| {
        invalid(format!(
            "`{name}` is on the node, and it is {is}, not the node's end in a VLAN of the bridge `{}`: give it another \
             name, or delete it",
            bridge.name
        ))
    };
    if end.kind != KIND {
        return Err(in_the_way("no veth"));
    }
    let link = LinkRef::to(Space::Host, &end);
    let Some(port) = node.ask(|backend| backend.other_end(&link))? else {
        return Err(in_the_way("one whose other end is elsewhere"));
    };
    if port.master.is_some_and(|master| master != bridge.index) {
        return Err(in_the_way("one whose other end is a port of something else"));
    }
    let there = |link: &Link| NewLink {
        space: Space::Host,
        index: link.index,
        name: link.name.clone(),
        mac: link.mac.parse().unwrap_or_else(|_| chance::mac()),
    };
    node.rely_on(Effect::Pair { end: there(&end), port: there(&port), mtu: None })?;
    Ok((end, port))
}

fn make(node: &mut ComponentNode, name: &str, mtu: u32) -> Answer<(Link, Link)> {
    let new = |name: String| NewLink { space: Space::Host, index: chance::index(), name, mac: chance::mac() };
    let (end, port) = (new(name.to_owned()), new(chance::veth_name()));
    // Before the pair, as with a bridge.
    ensured::mark(&node.scene.lock_dir, &end)
        .map_err(|error| refusal::failure(multus_cni::Code::Io, error.to_string(), ""))?;
    node.perform(Effect::Pair { end: end.clone(), port: port.clone(), mtu: Some(mtu) })?;
    Ok((whole(node, &end)?, whole(node, &port)?))
}

fn whole(node: &ComponentNode, made: &NewLink) -> Answer<Link> {
    let found = node.ask(|backend| backend.link_at(Space::Host, made.index))?;
    found.ok_or_else(|| invalid(format!("`{}` is gone as soon as it was made", made.name)))
}

/// Makes it so, or writes down that it is.
fn is(node: &mut ComponentNode, link: &LinkRef, wanted: Property) -> Answer<()> {
    let now = node.ask(|backend| backend.link_at(Space::Host, link.index))?;
    let now = now.ok_or_else(|| invalid(format!("`{}` is gone", link.name)))?;
    let is_so = match wanted {
        Property::Up(up) => now.up == up,
        Property::Master(master) => now.master == master,
        _ => false,
    };
    let effect = Effect::Set { link: link.clone(), property: wanted, before: None };
    if is_so { node.rely_on(effect) } else { node.perform(effect) }
}
