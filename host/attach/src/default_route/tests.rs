//! The rule, case by case, and what becomes of the results.

use std::net::IpAddr;

use multus_cni::Version;
use multus_cni::result::{CniResult, ResultDocument};
use multus_net::{DefaultRoute, Family, Hop};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::results;
use super::rule::Rule;

const LINKS: [&str; 3] = ["lo", "eth0", "net1"];

fn links() -> Vec<String> {
    LINKS.map(str::to_owned).to_vec()
}

/// `eth0 10.0.0.1`, `net1` (a device route of IPv4), `net1 -6`, each with ` 5` for a metric.
fn route(text: &str) -> DefaultRoute {
    let mut words = text.split(' ');
    let link = words.next().unwrap().to_owned();
    let (mut family, mut gateway, mut metric) = (Family::V4, None, None);
    for word in words {
        match (word, word.parse::<IpAddr>()) {
            ("-6", _) => family = Family::V6,
            (_, Ok(address)) => (family, gateway) = (Family::of(&address), Some(address)),
            (number, _) => metric = number.parse().ok(),
        }
    }
    DefaultRoute::new(family, Hop { link, gateway }, metric)
}

fn gateways(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

fn document(value: &Value) -> ResultDocument {
    ResultDocument::parse(value.to_string().as_bytes(), Version::V1_1_0).unwrap()
}

/// A result with an interface in the pod and default routes by these gateways, or none for the gateway of the address.
fn of(link: &str, subnet: &str, routes: &[&str]) -> Value {
    let route = |gateway: &&str| match *gateway {
        "v4" => json!({"dst": "0.0.0.0/0"}),
        "v6" => json!({"dst": "::/0"}),
        v6 if v6.contains(':') => json!({"dst": "::/0", "gw": v6}),
        v4 => json!({"dst": "0.0.0.0/0", "gw": v4}),
    };
    json!({"cniVersion": "1.1.0", "interfaces": [{"name": link, "sandbox": "/run/netns/a"}],
        "ips": [{"address": format!("10.{subnet}.0.2/16"), "gateway": format!("10.{subnet}.0.1"), "interface": 0}],
        "routes": routes.iter().map(route).collect::<Vec<_>>()})
}

/// `default-route` on `net1`; what its result tells; what is there; what of it is kept; what is wanted.
type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str], &'a [&'a str], &'a [&'a str]);

const ROWS: &[Row<'_>] = &[
    ("v4", &["10.1.0.9"], &[], &["eth0 10.0.0.1", "eth0 fd00::1"], &[], &["net1 10.1.0.9"]),
    ("v4, own of v4", &["10.1.0.9"], &["v4"], &["net1 10.1.0.1"], &[], &["net1 10.1.0.9"]),
    (
        "v4, own of v6 stays",
        &["10.1.0.9"],
        &["fd01::1"],
        &["eth0 fd00::1", "net1 fd01::1 7"],
        &["net1 fd01::1 7"],
        &["net1 10.1.0.9", "net1 fd01::1"],
    ),
    (
        "v6",
        &["fd01::9"],
        &["v4"],
        &["net1 10.1.0.1", "net1 fd01::1"],
        &["net1 10.1.0.1"],
        &["net1 10.1.0.1", "net1 fd01::9"],
    ),
    (
        "both",
        &["fd01::9", "10.1.0.9"],
        &["v4"],
        &["eth0 10.0.0.1", "net1 10.1.0.1 3"],
        &[],
        &["net1 10.1.0.9", "net1 fd01::9"],
    ),
    (
        "NP-23: the order is the metric",
        &["10.1.0.9", "fd01::9", "10.1.0.8", "10.1.0.9", "fd01::8"],
        &[],
        &[],
        &[],
        &["net1 10.1.0.9", "net1 10.1.0.8 1", "net1 fd01::9 1024", "net1 fd01::8 1025"],
    ),
    ("[] and nothing anywhere", &[], &[], &[], &[], &[]),
    ("[] takes from the others", &[], &[], &["eth0 10.0.0.1", "eth0 fd00::1", "tun0"], &[], &[]),
    (
        "[] keeps the owner's, told or not",
        &[],
        &["v4"],
        &["net1 10.1.0.1", "net1 10.1.0.7 4", "net1 -6", "eth0 fd00::1"],
        &["net1 10.1.0.1", "net1 10.1.0.7 4", "net1 -6"],
        &["net1 10.1.0.1"],
    ),
    (
        "[] makes what a plugin left out because another's was there",
        &[],
        &["v4", "fd01::1"],
        &["eth0 10.0.0.1", "eth0 fd00::1"],
        &[],
        &["net1 10.1.0.1", "net1 fd01::1"],
    ),
    ("[] and a device route", &[], &["v6"], &["eth0 fd00::1"], &[], &["net1 -6"]),
];

