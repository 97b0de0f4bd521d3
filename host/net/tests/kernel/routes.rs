//! Routes by a link.

use multus_net::{Backend, Effect, Route};
use nix::libc;
use serde_json::{Value, json};

use crate::private::{inside, ip};
use crate::stage::{apply, assert_unchanged, connected, eth0, everything, open, refusal, shown, undo};

fn route(value: &Value) -> Route {
    serde_json::from_value(value.clone()).unwrap()
}

fn effect(value: &Value, lasting: bool) -> Effect {
    Effect::Route { link: eth0(), route: route(value), lasting }
}

fn pod() {
    connected();
    ip("-n pod addr add 10.0.1.2/24 dev eth0");
    ip("-n pod addr add fd00:1::2/64 dev eth0 nodad");
}

/// A route, and how `ip route show table all` tells it.
fn rows() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"destination": "10.9.0.0/16"}), "10.9.0.0/16 dev eth0 scope link"),
        (json!({"destination": "0.0.0.0/0", "gateway": "10.0.1.1"}), "default via 10.0.1.1 dev eth0"),
        (json!({"destination": "0.0.0.0/0"}), "default dev eth0 scope link"),
        (
            json!({"destination": "10.9.0.0/16", "gateway": "10.0.1.1", "source": "10.0.1.2", "metric": 7}),
            "10.9.0.0/16 via 10.0.1.1 dev eth0 src 10.0.1.2 metric 7",
        ),
        (
            json!({"destination": "10.9.0.0/16", "gateway": "10.0.1.1", "table": 100}),
            "10.9.0.0/16 via 10.0.1.1 dev eth0 table 100",
        ),
        (
            json!({"destination": "10.9.0.0/16", "gateway": "10.0.1.1", "table": 70000}),
            "10.9.0.0/16 via 10.0.1.1 dev eth0 table 70000",
        ),
        (
            json!({"destination": "10.9.0.0/16", "gateway": "10.0.1.1", "mtu": 1400, "advmss": 1360}),
            "10.9.0.0/16 via 10.0.1.1 dev eth0 mtu 1400 advmss 1360",
        ),
        (
            json!({"destination": "10.9.0.0/16", "gateway": "10.8.8.8", "onlink": true}),
            "10.9.0.0/16 via 10.8.8.8 dev eth0 onlink",
        ),
        (json!({"destination": "10.9.9.9/32", "scope": 254}), "10.9.9.9 dev eth0 scope host"),
        (json!({"destination": "10.9.9.9/32", "scope": 0}), "10.9.9.9 dev eth0"),
        (json!({"destination": "fd09::/48"}), "fd09::/48 dev eth0 metric 1024"),
        (
            json!({"destination": "::/0", "gateway": "fd00:1::1"}),
            "default via fd00:1::1 dev eth0 metric 1024",
        ),
        (
            json!({"destination": "fd09::/48", "gateway": "fe80::1", "metric": 7, "table": 100, "mtu": 1400,
                   "advmss": 1360, "source": "fd00:1::2"}),
            "fd09::/48 via fe80::1 dev eth0 table 100 src fd00:1::2 metric 7 mtu 1400 advmss 1360",
        ),
        (
            json!({"destination": "fd09::/48", "gateway": "fd77::1", "onlink": true}),
            "fd09::/48 via fd77::1 dev eth0 metric 1024 onlink",
        ),
    ]
}

fn listed() -> Vec<String> {
    let lines = ["-4", "-6"].map(|family| shown("pod", &format!("{family} route show table all"))).concat();
    let plain =
        |line: &str| line.replace(" pref medium", "").split_whitespace().collect::<Vec<_>>().join(" ");
    lines.lines().map(plain).collect()
}

