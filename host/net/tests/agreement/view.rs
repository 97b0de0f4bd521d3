//! What there is, in words that both kinds of nodes share.

use multus_net::{Backend, Link, LinkRef, Space};

const SPACES: [(&str, Space); 2] = [("pod", Space::Sandbox), ("node", Space::Host)];

/// Links with addresses, routes and neighbours of both namespaces.
pub(crate) fn everything(node: &mut dyn Backend) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, space) in SPACES {
        for found in node.links(space).unwrap() {
            let link = LinkRef { space, index: found.index, name: found.name.clone() };
            lines.push(format!("{place}.{} {} [{}]", found.index, line(&found), found.addresses.join(" ")));
            lines.extend(
                routes(node, &link).into_iter().map(|route| format!("{place}.{} {route}", found.index)),
            );
            lines.extend(
                neighbours(node, &link).into_iter().map(|entry| format!("{place}.{} {entry}", found.index)),
            );
        }
    }
    lines
}

/// A link without its addresses.
pub(crate) fn line(link: &Link) -> String {
    let mut words = format!("{} {} mtu {}", link.name, link.mac, link.mtu);
    let flags = [("up", link.up), ("promiscuous", link.promiscuous), ("all-multicast", link.all_multicast)];
    for (word, on) in flags {
        if on {
            words += &format!(" {word}");
        }
    }
    if link.tx_queue_length != 1000 {
        words += &format!(" queue {}", link.tx_queue_length);
    }
    if !link.kind.is_empty() {
        words += &format!(" {}", link.kind);
    }
    if let Some(master) = link.master {
        words += &format!(" port of {master}");
    }
    let mut names = link.alternative_names.clone();
    names.sort();
    names.iter().for_each(|name| words += &format!(" also {name}"));
    words
}

/// In no order: the kernel's is by its tables' shape.
pub(crate) fn routes(node: &mut dyn Backend, link: &LinkRef) -> Vec<String> {
    let mut routes: Vec<_> = node.routes(link).unwrap().iter().map(ToString::to_string).collect();
    routes.sort();
    routes
}

/// In no order: the kernel's is by hash.
pub(crate) fn neighbours(node: &mut dyn Backend, link: &LinkRef) -> Vec<String> {
    let all = node.neighbours(link).unwrap();
    let mut entries: Vec<_> = all.iter().map(|(address, mac)| format!("{address} at {mac}")).collect();
    entries.sort();
    entries
}
