//! What follows from effects, without a node.

use super::*;
use crate::Link;
use crate::effect::{Class, IpvlanMode, LinkKind, MacAddr, MacvlanMode};
use crate::link::Details;

fn link(space: Space, index: u32, name: &str) -> LinkRef {
    LinkRef { space, index, name: name.into() }
}

fn veth(index: u32) -> Effect {
    let end = |space, index, last| NewLink {
        space,
        index,
        name: format!("veth{index}"),
        mac: MacAddr([2, 0, 0, 0, 0, last]),
    };
    Effect::Veth { inside: end(Space::Sandbox, index, 1), outside: end(Space::Host, index + 1, 2), mtu: None }
}

fn moved(bus_address: Option<&str>) -> Effect {
    let home = Home {
        name: "ens1".into(),
        up: true,
        mtu: 1500,
        mac: "02:00:00:00:00:07".into(),
        bus_address: bus_address.map(Into::into),
        alternative_names: Vec::new(),
        promiscuous: false,
        all_multicast: false,
        tx_queue_length: None,
    };
    Effect::Move { link: link(Space::Host, 7, "ens1"), to: Space::Sandbox, name: "net1".into(), home }
}

fn set(link: LinkRef, property: Property, before: Option<Property>) -> Effect {
    Effect::Set { link, property, before }
}

fn route(lasting: bool) -> Effect {
    let route = serde_json::from_str(r#"{"destination": "10.0.0.0/8"}"#).unwrap();
    Effect::Route { link: link(Space::Sandbox, 3, "eth0"), route, lasting }
}

fn address(lasting: bool) -> Effect {
    let address = "10.0.0.1/8".parse().unwrap();
    Effect::Address { link: link(Space::Sandbox, 3, "eth0"), address, lasting }
}

fn sysctl(space: Space) -> Effect {
    Effect::Sysctl { space, key: "net/ipv4/ip_forward".into(), value: "1".into(), before: "0".into() }
}

fn all() -> Vec<Effect> {
    let eth0 = link(Space::Sandbox, 3, "eth0");
    let port = link(Space::Host, 11, "veth10");
    let mac = MacAddr([2, 0, 0, 0, 0, 9]);
    let ip = "10.0.0.1".parse().unwrap();
    let network = "10.0.0.0/8".parse().unwrap();
    vec![
        veth(10),
        Effect::Bridge {
            link: NewLink { space: Space::Host, index: 5, name: "cni0".into(), mac },
            mtu: None,
            vlans: false,
        },
        Effect::Pair {
            end: NewLink { space: Space::Host, index: 6, name: "cni0.5".into(), mac },
            port: NewLink { space: Space::Host, index: 7, name: "veth11".into(), mac },
            mtu: None,
        },
        moved(None),
        set(eth0.clone(), Property::Mtu(1400), Some(Property::Mtu(1500))),
        set(port.clone(), Property::Mac(mac), None),
        address(true),
        address(false),
        Effect::NoAddress { link: eth0.clone(), address: network },
        route(true),
        route(false),
        Effect::NoRoute {
            link: eth0.clone(),
            route: serde_json::from_str(r#"{"destination": "fd00::/64"}"#).unwrap(),
            lasting: false,
        },
        Effect::Neighbour { link: eth0.clone(), address: ip, mac },
        sysctl(Space::Sandbox),
        sysctl(Space::Host),
        Effect::Masquerade { id: "a".into(), address: ip, network },
        Effect::SpoofCheck { id: "a".into(), port, mac },
        Effect::Announce { link: eth0.clone(), addresses: vec![ip] },
        Effect::NoRoute {
            link: eth0,
            route: serde_json::from_str(r#"{"destination": "fd00::/64"}"#).unwrap(),
            lasting: true,
        },
        Effect::PolicyRule { rule: PolicyRule { source: network, table: 100, priority: 7 } },
        limit(99),
        Effect::Redirect { link: link(Space::Host, 99, "veth99"), to: link(Space::Host, 98, "ifb0") },
        Effect::PortMapping {
            id: "a".into(),
            mapping: serde_json::from_str(
                r#"{"from": {"protocol": "tcp", "address": "0.0.0.0", "port": 80}, "address": "10.1.2.3", "port": 80,
                    "network": "10.1.2.0/24", "disguise": "nobody"}"#,
            )
            .unwrap(),
        },
        veth(20),
    ]
}

fn limit(index: u32) -> Effect {
    let limit = Limit { rate: 1000, burst: 100, queue: 125 };
    Effect::Limit { link: link(Space::Host, index, &format!("veth{index}")), limit, apart: None }
}

fn told(vlan: u16) -> Effect {
    let text = format!(
        r#"{{"set":{{"function":{{"address":"0000:03:02.1","physical":"0000:03:00.0","number":0}},
            "setting":{{"vlan":{{"id":{vlan},"qos":0,"protocol":"802.1q"}}}},
            "before":{{"vlan":{{"id":0,"qos":0,"protocol":"802.1q"}}}},"briefly":false}}}}"#
    );
    Effect::Function(serde_json::from_str(&text).unwrap())
}

