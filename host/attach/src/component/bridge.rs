//! Bridges of the node, which attachments share: made sure of under a lock that is the node's, never taken back by one
//! attachment.

use ipnet::IpNet;
use multus_journal::{EnsuredLock, Locks};
use multus_net::{Effect, Link, LinkRef, NewLink, PortVlans, Space};
use multus_wasm::node::{Answer, LinkId};

use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{self, invalid, not_allowed, not_granted};
use super::words::{self, BridgeOptions, PortOptions};
use super::{chance, ensured};

const KIND: &str = "bridge";

/// `ensure-bridge`.
pub(super) fn ensure(node: &mut ComponentNode, name: &str, options: &str) -> Answer<LinkId> {
    words::link_name(name)?;
    let BridgeOptions { mtu, mac, vlans } = words::options(options)?;
    let mac = mac.as_deref().map(words::mac).transpose()?;
    if !node.grants.links_match(name) {
        return Err(not_granted(&format!("use the bridge `{name}`"), &format!("\"links\": [\"{name}\"]")));
    }
    let _lock = lock(node)?;
    let link = match find(node, name)? {
        Some(link) => {
            let mac = link.mac.parse().unwrap_or_else(|_| chance::mac());
            let there = NewLink { space: Space::Host, index: link.index, name: link.name.clone(), mac };
            if vlans {
                must_tell_vlans_apart(node, &link)?;
            }
            node.rely_on(Effect::Bridge { link: there, mtu, vlans })?;
            link
        }
        None => make(
            node,
            NewLink {
                space: Space::Host,
                index: chance::index(),
                name: name.to_owned(),
                mac: mac.unwrap_or_else(chance::mac),
            },
            mtu,
            vlans,
        )?,
    };
    node.story.there(Space::Host, &link);
    Ok(node.lent.lend(LinkRef::to(Space::Host, &link), Origin::Ensured))
}

fn find(node: &ComponentNode, name: &str) -> Answer<Option<Link>> {
    match node.ask(|backend| backend.link_named(Space::Host, name))? {
        Some(link) if link.kind != KIND => {
            let kind = if link.kind.is_empty() { "hardware".to_owned() } else { format!("a {}", link.kind) };
            Err(invalid(format!("`{name}` is on the node, and it is {kind}, not a bridge")))
        }
        found => Ok(found),
    }
}

fn make(node: &ComponentNode, link: NewLink, mtu: Option<u32>, vlans: bool) -> Answer<Link> {
    // Before the bridge: a mark without a bridge is cleared, a bridge without a mark would stay for ever.
    ensured::mark(&node.scene.lock_dir, &link)
        .map_err(|error| refusal::failure(multus_cni::Code::Io, error.to_string(), ""))?;
    let name = link.name.clone();
    node.perform(Effect::Bridge { link, mtu, vlans })?;
    find(node, &name)?.ok_or_else(|| invalid(format!("the bridge `{name}` is gone as soon as it was made")))
}

/// A pod that was to be in one VLAN would be in all of them.
pub(super) fn must_tell_vlans_apart(node: &ComponentNode, bridge: &Link) -> Answer<()> {
    let there = LinkRef::to(Space::Host, bridge);
    if node.ask(|backend| backend.tells_vlans_apart(&there))? {
        return Ok(());
    }
    let name = &bridge.name;
    Err(invalid(format!(
        "the bridge `{name}` is there, and does not tell VLANs apart: use another one, or \
         `ip link set {name} type bridge vlan_filtering 1`, which cuts off ports that have other VLANs than the bridge"
    )))
}

