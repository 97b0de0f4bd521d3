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
    for link in links.iter().filter(|link| link["ifname"] != "lo") {
        self::link(lines, of, link);
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
    let told = within(netns, || Command::new("bridge").args(["-j", "vlan", "show"]).output());
    let told = told.expect("bridge (iproute2) is needed");
    rows(&String::from_utf8_lossy(&told.stdout))
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