/// Whatever was told when: a pod that still has it stays where it is.
#[test]
fn what_a_card_was_told_is_taken_back_once_the_link_is_home() {
    let (before, link, after) = (told(5), moved(Some("0000:03:02.1")), told(6));
    let order = |effects: &[&Effect]| steps(effects).iter().map(|step| step.effect).collect::<Vec<_>>();
    assert_eq!(order(&[&before, &link, &after]), [1, 2, 0]);
    let (other, pair) = (moved(Some("0000:03:02.2")), address(true));
    assert_eq!(order(&[&other, &before, &after, &link, &pair]), [4, 3, 2, 1, 0]);
    assert_eq!(order(&[&link, &other, &after]), [1, 0, 2]);
    assert_eq!(order(&[&other, &after]), [1, 0], "a link that never left");
}

#[test]
fn a_limit_goes_with_a_link_of_ours() {
    let (pair, of_ours, other) = (veth(10), limit(11), limit(99));
    let taken: Vec<_> = steps(&[&pair, &of_ours, &other]).iter().map(|step| step.effect).collect();
    assert_eq!(taken, [2, 0]);
}

#[test]
fn what_is_owned_or_modified_is_taken_back_in_reverse_and_links_at_the_end() {
    let effects = all();
    let effects: Vec<_> = effects.iter().collect();
    let order: Vec<_> = steps(&effects).iter().map(|step| step.effect).collect();
    assert_eq!(order, [22, 21, 20, 19, 18, 16, 15, 13, 9, 6, 4, 3, 23, 0]);
    for (at, effect) in effects.iter().enumerate() {
        let left = matches!(effect.class(), Class::Ensured | Class::Passing);
        assert_eq!(order.contains(&at), !left, "{effect}");
    }
}

#[test]
fn a_link_of_ours_is_known_by_every_address_that_it_got() {
    let effects = all();
    let effects: Vec<_> = effects.iter().collect();
    let deleted = steps(&effects).into_iter().find_map(|step| match step.action {
        Action::Delete { link, kind, macs, .. } if step.effect == 0 => Some((link.index, kind, macs)),
        _ => None,
    });
    let macs = vec!["02:00:00:00:00:02".to_owned(), "02:00:00:00:00:09".to_owned()];
    assert_eq!(deleted, Some((11, "veth", Some(macs))));
}

fn made(index: u32, kind: LinkKind) -> Effect {
    let mac = MacAddr([2, 0, 0, 0, 0, 1]);
    let link = NewLink { space: Space::Sandbox, index, name: format!("link{index}"), mac };
    Effect::Link { link, parent: None, kind, mtu: None }
}

#[test]
fn what_is_shared_goes_after_what_may_use_it_and_what_follows_its_parent_under_any_address() {
    let effects = [
        made(30, LinkKind::Vrf { table: 5 }),
        made(31, LinkKind::Ipvlan { mode: IpvlanMode::L2 }),
        made(32, LinkKind::Dummy),
        made(33, LinkKind::Macvlan { mode: MacvlanMode::Passthru, queue: None }),
    ];
    let effects: Vec<_> = effects.iter().collect();
    let deleted = steps(&effects).into_iter().map(|step| match step.action {
        Action::Delete { kind, macs, shared, .. } => (kind, macs.is_some(), shared),
        other => panic!("{other:?}"),
    });
    let expected =
        [("macvlan", false, false), ("dummy", true, false), ("ipvlan", false, false), ("vrf", true, true)];
    assert_eq!(deleted.collect::<Vec<_>>(), expected);
}

/// The pod may choose another address, but no other number.
#[test]
fn a_link_in_the_pod_with_a_number_of_ours_is_known_under_any_address() {
    let ours = NewLink::FIRST_INDEX;
    let on_node = |index| {
        let Effect::Link { mut link, parent, kind, mtu } = made(index, LinkKind::Dummy) else { panic!() };
        link.space = Space::Host;
        Effect::Link { link, parent, kind, mtu }
    };
    let rows = [
        (made(ours, LinkKind::Dummy), false, "in the pod"),
        (made(ours, LinkKind::Vrf { table: 5 }), false, "in the pod"),
        (made(ours - 1, LinkKind::Dummy), true, "a number that the kernel may give"),
        (on_node(ours), true, "on the node, where nobody else changes it"),
    ];
    for (effect, by_address, what) in rows {
        let steps = steps(&[&effect]);
        let Action::Delete { macs, .. } = &steps[0].action else { panic!("{steps:?}") };
        assert_eq!(macs.is_some(), by_address, "{what}");
    }
}