/// `set-port-vlans`: those that are to pass first, so that none that is to stay is ever missing.
pub(super) fn set_vlans(node: &mut ComponentNode, id: LinkId, vlans: &str) -> Answer<()> {
    let port = node.lent.to_change(id)?;
    let PortOptions { native, tagged, only } = words::options(vlans)?;
    let mut wanted: Vec<_> = native.into_iter().map(PortVlans::untagged).collect();
    wanted.extend(tagged.iter().map(|range| PortVlans::tagged(range.first, range.last)));
    if let Some(wrong) = wanted.iter().find(|vlans| !vlans.is_valid()) {
        return Err(invalid(format!(
            "`{wrong}` are no VLANs: their numbers are 1 to 4094, the lower one first"
        )));
    }
    if !matches!(port.origin, Origin::Made | Origin::Moved) || port.link.space != Space::Host {
        let what = format!("set the VLANs of `{}`", port.link.name);
        return Err(not_allowed(&what, "only of ports that this attachment made"));
    }
    put_vlans(node, &port.link, wanted, only)
}

/// Those of a port that is ours, and, if they are to be the only ones, no others.
pub(super) fn put_vlans(
    node: &ComponentNode,
    port: &LinkRef,
    wanted: Vec<PortVlans>,
    only: bool,
) -> Answer<()> {
    let has = if only { node.ask(|backend| backend.vlans(port))? } else { Vec::new() };
    let stays = |id: u16| wanted.iter().any(|vlans| (vlans.first..=vlans.last).contains(&id));
    let gone = has.into_iter().flat_map(PortVlans::each).filter(|vlan| !stays(vlan.first));
    let gone: Vec<_> = gone.map(|vlan| PortVlans::tagged(vlan.first, vlan.last)).collect();
    if !wanted.is_empty() {
        node.perform(Effect::Vlans { link: port.clone(), vlans: wanted })?;
    }
    if !gone.is_empty() {
        node.perform(Effect::NoVlans { link: port.clone(), vlans: gone })?;
    }
    Ok(())
}

pub(super) fn lock(node: &ComponentNode) -> Answer<EnsuredLock> {
    Locks::new(&node.scene.lock_dir)
        .ensured(node.scene.deadline)
        .map_err(|error| refusal::failure(multus_cni::Code::TryAgainLater, error.to_string(), ""))
}

/// `add-address` on a bridge of the node.
pub(super) fn add_address(node: &mut ComponentNode, bridge: &LinkRef, address: IpNet) -> Answer<()> {
    node_address(node, bridge, address)?;
    let _lock = lock(node)?;
    if has(node, bridge, address)? {
        return node.rely_on(Effect::Address { link: bridge.clone(), address, lasting: false });
    }
    node.perform(Effect::Address { link: bridge.clone(), address, lasting: false })
}

/// What the node calls its own draws the node's packets: only the gateway of a pod that IPAM gave an address.
pub(super) fn node_address(node: &ComponentNode, link: &LinkRef, address: IpNet) -> Answer<()> {
    if node.story.is_gateway(address) {
        return Ok(());
    }
    Err(not_allowed(
        &format!("give {address} to `{}` on the node", link.name),
        "only the gateway that this call's IPAM names, or the first address of its network, with no wider a prefix",
    ))
}

fn has(node: &ComponentNode, bridge: &LinkRef, address: IpNet) -> Answer<bool> {
    let link = node.ask(|backend| backend.link_at(Space::Host, bridge.index))?;
    let link = link.ok_or_else(|| invalid(format!("the bridge `{}` is gone", bridge.name)))?;
    Ok(link.addresses.iter().any(|text| text.parse() == Ok(address)))
}

/// `remove-address`: a bridge whose gateway became another one.
pub(super) fn remove_address(node: &mut ComponentNode, id: LinkId, address: &str) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    let address = words::cidr(address)?;
    if lent.origin != Origin::Ensured {
        let what = format!("take {address} off `{}`", lent.link.name);
        return Err(not_allowed(&what, "only off bridges that it ensured"));
    }
    let _lock = lock(node)?;
    if !has(node, &lent.link, address)? {
        return Ok(());
    }
    node.perform(Effect::NoAddress { link: lent.link, address })
}