#[test]
fn np_22_np_23_each_family_has_one_owner() {
    for (what, asked, told, there, kept, wanted) in ROWS {
        let asked = gateways(asked);
        let result = document(&of("net1", "1", told)).result().unwrap();
        let rule = Rule::new(&asked, "net1", &result, &links());
        let stays: Vec<DefaultRoute> =
            there.iter().map(|text| route(text)).filter(|route| rule.keeps(route)).collect();
        assert_eq!(stays, kept.iter().map(|text| route(text)).collect::<Vec<_>>(), "{what}");
        let comes: Vec<DefaultRoute> = Family::BOTH
            .into_iter()
            .flat_map(|family| rule.wanted(family))
            .map(|wanted| wanted.route)
            .collect();
        assert_eq!(comes, wanted.iter().map(|text| route(text)).collect::<Vec<_>>(), "{what}");
    }
}

#[test]
fn a_shared_route_stays_only_if_all_of_it_is_the_owners() {
    let result = CniResult::default();
    let rule = Rule::new(&[], "net1", &result, &links());
    let mut shared = route("net1 10.1.0.1");
    shared.hops.push(route("net1 10.1.0.2").hops.remove(0));
    assert!(rule.keeps(&shared));
    shared.hops.push(route("eth0 10.0.0.1").hops.remove(0));
    assert!(!rule.keeps(&shared));
}

#[test]
fn an_owner_may_have_links_of_other_names() {
    let result = document(&of("net1", "1", &[])).result().unwrap();
    let asked = gateways(&["10.1.0.9"]);
    for (interface, expected) in [("net1", "net1"), ("gone", "net1"), ("eth0", "eth0")] {
        assert_eq!(Rule::new(&asked, interface, &result, &links()).link(), Some(expected), "{interface}");
    }
    let nothing = CniResult::default();
    let rule = Rule::new(&asked, "gone", &nothing, &links());
    assert_eq!((rule.link(), rule.wanted(Family::V4)), (None, Vec::new()));
    assert!(!rule.keeps(&route("eth0 fd00::1")), "all others lose theirs all the same");
    let documents = [document(&of("eth0", "0", &["v4"])), document(&of("vhost0", "1", &["v4"]))];
    let changed = results::changed(&documents, 1, &rule, &[]).unwrap();
    assert!(!changed[0].raw().get().contains("routes"));
    assert_eq!(
        changed[1].raw().get(),
        documents[1].raw().get(),
        "its routes are a program's, not the kernel's"
    );
}

#[test]
fn routers_are_heard_on_the_owners_link_alone_and_not_there_if_others_are_named() {
    let result = CniResult::default();
    for (asked, deaf) in
        [(&[][..], &["eth0"][..]), (&["10.1.0.9"], &["eth0"]), (&["fd01::9"], &["eth0", "net1"])]
    {
        let asked = gateways(asked);
        assert_eq!(Rule::new(&asked, "net1", &result, &links()).deaf(&links()), deaf, "{asked:?}");
    }
}