fn candidate(index: u32, name: &str, last: u8, bus_address: Option<&str>) -> Details {
    let mac = format!("02:00:00:00:00:{last:02x}");
    let link = Link { index, name: name.into(), mac, ..Link::default() };
    Details { link, bus_address: bus_address.map(Into::into), ..Details::default() }
}

#[test]
fn a_moved_link_is_found_by_what_the_pod_cannot_copy() {
    let hardware = Some("0000:03:02.1");
    let decoys = || vec![candidate(1, "lo", 0, None), candidate(2, "eth0", 3, Some("0000:03:02.2"))];
    let rows = [
        (hardware, candidate(9, "renamed", 5, hardware), true, "hardware under any name, index and address"),
        (hardware, candidate(7, "net1", 7, None), false, "a copy of hardware"),
        (None, candidate(7, "renamed", 7, None), true, "renamed"),
        (None, candidate(9, "net1", 7, None), true, "another index, since its own was taken"),
        (None, candidate(9, "net1", 8, None), true, "another index, and the address that we gave it"),
        (None, candidate(7, "net1", 5, None), true, "the pod changed its address"),
        (None, candidate(9, "renamed", 7, None), false, "its address alone"),
        (None, candidate(7, "eth7", 5, None), false, "its index alone"),
        (None, candidate(9, "net1", 5, None), false, "its name alone"),
        (None, candidate(7, "net1", 7, hardware), false, "hardware where it was none"),
    ];
    for (bus_address, it, found, what) in rows {
        let given = set(link(Space::Sandbox, 9, "net1"), Property::Mac(MacAddr([2, 0, 0, 0, 0, 8])), None);
        let effect = moved(bus_address);
        let effects = [&effect, &given];
        let steps = steps(&effects);
        let Action::BringHome(moved) = &steps[0].action else { panic!("{steps:?}") };
        let mut candidates = decoys();
        candidates.insert(1, it.clone());
        let index = find(moved, Space::Sandbox, &candidates, |_| false).map(|found| found.link.index);
        assert_eq!(index, found.then_some(it.link.index), "{what}");
    }
}

/// A function has one link: at home it is that, whatever became of its name, number and address.
#[test]
fn a_function_that_is_home_is_told_by_its_device_alone() {
    let device = Some("0000:03:02.1");
    let home = candidate(12, "dev0", 9, device);
    let other = candidate(13, "dev1", 10, Some("0000:03:02.2"));
    let effect = moved(device);
    let steps = steps(&[&effect]);
    let Action::BringHome(moved) = &steps[0].action else { panic!("{steps:?}") };
    for (is_function, expected) in [(true, Some(12)), (false, None)] {
        let candidates = [other.clone(), home.clone()];
        let found = find(moved, Space::Host, &candidates, |of| is_function && Some(of) == device);
        assert_eq!(found.map(|found| found.link.index), expected);
    }
}

/// A card with several links has one address on the bus: its uplink is not taken for the port that the pod had.
#[test]
fn a_sibling_of_a_moved_link_is_left_alone() {
    let device = Some("0000:03:02.1");
    let sibling = || candidate(3, "uplink", 3, device);
    let rows = [
        (Space::Host, vec![sibling()], None, "it is still on its way home"),
        (Space::Host, vec![sibling(), candidate(7, "dev0", 5, device)], Some(7), "by its index"),
        (Space::Host, vec![sibling(), candidate(9, "ens1", 7, device)], Some(9), "by address and name"),
        (Space::Host, vec![sibling(), candidate(9, "dev0", 7, device)], None, "its address alone"),
        (Space::Host, vec![candidate(9, "dev0", 7, device)], Some(9), "the only one, with its address"),
        (Space::Sandbox, vec![candidate(9, "red", 5, device)], Some(9), "the only one in the pod"),
    ];
    for (space, candidates, expected, what) in rows {
        let effect = moved(device);
        let steps = steps(&[&effect]);
        let Action::BringHome(moved) = &steps[0].action else { panic!("{steps:?}") };
        assert_eq!(
            find(moved, space, &candidates, |_| false).map(|found| found.link.index),
            expected,
            "{what}"
        );
    }
}

#[test]
fn numbers_of_a_setting_are_compared_and_not_their_spaces() {
    for (one, other, same) in [("1", "1", true), ("4096\t131072", "4096 131072", true), ("1", "11", false)] {
        assert_eq!(same_setting(one, other), same);
    }
}
