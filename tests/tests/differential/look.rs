//! A namespace, seen by `ip` and below `/proc/sys/net`.

use std::fs;
use std::path::Path;
use std::process::Command;

use multus_tests::{ip, within};
use serde_json::Value;

use crate::lines::Lines;

/// Settings of a namespace.
const SETTINGS: [&str; 6] = [
    "net/core/somaxconn",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/tcp_syncookies",
    "net/ipv6/conf/all/forwarding",
    "net/ipv4/conf/all/arp_notify",
];

/// What a filter says of where packets go.
const WAYS: [&str; 5] = ["protocol", "kind", "mirred_action", "direction", "to_dev"];

/// Settings of a link.
const OF_LINK: [&str; 10] = [
    "net/ipv4/conf/*/rp_filter",
    "net/ipv6/conf/*/ndisc_notify",
    "net/ipv4/conf/*/arp_notify",
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/*/proxy_arp",
    "net/ipv4/conf/*/route_localnet",
    "net/ipv6/conf/*/accept_ra",
    "net/ipv6/conf/*/accept_dad",
    "net/ipv6/conf/*/disable_ipv6",
    "net/ipv6/conf/*/forwarding",
];

/// Everything of a namespace; `of` is what the lines call it, `netns` its name, empty for the caller's own.
pub(crate) fn look(lines: &mut Lines, of: &str, netns: &str) {
    let select = if netns.is_empty() { String::new() } else { format!("-n {netns} ") };
    let links = rows(&ip(&format!("{select}-j -d addr show")));
    for link in &links {
        if link["ifname"] == "lo" { loopback(lines, of, link) } else { self::link(lines, of, link) }
    }
    for family in ["-4", "-6"] {
        for route in rows(&ip(&format!("{select}-j {family} route show table all"))) {
            let destination = route["dst"].as_str().unwrap_or_default();
            let kernels = destination.starts_with("fe80:") || destination.starts_with("ff00:");
            if !kernels && route["dev"] != "lo" {
                lines.say(
                    "routes",
                    format!("{of} {}", words(&route, &["flags", "metrics", "pref", "protocol"])),
                );
            }
        }
    }
    for family in ["-4", "-6"] {
        for rule in rows(&ip(&format!("{select}-j {family} rule show"))) {
            lines.say("rules", format!("{of} {}", words(&rule, &[])));
        }
    }
    queues(lines, of, netns);
    for neighbour in rows(&ip(&format!("{select}-j neigh show nud permanent"))) {
        lines.say("neighbours", format!("{of} {}", words(&neighbour, &[])));
    }
    for port in vlans(netns) {
        let name = port["ifname"].as_str().unwrap_or_default();
        for vlan in port["vlans"].as_array().into_iter().flatten() {
            lines.say("vlans", format!("{of} {name} {}", words(vlan, &[])));
        }
    }
    let names: Vec<_> = links.iter().filter_map(|link| link["ifname"].as_str().map(str::to_owned)).collect();
    within(netns, || settings(lines, of, &names));
}

/// VLANs of ports of bridges.
fn vlans(netns: &str) -> Vec<Value> {
    rows(&told(netns, "bridge", &["-j", "vlan", "show"]))
}

fn told(netns: &str, program: &str, words: &[&str]) -> String {
    let told = within(netns, || Command::new(program).args(words).output());
    let told = told.unwrap_or_else(|error| panic!("{program} (iproute2) is needed: {error}"));
    String::from_utf8_lossy(&told.stdout).into_owned()
}