#[test]
fn results_tell_what_the_kernel_has() {
    let before = [of("eth0", "0", &["v4", "fd00::1"]), of("net1", "1", &["v4", "fd01::1"])];
    let documents = before.each_ref().map(document);
    let owner = documents[1].result().unwrap();
    let told = |asked: &[&str], there: &[&str]| {
        let asked = gateways(asked);
        let rule = Rule::new(&asked, "net1", &owner, &links());
        let there: Vec<DefaultRoute> = there.iter().map(|text| route(text)).collect();
        let changed = results::changed(&documents, 1, &rule, &there).unwrap();
        let routes = |document: &ResultDocument| {
            serde_json::from_str::<Value>(document.raw().get()).unwrap()["routes"].clone()
        };
        assert_eq!(routes(&changed[0]), Value::Null);
        routes(&changed[1])
    };
    let own = [json!({"dst": "0.0.0.0/0"}), json!({"dst": "::/0", "gw": "fd01::1"})];
    assert_eq!(told(&[], &["net1 10.1.0.1", "net1 fd01::1"]), json!(own));
    let of_the_second = json!([own[1]]);
    assert_eq!(told(&[], &["net1 fd01::1"]), of_the_second, "a route that could not be made is not told of");
    assert_eq!(
        told(&[], &["net1 10.1.0.1", "net1 10.1.0.7 4", "net1 9", "net1 fd01::1", "net1 -6 9"]),
        json!([own[0], {"dst": "0.0.0.0/0", "gw": "10.1.0.7", "priority": 4}, own[1], {"dst": "::/0", "priority": 9}]),
        "one that no plugin told of is, if there are words for it"
    );
    let asked = gateways(&[]);
    let rule = Rule::new(&asked, "net1", &owner, &links());
    let mut shared = route("net1 fd01::1");
    shared.hops.push(route("net1 fd01::2").hops.remove(0));
    let changed = results::changed(&documents, 1, &rule, &[shared]).unwrap();
    let routes = serde_json::from_str::<Value>(changed[1].raw().get()).unwrap()["routes"].clone();
    assert_eq!(routes, json!([own[1], {"dst": "::/0", "gw": "fd01::2"}]), "each hop is a route of its own");
    assert_eq!(
        told(&["10.1.0.9", "10.1.0.8"], &["net1 10.1.0.9", "net1 10.1.0.8 1", "net1 fd01::1"]),
        json!([own[1], {"dst": "0.0.0.0/0", "gw": "10.1.0.9"}, {"dst": "0.0.0.0/0", "gw": "10.1.0.8", "priority": 1}])
    );
}

proptest! {
    #[test]
    fn in_the_end_no_other_link_has_a_default_route_and_nothing_is_told_twice(
        asked in prop::collection::vec((any::<u8>(), any::<bool>()), 0..4),
        there in prop::collection::vec((prop::sample::select(&LINKS[1..]), any::<bool>(), 1_u32..9), 0..6),
        told in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let address = |n: &u8, v6: bool| if v6 { format!("fd01::{n:x}") } else { format!("10.1.0.{n}") };
        let asked: Vec<IpAddr> = asked.iter().map(|(n, v6)| address(n, *v6).parse().unwrap()).collect();
        let told: Vec<String> = told.iter().map(|n| address(n, n % 2 == 0)).collect();
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        let there: Vec<DefaultRoute> = there.iter().map(|(link, v6, metric)| {
            route(&format!("{link}{} {metric}", if *v6 { " -6" } else { "" }))
        }).collect();
        let owner = document(&of("net1", "1", &told));
        let result = owner.result().unwrap();
        let rule = Rule::new(&asked, "net1", &result, &links());
        let mut after: Vec<DefaultRoute> = there.into_iter().filter(|route| rule.keeps(route)).collect();
        for family in Family::BOTH {
            for wanted in rule.wanted(family) {
                after.push(wanted.route);
            }
        }
        prop_assert!(after.iter().all(|route| route.hops.iter().all(|hop| hop.link == "net1")));
        for gateway in &asked {
            prop_assert!(after.iter().any(|route| route.hops[0].gateway == Some(*gateway)), "{}", gateway);
        }
        let changed = results::changed(std::slice::from_ref(&owner), 0, &rule, &after).unwrap();
        let again = changed[0].result().unwrap();
        for route in again.routes.iter().filter(|route| route.is_main_default()) {
            let gateway = again.gateway_of(route).and_then(|gateway| gateway.parse().ok());
            prop_assert!(after.iter().any(|there| there.hops[0].gateway == gateway), "{route:?} in {after:?}");
        }
    }
}
