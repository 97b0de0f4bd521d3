//! Names and hardware addresses that chance chose, replaced by whose they are.

use multus_tests::ip;
use serde_json::Value;

use crate::case::Case;

/// What to replace by what, for the links of the caller's namespace and of these pods.
pub(crate) fn of_chance(case: &Case, pods: &[String]) -> Vec<(String, String)> {
    let on_node = links("");
    let mut names = Vec::new();
    let mut macs: Vec<(String, String)> = Vec::new();
    for pod in pods {
        for link in links(&format!("-n {pod} ")) {
            let name = text(&link, "ifname");
            macs.push((text(&link, "address"), format!("the mac of {pod} {name}")));
            let peer = on_node.iter().find(|other| other["ifindex"] == link["link_index"]);
            if let Some(peer) = peer.filter(|_| link["link_netnsid"].is_number()) {
                names.push((text(peer, "ifname"), format!("the port of {pod} {name}")));
                macs.push((text(peer, "address"), "the mac of a port".to_owned()));
            }
        }
    }
    // The other half of the node's own end in a VLAN, such as `br0.100`.
    for link in &on_node {
        let end = text(link, "link");
        if end.contains('.') && text(link, "ifname").starts_with("veth") {
            names.push((text(link, "ifname"), format!("the port of {end}")));
            macs.push((text(link, "address"), "the mac of a port".to_owned()));
        }
    }
    let is_detour = |link: &&Value| link["ifname"].as_str().is_some_and(|name| name.starts_with("bwp"));
    for link in on_node.iter().filter(is_detour) {
        names.push((text(link, "ifname"), "a detour".to_owned()));
        macs.push((text(link, "address"), "the mac of a detour".to_owned()));
    }
    for link in &on_node {
        macs.push((text(link, "address"), format!("the mac of {}", text(link, "ifname"))));
    }
    let chosen = |(text, _): &(String, String)| !text.is_empty() && !case.writes(text);
    // The first of several that share one, such as a bridge that took its port's.
    names.into_iter().chain(macs).filter(chosen).collect()
}

fn links(select: &str) -> Vec<Value> {
    let links: Vec<Value> = serde_json::from_str(&ip(&format!("{select}-j link show"))).unwrap_or_default();
    links.into_iter().filter(|link| link["ifname"] != "lo").collect()
}

fn text(link: &Value, key: &str) -> String {
    link[key].as_str().unwrap_or_default().to_owned()
}
