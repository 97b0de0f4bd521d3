//! Rules for packets on the node that belong to the attachment.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use multus_net::{Disguise, Effect, HostPort, PortMapping, Space, Transport};
use multus_wasm::node::{Answer, LinkId};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{invalid, not_allowed, not_granted};
use super::words;

/// Rules have room for a short text only.
const LONGEST_ID: usize = 64;

fn granted(node: &ComponentNode, kind: &str) -> Answer<()> {
    if node.grants.allows_firewall(kind) {
        return Ok(());
    }
    Err(not_granted(&format!("use the firewall's `{kind}`"), &format!("\"firewall\": [\"{kind}\"]")))
}

/// What `map-port` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Mapping {
    protocol: Transport,
    #[serde(rename = "hostIP")]
    host_ip: Option<String>,
    host_port: u16,
    address: String,
    container_port: u16,
    disguise: Disguise,
}

/// Whose rule it is: container, interface, and what tells those of one attachment apart.
fn id(node: &ComponentNode, number: impl Display) -> String {
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

/// `map-port`.
pub(super) fn map_port(node: &mut ComponentNode, text: &str) -> Answer<()> {
    granted(node, "port-mapping")?;
    let mapping = mapping(&words::options(text)?)?;
    if !node.owns(mapping.address)? {
        return Err(not_allowed(
            &format!("lead {} to {}", mapping.from, mapping.address),
            "only to addresses of the pod's that IPAM and this attachment gave it",
        ));
    }
    let HostPort { protocol, port, .. } = mapping.from;
    let number = node.story.next_mapping();
    let id = id(node, format_args!("{protocol}/{port}/{number}"));
    node.perform(Effect::PortMapping { id, mapping })
}

fn mapping(wanted: &Mapping) -> Answer<PortMapping> {
    let network = words::cidr(&wanted.address)?;
    let address = network.addr();
    let all =
        if address.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let of_node = wanted.host_ip.as_deref().map(words::address).transpose()?.unwrap_or(all);
    if of_node.is_ipv4() != address.is_ipv4() {
        return Err(invalid(format!("a port of {of_node} can't lead to {address}: IPv4 and IPv6 are mixed")));
    }
    if wanted.host_port == 0 || wanted.container_port == 0 {
        return Err(invalid("0 is no port"));
    }
    Ok(PortMapping {
        from: HostPort { protocol: wanted.protocol, address: of_node, port: wanted.host_port },
        address,
        port: wanted.container_port,
        network: network.trunc(),
        disguise: wanted.disguise,
    })
}
