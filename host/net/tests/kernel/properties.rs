//! Changing what a link is like.

use multus_net::{Backend, LinkRef, Property, Space};
use nix::libc;
use serde_json::Value;

use crate::private::{inside, ip};
use crate::stage::{
    apply, assert_unchanged, done, everything, link, mac, open, pod, refusal, set, soon, undo,
};

fn port() -> LinkRef {
    LinkRef { space: Space::Host, index: 600, name: "port".into() }
}

/// Somebody else's link, a port of a bridge, and another bridge.
fn somebody_elses() {
    pod();
    ip("link add index 500 br0 address 0a:58:00:00:00:50 type bridge");
    ip("link add index 501 br1 address 0a:58:00:00:00:51 type bridge");
    ip("link add index 600 port address 0a:58:00:00:00:05 type veth peer name end");
    ip("link set port master br0");
}

type Look = fn(&Value) -> Value;

/// What is set, what it was, and where iproute2 shows it.
fn rows() -> Vec<(Property, Property, Look)> {
    vec![
        (Property::Up(true), Property::Up(false), |link| link["flags"].to_string().contains("\"UP\"").into()),
        (Property::Mtu(1400), Property::Mtu(1500), |link| (link["mtu"] == 1400).into()),
        (Property::Mac(mac(6)), Property::Mac(mac(5)), |link| (link["address"] == mac(6).to_string()).into()),
        (Property::Master(Some(501)), Property::Master(Some(500)), |link| (link["master"] == "br1").into()),
        (Property::Master(None), Property::Master(Some(500)), |link| link["master"].is_null().into()),
        (Property::Promiscuous(true), Property::Promiscuous(false), |link| {
            link["flags"].to_string().contains("\"PROMISC\"").into()
        }),
        (Property::AllMulticast(true), Property::AllMulticast(false), |link| {
            link["flags"].to_string().contains("\"ALLMULTI\"").into()
        }),
        (Property::TxQueueLength(500), Property::TxQueueLength(1000), |link| (link["txqlen"] == 500).into()),
        (Property::Hairpin(true), Property::Hairpin(false), |link| {
            link["linkinfo"]["info_slave_data"]["hairpin"].clone()
        }),
        (Property::Name("red".into()), Property::Name("port".into()), |link| {
            (link["ifname"] == "red").into()
        }),
        (Property::AlternativeName("blue".into()), Property::Name("port".into()), |link| {
            (link["altnames"][0] == "blue").into()
        }),
    ]
}

fn it() -> Value {
    ["port", "red"].map(|name| link("", name)).into_iter().find(|link| !link.is_null()).unwrap()
}

#[test]
fn every_property_is_set_and_set_back() {
    if !inside("properties::every_property_is_set_and_set_back") {
        return;
    }
    somebody_elses();
    let before = everything();
    for (property, was, look) in rows() {
        assert_eq!(look(&it()), false, "{property}");
        let effect = set(port(), property.clone(), Some(was));
        // What has a bridge has to keep it if it can't be another one's.
        let messages = if matches!(property, Property::Master(Some(_))) { 2 } else { 1 };
        assert_eq!(apply(&effect).unwrap(), messages, "{effect}");
        assert_eq!(look(&it()), true, "{property}");
        assert_eq!(open().compare(&effect).unwrap(), None);
        undo(&[&effect]);
        assert_eq!(look(&it()), false, "{property}");
        assert_unchanged(&before, &format_args!("{effect}"));
        assert!(open().compare(&effect).unwrap().is_some(), "{effect}");
        undo(&[&effect]);
        assert_unchanged(&before, &format_args!("twice: {effect}"));
    }
}

#[test]
fn what_somebody_changed_since_or_was_ours_stays() {
    if !inside("properties::what_somebody_changed_since_or_was_ours_stays") {
        return;
    }
    somebody_elses();
    let mtu = done(set(port(), Property::Mtu(1400), Some(Property::Mtu(1500))));
    let own = done(set(port(), Property::Promiscuous(true), None));
    ip("link set port mtu 1300");
    let now = everything();
    assert_eq!(undo(&[&mtu, &own]), 1);
    assert_unchanged(&now, &"");
    ip("link del port");
    let now = everything();
    undo(&[&mtu, &own]);
    assert_unchanged(&now, &"");
}

#[test]
fn changes_of_one_property_are_set_back_one_after_the_other() {
    if !inside("properties::changes_of_one_property_are_set_back_one_after_the_other") {
        return;
    }
    somebody_elses();
    let before = everything();
    let first = done(set(port(), Property::Mtu(1400), Some(Property::Mtu(1500))));
    let second = done(set(port(), Property::Mtu(1300), Some(Property::Mtu(1400))));
    undo(&[&first, &second]);
    assert_unchanged(&before, &"");
}

#[test]
fn what_the_kernel_refuses_is_told_in_its_words() {
    if !inside("properties::what_the_kernel_refuses_is_told_in_its_words") {
        return;
    }
    somebody_elses();
    let before = everything();
    let end = || LinkRef { space: Space::Host, index: ip_index("end"), name: "end".into() };
    let nobody = || LinkRef { space: Space::Host, index: 4711, name: "nobody".into() };
    let rows = [
        (nobody(), Property::Up(true), libc::ENODEV, "up of nobody on the node failed: No such device"),
        (nobody(), Property::Hairpin(true), libc::ENODEV, "hairpin on of nobody on the node failed: "),
        (port(), Property::Mtu(7), libc::EINVAL, "less than device minimum: Invalid argument"),
        (
            port(),
            Property::Master(Some(4711)),
            libc::EINVAL,
            "port of link 4711 of port on the node failed: ",
        ),
        (
            port(),
            Property::Name("br0".into()),
            libc::EEXIST,
            "name br0 of port on the node failed: File exists",
        ),
        (port(), Property::Name("a b".into()), libc::EINVAL, "`a b` can't be the name of a link"),
        (port(), Property::AlternativeName("br1".into()), libc::EEXIST, "File exists"),
        (end(), Property::Hairpin(true), libc::EOPNOTSUPP, "hairpin on of end on the node failed: "),
    ];
    for (link, property, errno, words) in rows {
        let (text, found) = refusal(&set(link, property, None));
        assert!(text.contains(words), "{text}");
        assert_eq!(found, Some(errno), "{text}");
        assert_unchanged(&before, &format_args!("{text}"));
    }
    let late =
        open().apply(&set(port(), Property::Up(true), None), soon() - std::time::Duration::from_secs(60));
    assert_eq!(late.unwrap_err().errno, Some(libc::ETIMEDOUT));
    assert_unchanged(&before, &"nothing begins after its deadline");
}

fn ip_index(name: &str) -> u32 {
    u32::try_from(link("", name)["ifindex"].as_u64().unwrap()).unwrap()
}
