//! Namespaces as the kernel has them, against what iproute2 says about them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod private;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use multus_net::{BootId, Link, Netns, NetnsError};
use private::ip;
use serde_json::Value;

fn open(path: &str) -> Result<Netns, NetnsError> {
    Netns::open(Path::new(path))
}

#[test]
fn a_namespace_made_again_at_the_same_path_is_another_one() {
    if !private::inside("a_namespace_made_again_at_the_same_path_is_another_one") {
        return;
    }
    ip("netns add pod");
    let first = open("/run/netns/pod").unwrap().identity().unwrap();
    let again = open("/run/netns/pod").unwrap().identity().unwrap();
    assert_eq!(first, again);
    assert_eq!(first.boot, BootId::current().unwrap());
    assert_ne!(first.cookie, 0);
    for _ in 0..20 {
        ip("netns del pod");
        ip("netns add pod");
        let second = open("/run/netns/pod").unwrap().identity().unwrap();
        assert_ne!(second.cookie, first.cookie, "the cookie tells even where the inode was reused");
    }
}

#[test]
fn the_same_namespace_by_two_paths_is_one() {
    if !private::inside("the_same_namespace_by_two_paths_is_one") {
        return;
    }
    ip("netns add pod");
    fs::write("/run/other", "").unwrap();
    let status =
        std::process::Command::new("mount").args(["--bind", "/run/netns/pod", "/run/other"]).status();
    assert!(status.unwrap().success());
    let identity = |path: &str| open(path).unwrap().identity().unwrap();
    assert_eq!(identity("/run/netns/pod"), identity("/run/other"));
    ip("netns add second");
    assert_ne!(identity("/run/netns/pod"), identity("/run/netns/second"));
}

#[test]
fn only_network_namespaces_are_taken() {
    if !private::inside("only_network_namespaces_are_taken") {
        return;
    }
    fs::write("/run/plain", "").unwrap();
    std::process::Command::new("mkfifo").arg("/run/fifo").status().unwrap();
    std::os::unix::fs::symlink("/run/nothing", "/run/dangling").unwrap();
    for gone in ["/run/missing", "/run/plain/below", "/run/dangling", "/proc/4194303/ns/net", ""] {
        let error = open(gone).unwrap_err();
        assert!(matches!(error, NetnsError::Gone { .. }), "{gone:?}: {error}");
    }
    for other in ["/run/plain", "/run", "/run/fifo", "/dev/null", "/proc/self/ns/mnt", "/proc/self/ns/user"] {
        let error = open(other).unwrap_err();
        assert!(matches!(error, NetnsError::NotANamespace { .. }), "{other}: {error}");
    }
}

#[test]
fn our_own_namespace_is_known_as_such() {
    if !private::inside("our_own_namespace_is_known_as_such") {
        return;
    }
    ip("netns add pod");
    assert!(open("/proc/self/ns/net").unwrap().is_current());
    let pod = open("/run/netns/pod").unwrap();
    pod.links().unwrap();
    assert!(!pod.is_current(), "listing its links led us there");
}

#[test]
fn an_ordinary_user_is_refused_by_name() {
    if !private::inside("an_ordinary_user_is_refused_by_name") {
        return;
    }
    // The namespace of the outer process belongs to another user namespace; as a child of this one we may
    // not enter what a parent owns. A process there is found through /proc, which was not mounted anew.
    let outer = open("/proc/1/ns/net");
    let error = match outer {
        Ok(netns) => netns.identity().unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, NetnsError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("/proc/1/ns/net"), "{error}");
}

/// What iproute2 says about the links of namespace `pod`.
fn expected() -> Vec<Link> {
    let json: Value = serde_json::from_str(&ip("-n pod -d -j addr")).unwrap();
    let all = json.as_array().unwrap();
    let index = |name: &str| {
        let found = all.iter().find(|link| link["ifname"] == name).unwrap();
        u32::try_from(found["ifindex"].as_u64().unwrap()).unwrap()
    };
    let mut links: Vec<Link> = all.iter().map(|link| expected_link(link, &index)).collect();
    links.sort_by_key(|link| link.index);
    links
}

fn expected_link(link: &Value, index: &dyn Fn(&str) -> u32) -> Link {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let addresses = list(&link["addr_info"]);
    Link {
        index: number(&link["ifindex"]),
        name: text(&link["ifname"]),
        mac: text(&link["address"]),
        mtu: number(&link["mtu"]),
        up: list(&link["flags"]).iter().any(|flag| flag == "UP"),
        kind: text(&link["linkinfo"]["info_kind"]),
        addresses: addresses.iter().map(|a| format!("{}/{}", text(&a["local"]), a["prefixlen"])).collect(),
        master: link["master"].as_str().map(index),
        promiscuous: list(&link["flags"]).iter().any(|flag| flag == "PROMISC"),
        all_multicast: list(&link["flags"]).iter().any(|flag| flag == "ALLMULTI"),
        tx_queue_length: number(&link["txqlen"]),
        alternative_names: list(&link["altnames"]).iter().map(text).collect(),
    }
}

#[test]
fn links_are_what_iproute2_lists() {
    if !private::inside("links_are_what_iproute2_lists") {
        return;
    }
    ip("netns add pod");
    assert_eq!(open("/run/netns/pod").unwrap().links().unwrap(), expected());
    for words in [
        "link set lo up",
        "link add eth0 type veth peer name eth0peer",
        "link set eth0 address 0a:58:0a:01:02:03 mtu 1400 up",
        "addr add 10.1.2.3/24 dev eth0",
        "addr add 10.9.0.1/16 dev eth0",
        "addr add fd00::7/64 dev eth0",
        "addr add 192.168.0.1 peer 192.168.0.2/32 dev eth0peer",
        "link property add dev eth0 altname uplink-of-the-pod altname second",
        "link add br0 type bridge",
        "link set eth0peer master br0 promisc on allmulticast on txqueuelen 500",
    ] {
        ip(&format!("-n pod {words}"));
    }
    for number in 0..300 {
        ip(&format!("-n pod link add many{number} type veth peer name peer{number}"));
    }
    let links = open("/run/netns/pod").unwrap().links().unwrap();
    assert_eq!(links, expected());
    assert_eq!(links.len(), 1 + 2 + 1 + 600);
    let eth0 = links.iter().find(|link| link.name == "eth0").unwrap();
    assert_eq!((eth0.kind.as_str(), eth0.mtu, eth0.up), ("veth", 1400, true));
    assert!(eth0.addresses.starts_with(&["10.1.2.3/24".to_owned(), "10.9.0.1/16".to_owned()]));
}

#[test]
fn nothing_keeps_a_namespace_alive_after_the_call() {
    if !private::inside("nothing_keeps_a_namespace_alive_after_the_call") {
        return;
    }
    ip("netns add pod");
    ip("link add here type veth peer name there netns pod");
    let pod = open("/run/netns/pod").unwrap();
    pod.identity().unwrap();
    pod.links().unwrap();
    drop(pod);
    ip("netns del pod");
    // With its namespace a veth dies, and takes its peer here along, a moment later.
    let deadline = Instant::now() + Duration::from_secs(10);
    while ip("-j link").contains("here") {
        assert!(Instant::now() < deadline, "the namespace is still alive");
        std::thread::sleep(Duration::from_millis(5));
    }
}