/// Where packets wait, as somebody made it, and which way they take that come in.
fn queues(lines: &mut Lines, of: &str, netns: &str) {
    for queue in rows(&told(netns, "tc", &["-j", "qdisc", "show"])) {
        let name = queue["dev"].as_str().unwrap_or_default();
        if queue["handle"] == "0:" {
            continue;
        }
        let text = words(&queue, &["dev", "options", "refcnt"]);
        lines.say("queues", format!("{of} {name} {text} {}", words(&queue["options"], &[])));
        if queue["kind"] == "ingress" {
            let filters = told(netns, "tc", &["-j", "filter", "show", "dev", name, "parent", "ffff:"]);
            let filters: Value = serde_json::from_str(&filters).unwrap_or_default();
            for (key, value) in leaves(&filters).iter().filter(|(key, _)| WAYS.contains(&key.as_str())) {
                lines.say("queues", format!("{of} {name} filter {key} = {value}"));
            }
        }
    }
}

/// All texts of a document, with their keys.
fn leaves(value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => {
            let leaf = |(key, value): (&String, &Value)| match value {
                Value::String(text) => vec![(key.clone(), text.clone())],
                other => leaves(other),
            };
            members.iter().flat_map(leaf).collect()
        }
        _ => Vec::new(),
    }
}

/// Of the loopback, whether it is up, and its addresses.
fn loopback(lines: &mut Lines, of: &str, link: &Value) {
    let up = link["flags"].as_array().unwrap().iter().any(|flag| flag == "UP");
    lines.say("links", format!("{of} lo UP = {up}"));
    for address in link["addr_info"].as_array().into_iter().flatten() {
        let text = words(address, &["valid_life_time", "preferred_life_time", "family", "label"]);
        lines.say("addresses", format!("{of} lo {text}"));
    }
}

fn link(lines: &mut Lines, of: &str, link: &Value) {
    let name = link["ifname"].as_str().unwrap();
    let kind = link["linkinfo"]["info_kind"].as_str().unwrap_or("-");
    let mut say = |what: &str, value: &Value| {
        if !value.is_null() {
            lines.say("links", format!("{of} {name} {what} = {value}"));
        }
    };
    say("kind", &Value::from(kind));
    for key in ["mtu", "master", "ifalias", "altnames", "promiscuity", "txqlen", "group"] {
        say(key, &link[key]);
    }
    // The one of a bridge follows its ports, or does not: results and packets tell.
    if kind != "bridge" {
        say("address", &link["address"]);
    }
    for flag in ["UP", "PROMISC", "ALLMULTI", "NOARP"] {
        let has = link["flags"].as_array().unwrap().iter().any(|other| other == flag);
        say(flag, &Value::Bool(has));
    }
    for key in ["hairpin", "guard", "learning", "flood", "isolated", "mcast_flood", "neigh_suppress"] {
        say(key, &link["linkinfo"]["info_slave_data"][key]);
    }
    for key in [
        "mode",
        "bcqueuelen",
        "id",
        "table",
        "vlan_filtering",
        "vlan_default_pvid",
        "stp_state",
        "mcast_snooping",
        "ageing_time",
    ] {
        say(key, &link["linkinfo"]["info_data"][key]);
    }
    for address in link["addr_info"].as_array().into_iter().flatten() {
        if address["scope"] != "link" {
            let text =
                words(address, &["valid_life_time", "preferred_life_time", "family", "tentative", "label"]);
            lines.say("addresses", format!("{of} {name} {text}"));
        }
    }
}

fn settings(lines: &mut Lines, of: &str, links: &[String]) {
    let read = |key: &str| fs::read_to_string(Path::new("/proc/sys").join(key));
    let mut say = |key: &str| {
        if let Ok(value) = read(key) {
            lines.say("settings", format!("{of} {key} = {}", value.trim()));
        }
    };
    SETTINGS.iter().for_each(|key| say(key));
    for link in links.iter().filter(|link| *link != "lo") {
        OF_LINK.iter().for_each(|key| say(&key.replace('*', link)));
    }
}

fn rows(json: &str) -> Vec<Value> {
    let rows: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    rows.into_iter().filter(|row| row.as_object().is_some_and(|members| !members.is_empty())).collect()
}

fn words(row: &Value, skip: &[&str]) -> String {
    let members = row.as_object().into_iter().flatten();
    let words = members.filter(|(key, _)| !skip.contains(&key.as_str()));
    words.map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(" ")
}
