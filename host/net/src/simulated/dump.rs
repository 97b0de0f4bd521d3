//! All that there is on a node, as lines that can be compared.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::device::{Device, Kind, Parent, QUEUE};
use super::port::Switch;
use super::setting;
use super::space::Namespace;
use super::traffic;
use super::world::World;
use crate::effect::which;

/// Every namespace of the node by its number, the node's own first: links, addresses, routes, neighbours, settings that
/// are not as the kernel makes them, rules; then the functions of cards.
pub(super) fn dump(world: &World) -> String {
    let mut text = String::new();
    for (id, space) in world.spaces() {
        lines(&mut text, id.0, space);
    }
    for function in world.cards.dump() {
        let _ = writeln!(text, "{function}");
    }
    text
}

/// The same of one namespace.
fn lines(text: &mut String, number: u64, space: &Namespace) {
    let mut line = |words: String| {
        let _ = writeln!(text, "{number}: {words}");
    };
    for device in space.devices() {
        line(link(device));
        let usual = setting::of_a_link(&BTreeMap::new());
        let unusual = device.settings.iter().filter(|(key, value)| usual.get(*key) != Some(value));
        unusual.for_each(|(key, value)| line(format!("{}: {key} = {value}", device.name)));
        if let Some((limit, apart)) = &device.limit {
            line(format!("{}: {limit}{}", device.name, which(apart.as_ref())));
        }
        if let Some(to) = device.redirect {
            line(format!("{}: in by way of {to}", device.name));
        }
        device.neighbours.iter().for_each(|(who, mac)| line(format!("{}: {who} at {mac}", device.name)));
        let routes = space.routes.iter().filter(|route| route.link == device.index && route.is_listed());
        let mut routes: Vec<_> = routes.map(|route| super::route::view(route).to_string()).collect();
        routes.sort();
        routes.iter().for_each(|route| line(format!("{}: route {route}", device.name)));
    }
    let usual = setting::of_a_namespace();
    let unusual = space.settings.iter().filter(|(key, value)| usual.get(*key) != Some(value));
    unusual.for_each(|(key, value)| line(format!("{key} = {value}")));
    let usual = traffic::rules_of_a_namespace();
    space.policy.iter().filter(|rule| !usual.contains(rule)).for_each(|rule| line(format!("policy {rule}")));
    space.rules.iter().for_each(|((_, id), rule)| line(format!("rule {id}: {rule:?}")));
}

fn link(device: &Device) -> String {
    let mut words = format!("{}: link {} {} mtu {}", device.name, device.index, device.mac, device.mtu);
    match &device.kind {
        Kind::Loopback => words += " loopback",
        Kind::Made { kind, parent } => {
            let more = kind.to_string().replace(' ', "=");
            words += &format!(" {}({more})", kind.name());
            if let Some(Parent { place, .. }) = parent {
                words += &format!(" by {} in {}", place.index, place.space.0);
            }
        }
        Kind::Veth { peer } => words += &format!(" veth to {} in {}", peer.index, peer.space.0),
        Kind::Bridge { mtu_chosen, vlans } => {
            words += if *mtu_chosen { " bridge with an MTU" } else { " bridge" };
            words += if *vlans { " that tells VLANs apart" } else { "" };
        }
        Kind::Hardware(factory) => words += &format!(" hardware {}", factory.bus_address),
    }
    let flags =
        [("up", device.up), ("promiscuous", device.promiscuous), ("all-multicast", device.all_multicast)];
    for (word, on) in flags {
        if on {
            words += &format!(" {word}");
        }
    }
    if device.tx_queue_length != QUEUE {
        words += &format!(" queue {}", device.tx_queue_length);
    }
    if let Some(port) = &device.port {
        let told = port.switch.as_ref().map(Switch::told).unwrap_or_default();
        words += &format!(" port of {}{told}", port.master);
    }
    for name in &device.alternative_names {
        words += &format!(" also {name}");
    }
    for address in device.view().addresses {
        words += &format!(" {address}");
    }
    words
}