#[test]
fn routes_are_what_iproute2_shows_and_are_read_as_they_were_written() {
    if !inside("routes::routes_are_what_iproute2_shows_and_are_read_as_they_were_written") {
        return;
    }
    pod();
    for (value, text) in rows() {
        let before = (everything(), listed(), open().routes(&eth0()).unwrap());
        let effect = effect(&value, true);
        assert_eq!(apply(&effect).unwrap(), 1, "{text}");
        let new: Vec<_> = listed().into_iter().filter(|line| !before.1.contains(line)).collect();
        assert_eq!(new, [text]);

        let mut read = open().routes(&eth0()).unwrap();
        read.retain(|route| !before.2.contains(route));
        let asked = route(&value);
        assert_eq!(read.len(), 1, "{text}: {read:?}");
        let read = &read[0];
        assert_eq!(read.destination, asked.destination);
        assert_eq!((read.gateway, read.source, read.table), (asked.gateway, asked.source, asked.table));
        assert_eq!((read.mtu, read.advmss, read.onlink), (asked.mtu, asked.advmss, asked.onlink));
        assert!(asked.metric.is_none() || read.metric == asked.metric, "{read:?}");
        assert!(asked.scope.is_none() || read.scope == asked.scope, "{read:?}");

        assert_eq!(open().compare(&effect).unwrap(), None, "{text}");
        let (words, errno) = refusal(&effect);
        assert!(words.starts_with(&format!("route {asked} by eth0 in the pod failed: ")), "{words}");
        assert_eq!(errno, Some(libc::EEXIST), "{text}");
        assert_eq!(undo(&[&effect]), 1);
        assert_unchanged(&before.0, &format_args!("{text}"));
        assert!(open().compare(&effect).unwrap().is_some());
        undo(&[&effect]);
    }
}

#[test]
fn a_route_that_shares_the_load_is_read_for_each_link() {
    if !inside("routes::a_route_that_shares_the_load_is_read_for_each_link") {
        return;
    }
    pod();
    ip("-n pod link add net1 type veth peer name net1peer");
    ip("-n pod addr add 10.0.2.2/24 dev net1");
    ip("-n pod link set net1 up");
    ip("-n pod link set net1peer up");
    ip("-n pod route add 10.9.0.0/16 nexthop via 10.0.2.1 dev net1 nexthop via 10.0.1.1 dev eth0");
    ip("-n pod route add blackhole 10.8.0.0/16");
    let routes = open().routes(&eth0()).unwrap();
    let shared = routes.iter().find(|route| route.destination.to_string() == "10.9.0.0/16").unwrap();
    assert_eq!(shared.gateway, "10.0.1.1".parse().ok());
    assert!(routes.iter().all(|route| route.destination.to_string() != "10.8.0.0/16"));
}

#[test]
fn the_kernels_route_to_a_network_is_taken_away() {
    if !inside("routes::the_kernels_route_to_a_network_is_taken_away") {
        return;
    }
    pod();
    for (network, text) in [
        ("10.0.1.0/24", "10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.2"),
        ("fd00:1::/64", "fd00:1::/64 dev eth0 proto kernel metric 256"),
    ] {
        assert!(listed().contains(&text.to_owned()), "{:?}", listed());
        let routes = open().routes(&eth0()).unwrap();
        let route = routes.into_iter().find(|route| route.destination.to_string() == network).unwrap();
        let effect = Effect::NoRoute { link: eth0(), route, lasting: false };
        assert_eq!(apply(&effect).unwrap(), 1);
        assert!(!listed().contains(&text.to_owned()));
        assert_eq!(open().compare(&effect).unwrap(), None);
        assert_eq!(refusal(&effect).1, Some(libc::ESRCH));
        let now = everything();
        undo(&[&effect]);
        assert_unchanged(&now, &"it goes with its link");
    }
}

#[test]
fn a_gateway_that_cannot_be_reached_is_refused_in_the_kernels_words() {
    if !inside("routes::a_gateway_that_cannot_be_reached_is_refused_in_the_kernels_words") {
        return;
    }
    pod();
    let before = everything();
    for (value, errno, words) in [
        (
            json!({"destination": "0.0.0.0/0", "gateway": "10.9.9.9"}),
            libc::ENETUNREACH,
            "route default via 10.9.9.9 by eth0 in the pod failed: Nexthop has invalid gateway: Network is unreachable",
        ),
        (json!({"destination": "10.9.0.1/16"}), libc::EINVAL, "Invalid prefix for given prefix length"),
        (
            json!({"destination": "10.9.0.0/16", "source": "10.7.7.7"}),
            libc::EINVAL,
            "Invalid prefsrc address",
        ),
        (json!({"destination": "::/0", "gateway": "fd77::1"}), libc::EHOSTUNREACH, "No route to host"),
        (
            json!({"destination": "::/0", "gateway": "10.0.1.1"}),
            libc::EINVAL,
            "destination, gateway and source are of different families",
        ),
    ] {
        let (text, found) = refusal(&effect(&value, false));
        assert!(text.contains(words), "{text}");
        assert_eq!(found, Some(errno), "{text}");
        assert_unchanged(&before, &"");
    }
}
