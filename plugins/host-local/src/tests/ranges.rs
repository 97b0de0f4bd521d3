//! The order of addresses, against a slow and simple one.

use std::net::IpAddr;

use multus_guest::Plugin;
use multus_guest_cni::Conf;
use proptest::prelude::*;
use serde_json::json;

use crate::range::RangeSet;

fn set(ranges: serde_json::Value) -> RangeSet {
    let plugin: Plugin = serde_json::from_value(json!({ "set": ranges })).unwrap();
    RangeSet::read(&Conf::of(&plugin).at("set").unwrap()).unwrap()
}

fn texts(set: &RangeSet, last: Option<&str>) -> Vec<String> {
    set.in_turn(last.map(|text| text.parse().unwrap())).map(|(_, address)| address.to_string()).collect()
}

#[test]
fn addresses_come_after_the_last_one_and_around() {
    let two = set(json!([
        { "subnet": "10.1.0.0/29" },
        { "subnet": "10.2.0.0/24", "rangeStart": "10.2.0.8", "rangeEnd": "10.2.0.9", "gateway": "10.2.0.9" }
    ]));
    let all = ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6", "10.2.0.8"];
    assert_eq!(texts(&two, None), all);
    for (last, first) in
        [("10.1.0.2", 1), ("10.1.0.6", 5), ("10.2.0.8", 0), ("10.2.0.9", 0), ("10.1.0.1", 0), ("10.9.0.1", 0)]
    {
        let mut expected = all.to_vec();
        expected.rotate_left(first);
        assert_eq!(texts(&two, Some(last)), expected, "{last}");
    }
    let only_gateway =
        set(json!([{ "subnet": "10.1.0.0/24", "rangeStart": "10.1.0.1", "rangeEnd": "10.1.0.1" }]));
    assert!(texts(&only_gateway, None).is_empty() && texts(&only_gateway, Some("10.1.0.1")).is_empty());
    assert_eq!(texts(&set(json!([{ "subnet": "fd00::/126" }])), None), ["fd00::2", "fd00::3"]);
    let highest = set(json!([{ "subnet": "255.255.255.252/30" }]));
    assert_eq!(texts(&highest, None), ["255.255.255.254"]);
}

#[test]
fn a_network_of_any_size_is_not_walked_through_before_it_is_asked_for() {
    let all = set(json!([{ "subnet": "::/0", "rangeStart": "::5" }]));
    assert_eq!(all.in_turn(None).take(2).count(), 2);
    let first = all.in_turn("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().ok()).next().unwrap().1;
    assert_eq!(first.to_string(), "::5");
}

proptest! {
    #[test]
    fn each_address_comes_once_whatever_the_last_one_was(
        bounds in proptest::collection::vec((0_u8..40, 0_u8..40), 1..4), gateway in 0_u8..60, last in 0_u8..60,
    ) {
        let ranges: Vec<_> = bounds.iter().enumerate().map(|(at, (one, other))| json!({
            "subnet": format!("10.{at}.0.0/24"),
            "rangeStart": format!("10.{at}.0.{}", one.min(other)),
            "rangeEnd": format!("10.{at}.0.{}", one.max(other)),
            "gateway": format!("10.{at}.0.{gateway}"),
        })).collect();
        let set = set(json!(ranges));
        let mut expected: Vec<IpAddr> = Vec::new();
        for (at, (one, other)) in bounds.iter().enumerate() {
            let hosts = (*one.min(other)..=*one.max(other)).filter(|host| *host != gateway);
            expected.extend(hosts.map(|host| IpAddr::from([10, u8::try_from(at).unwrap(), 0, host])));
        }
        let last = IpAddr::from([10, 0, 0, last]);
        let found: Vec<IpAddr> = set.in_turn(Some(last)).map(|(_, address)| address).collect();
        let known = set.range_of(last).is_some();
        let mut later = expected.iter().filter(|address| known && **address > last).copied().collect::<Vec<_>>();
        let earlier = expected.iter().filter(|address| !known || **address <= last);
        later.extend(earlier);
        prop_assert_eq!(found, later);
    }

    #[test]
    fn no_conf_stops_the_reader(subnet in "[0-9a-f.:/]{0,20}", start in "[0-9a-f.:]{0,12}", end in "[0-9a-f.:]{0,12}") {
        let conf = json!({ "set": [{ "subnet": subnet, "rangeStart": start, "rangeEnd": end }] });
        let plugin: Plugin = serde_json::from_value(conf).unwrap();
        if let Ok(set) = RangeSet::read(&Conf::of(&plugin).at("set").unwrap()) {
            let _ = set.in_turn(None).take(3).count();
        }
    }
}
