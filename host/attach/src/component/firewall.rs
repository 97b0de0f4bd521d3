//! Rules for packets on the node that belong to the attachment.

use multus_net::{Effect, Space};
use multus_wasm::node::{Answer, LinkId};
use sha2::{Digest, Sha256};

use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{not_allowed, not_granted};
use super::words;

/// Rules have room for a short text only.
const LONGEST_ID: usize = 64;

fn granted(node: &ComponentNode, kind: &str) -> Answer<()> {
    if node.grants.allows_firewall(kind) {
        return Ok(());
    }
    Err(not_granted(&format!("use the firewall's `{kind}`"), &format!("\"firewall\": [\"{kind}\"]")))
}

/// Whose rule it is: container, interface, and a number where one attachment has several.
fn id(node: &ComponentNode, number: u32) -> String {
    let container = &node.scene.container_id;
    let container = if container.len() <= LONGEST_ID {
        container.clone()
    } else {
        Sha256::digest(container).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    format!("{container} {} {number}", node.scene.interface)
}

/// `masquerade`.
pub(super) fn masquerade(node: &mut ComponentNode, address: &str) -> Answer<()> {
    granted(node, "masquerade")?;
    let network = words::cidr(address)?;
    let address = network.addr();
    if !node.story.is_own(address) {
        let what = format!("masquerade {address}");
        return Err(not_allowed(&what, "only addresses that IPAM and this call gave to the pod"));
    }
    let number = node.story.next_masquerade();
    node.perform(Effect::Masquerade { id: id(node, number), address, network: network.trunc() })
}

/// `spoof-check`.
pub(super) fn spoof_check(node: &mut ComponentNode, port: LinkId, mac: &str) -> Answer<()> {
    granted(node, "spoof-check")?;
    let lent = node.lent.get(port)?.clone();
    if lent.origin != Origin::Made || lent.link.space != Space::Host {
        let what = format!("check what `{}` sends", lent.link.name);
        return Err(not_allowed(&what, "only the node's end of a link that this attachment made"));
    }
    let mac = words::mac(mac)?;
    node.perform(Effect::SpoofCheck { id: id(node, 0), port: lent.link, mac })
}
