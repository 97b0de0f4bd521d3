//! Bridges of the node, which attachments share: made sure of under a lock that is the node's, never taken back by one
//! attachment.

use ipnet::IpNet;
use multus_journal::{EnsuredLock, Locks};
use multus_net::{Effect, Link, LinkRef, NewLink, Space};
use multus_wasm::node::{Answer, LinkId};

use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{self, invalid, not_allowed, not_granted};
use super::words::{self, BridgeOptions};
use super::{chance, ensured};

const KIND: &str = "bridge";

/// `ensure-bridge`.
pub(super) fn ensure(node: &mut ComponentNode, name: &str, options: &str) -> Answer<LinkId> {
    words::link_name(name)?;
    let BridgeOptions { mtu, mac } = words::options(options)?;
    let mac = mac.as_deref().map(words::mac).transpose()?;
    if !node.grants.links_match(name) {
        return Err(not_granted(&format!("use the bridge `{name}`"), &format!("\"links\": [\"{name}\"]")));
    }
    let _lock = lock(node)?;
    let link = match find(node, name)? {
        Some(link) => {
            let mac = link.mac.parse().unwrap_or_else(|_| chance::mac());
            let there = NewLink { space: Space::Host, index: link.index, name: link.name.clone(), mac };
            node.rely_on(Effect::Bridge { link: there, mtu })?;
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

fn make(node: &ComponentNode, link: NewLink, mtu: Option<u32>) -> Answer<Link> {
    // Before the bridge: a mark without a bridge is cleared, a bridge without a mark would stay for ever.
    ensured::mark(&node.scene.lock_dir, &link)
        .map_err(|error| refusal::failure(multus_cni::Code::Io, error.to_string(), ""))?;
    let name = link.name.clone();
    node.perform(Effect::Bridge { link, mtu })?;
    find(node, &name)?.ok_or_else(|| invalid(format!("the bridge `{name}` is gone as soon as it was made")))
}

fn lock(node: &ComponentNode) -> Answer<EnsuredLock> {
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
