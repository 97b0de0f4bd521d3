//! Default routes as the kernel has them, against what iproute2 says about them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod private;
mod router;

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_net::{DefaultRoute, Family, Hop, Netns, NetnsError};
use private::ip;

/// A pod with two links, each with a network of either family, whose neighbours are outside.
fn pod() -> Netns {
    ip("netns add pod");
    for (link, net) in [("eth0", 1), ("net1", 2)] {
        ip(&format!("link add {link} netns pod type veth peer name out{net}"));
        ip(&format!("link set out{net} up"));
        ip(&format!("-n pod addr add 10.0.{net}.2/24 dev {link}"));
        ip(&format!("-n pod addr add fd00:{net}::2/64 dev {link} nodad"));
        ip(&format!("-n pod link set {link} up"));
    }
    ip("-n pod link set lo up");
    Netns::open(Path::new("/run/netns/pod")).unwrap()
}

fn listed(pod: &Netns) -> Vec<String> {
    pod.default_routes().unwrap().iter().map(ToString::to_string).collect()
}

/// What `ip route` prints, without what it says of preference and load.
fn shown(family: &str) -> Vec<String> {
    let text = ip(&format!("-n pod {family} route show default table main"));
    let lines = text.replace("\n\tnexthop", " nexthop");
    let plain = |line: &str| {
        let words = line.replace(" weight 1", "").replace(" pref medium", "").replace(" scope link", "");
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    lines.lines().map(plain).collect()
}

fn route(link: &str, gateway: &str, metric: Option<u32>) -> DefaultRoute {
    let gateway: Option<IpAddr> = gateway.parse().ok();
    let family = gateway.as_ref().map_or(Family::V4, Family::of);
    DefaultRoute::new(family, Hop { link: link.to_owned(), gateway }, metric)
}

/// How somebody else makes a route, and what it is to us; nothing for what is no plain default route.
const MADE_BY_OTHERS: &[(&str, Option<&str>)] = &[
    ("-4 route add default via 10.0.1.1", Some("default via 10.0.1.1 dev eth0 proto boot")),
    (
        "-4 route add 0.0.0.0/0 via 10.0.1.1 metric 5",
        Some("default via 10.0.1.1 dev eth0 proto boot metric 5"),
    ),
    ("-4 route add default dev net1 scope link", Some("default dev net1 proto boot")),
    ("-4 route add default dev eth0 proto kernel metric 9", Some("default dev eth0 proto kernel metric 9")),
    ("-4 route add default via 10.9.9.9 dev net1 onlink", Some("default via 10.9.9.9 dev net1 proto boot")),
    ("-4 route add default via inet6 fe80::1 dev net1", Some("default via fe80::1 dev net1 proto boot")),
    ("-4 route add default tos 0x10 via 10.0.1.1", Some("default via 10.0.1.1 dev eth0 proto boot")),
    (
        "-4 route add default nexthop via 10.0.1.1 nexthop via 10.0.2.1",
        Some("default nexthop via 10.0.1.1 dev eth0 nexthop via 10.0.2.1 dev net1 proto boot"),
    ),
    ("-6 route add default via fd00:1::1", Some("default via fd00:1::1 dev eth0 proto boot metric 1024")),
    (
        "-6 route add default via fe80::1 dev net1",
        Some("default via fe80::1 dev net1 proto boot metric 1024"),
    ),
    (
        "-6 route add default via fe80::1 dev eth0 proto ra expires 1800",
        Some("default via fe80::1 dev eth0 proto ra metric 1024"),
    ),
    ("-6 route add default dev net1 metric 7", Some("default dev net1 proto boot metric 7")),
    (
        "-6 route add default nexthop via fd00:1::1 nexthop via fd00:2::1",
        Some("default nexthop via fd00:1::1 dev eth0 nexthop via fd00:2::1 dev net1 proto boot metric 1024"),
    ),
    ("-4 route add default via 10.0.1.1 table 100", None),
    ("-4 route add unreachable default metric 900", None),
    ("-4 route add 10.9.0.0/16 via 10.0.1.1", None),
    ("-6 route add blackhole default metric 900", None),
    ("-6 route add default from fd00:2::/64 via fd00:2::1", None),
    ("-6 route add fd99::/16 via fd00:1::1", None),
];

#[test]
fn what_others_made_is_listed_and_deleted_and_nothing_else_is() {
    if !private::inside("what_others_made_is_listed_and_deleted_and_nothing_else_is") {
        return;
    }
    let pod = pod();
    let everything = || ip("-n pod -4 route show table all") + &ip("-n pod -6 route show table all");
    for (words, expected) in MADE_BY_OTHERS {
        let before = everything();
        ip(&format!("-n pod {words}"));
        let routes = pod.default_routes().unwrap();
        assert_eq!(
            routes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Vec::from_iter(*expected),
            "{words}"
        );
        assert_eq!(routes.iter().any(DefaultRoute::is_advertised), words.contains("proto ra"), "{words}");
        match routes.first() {
            Some(route) => {
                pod.delete_route(route).unwrap();
                pod.delete_route(route).expect("gone already is as good");
                assert_eq!(everything(), before, "{words}");
            }
            None => {
                ip(&format!("-n pod {}", words.replace(" add ", " del ")));
            }
        }
    }
}

#[test]
fn a_nexthop_objects_route_is_deleted_too() {
    if !private::inside("a_nexthop_objects_route_is_deleted_too") {
        return;
    }
    let pod = pod();
    for (family, gateway) in [("-4", "10.0.1.1"), ("-6", "fd00:1::1")] {
        ip(&format!("-n pod nexthop replace id 7 via {gateway} dev eth0"));
        ip(&format!("-n pod {family} route add default nhid 7"));
        let routes = pod.default_routes().unwrap();
        assert_eq!(routes[0].hops, [Hop { link: "eth0".into(), gateway: gateway.parse().ok() }]);
        pod.delete_route(&routes[0]).unwrap();
        assert_eq!(listed(&pod), [""; 0], "{family}");
    }
}

#[test]
fn among_several_the_named_one_is_deleted() {
    if !private::inside("among_several_the_named_one_is_deleted") {
        return;
    }
    let pod = pod();
    for words in [
        "-4 route add default via 10.0.1.1",
        "-4 route append default via 10.0.2.1",
        "-4 route add default via 10.0.2.1 metric 3",
        "-6 route add default via fd00:1::1",
        "-6 route add default via fd00:2::1 metric 3",
    ] {
        ip(&format!("-n pod {words}"));
    }
    let net1 = |route: &&DefaultRoute| route.hops[0].link == "net1";
    for route in pod.default_routes().unwrap().iter().filter(net1) {
        pod.delete_route(route).unwrap();
    }
    let left =
        ["default via 10.0.1.1 dev eth0 proto boot", "default via fd00:1::1 dev eth0 proto boot metric 1024"];
    assert_eq!(listed(&pod), left);
}

#[test]
fn added_routes_are_what_iproute2_shows() {
    if !private::inside("added_routes_are_what_iproute2_shows") {
        return;
    }
    let pod = pod();
    let routes = [
        route("eth0", "10.0.1.1", None),
        route("net1", "10.0.2.1", Some(1)),
        route("net1", "", Some(2)),
        route("eth0", "fd00:1::1", None),
        route("net1", "fe80::9", Some(1025)),
    ];
    for route in &routes {
        assert!(pod.add_default_route(route).unwrap(), "{route}");
        assert!(!pod.add_default_route(route).unwrap(), "{route} is there already");
    }
    assert_eq!(listed(&pod), [shown("-4"), shown("-6")].concat());
    assert_eq!(pod.default_routes().unwrap(), routes);
    for gateway in ["10.0.2.9", "fd00:2::9"] {
        assert!(pod.add_default_route(&route("net1", gateway, None)).unwrap());
    }
    let expected = [
        "default via 10.0.1.1 dev eth0 proto static",
        "default via 10.0.2.9 dev net1 proto static",
        "default via 10.0.2.1 dev net1 proto static metric 1",
        "default dev net1 proto static metric 2",
        "default nexthop via fd00:1::1 dev eth0 nexthop via fd00:2::9 dev net1 proto static metric 1024",
        "default via fe80::9 dev net1 proto static metric 1025",
    ];
    assert_eq!(listed(&pod), expected, "of one metric IPv4 takes the first, IPv6 both");
}

#[test]
fn a_gateway_that_cannot_be_one_is_named() {
    if !private::inside("a_gateway_that_cannot_be_one_is_named") {
        return;
    }
    let pod = pod();
    for (link, gateway) in [
        ("net1", "10.9.9.9"),
        ("net1", "10.0.1.1"),
        ("net1", "10.0.2.2"),
        ("net1", "127.0.0.1"),
        ("net1", "fd99::1"),
        ("net1", "fd00:1::1"),
        ("net1", "fd00:2::2"),
    ] {
        let error = pod.add_default_route(&route(link, gateway, None)).unwrap_err();
        let named =
            matches!(&error, NetnsError::Gateway { gateway: named, .. } if named.to_string() == gateway);
        assert!(named, "{gateway}: {error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("{gateway} can't be a gateway on {link} in /run/netns/pod: ")),
            "{text}"
        );
    }
    // By way of a router that is itself on the link's network, the delegate's own route.
    ip("-n pod route add 10.9.9.9/32 dev net1 scope link");
    assert!(pod.add_default_route(&route("net1", "10.9.9.9", None)).unwrap());

    ip("-n pod link set eth0 down");
    for (link, why) in [("eth0", "Network is down"), ("net7", "there is no link `net7`")] {
        let error = pod.add_default_route(&route(link, "", Some(5))).unwrap_err();
        assert!(matches!(error, NetnsError::Route { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("`default dev {link} proto static metric 5`")) && text.contains(why),
            "{text}"
        );
        pod.delete_route(&route(link, "", Some(5))).expect("there is no such route");
    }
    assert_eq!(listed(&pod), ["default via 10.9.9.9 dev net1 proto static"]);
}

#[test]
fn a_router_of_a_links_own_network_needs_no_route_to_it() {
    if !private::inside("a_router_of_a_links_own_network_needs_no_route_to_it") {
        return;
    }
    let pod = pod();
    for words in ["route del 10.0.2.0/24 dev net1", "-6 route del fd00:2::/64 dev net1"] {
        ip(&format!("-n pod {words}"));
    }
    for gateway in ["10.0.2.1", "fd00:2::1"] {
        assert!(pod.add_default_route(&route("net1", gateway, None)).unwrap());
    }
    assert_eq!(shown("-4"), ["default via 10.0.2.1 dev net1 proto static onlink"]);
    assert_eq!(shown("-6"), ["default via fd00:2::1 dev net1 proto static metric 1024 onlink"]);
    for gateway in ["10.0.3.1", "fd00:3::1"] {
        let error = pod.add_default_route(&route("net1", gateway, Some(7))).unwrap_err();
        assert!(matches!(error, NetnsError::Gateway { .. }), "{error}");
    }
}

#[test]
fn a_links_advertised_routes_are_ignored_in_its_namespace_alone() {
    if !private::inside("a_links_advertised_routes_are_ignored_in_its_namespace_alone") {
        return;
    }
    let pod = pod();
    ip("link add eth0 type veth peer name elsewhere");
    pod.ignore_advertised_routes(&["net9".to_owned(), "eth0".to_owned()]).expect("without a link no routes");
    let setting = |netns: &str, link: &str| {
        let path = format!("/proc/sys/net/ipv6/conf/{link}/accept_ra_defrtr");
        let output = std::process::Command::new("ip").args(["netns", "exec", netns, "cat", &path]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert_eq!([setting("pod", "eth0"), setting("pod", "net1")], ["0\n", "1\n"]);
    assert_eq!(fs::read_to_string("/proc/sys/net/ipv6/conf/eth0/accept_ra_defrtr").unwrap(), "1\n");
    ip("netns add after");
    ip("-n pod link set eth0 netns after");
    assert_eq!(setting("after", "eth0"), "1\n", "a link that leaves has the usual settings again");
}

#[test]
fn a_router_that_advertises_itself_is_listened_to_until_it_is_ignored() {
    if !private::inside("a_router_that_advertises_itself_is_listened_to_until_it_is_ignored") {
        return;
    }
    let pod = pod();
    for (number, link) in [(1, "eth0"), (2, "net1")] {
        ip(&format!("addr add fe80::{number}:1/64 dev out{number} nodad"));
        ip(&format!("-n pod addr add fe80::{number}:2/64 dev {link} nodad"));
    }
    let advertise = |number: u32| router::advertise(&format!("out{number}"), &format!("fe80::{number}:2"));
    let wait_for = |words: &str| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !listed(&pod).iter().any(|route| route.contains(words)) {
            assert!(Instant::now() < deadline, "no {words} in {:?}", listed(&pod));
            sleep(Duration::from_millis(5));
        }
    };
    advertise(1);
    wait_for("via fe80::1:1 dev eth0 proto ra metric 1024");
    let routes = pod.default_routes().unwrap();
    assert!(routes.iter().all(DefaultRoute::is_advertised));

    pod.ignore_advertised_routes(&["eth0".to_owned()]).unwrap();
    assert_eq!(pod.default_routes().unwrap(), routes, "what was learnt before stays");
    pod.delete_route(&routes[0]).unwrap();
    advertise(1);
    advertise(2);
    // Advertisements are taken in order: after the second router's, the first one's was there and was ignored.
    wait_for("dev net1 proto ra");
    assert_eq!(listed(&pod), ["default via fe80::2:1 dev net1 proto ra metric 1024"]);
}
