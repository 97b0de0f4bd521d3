//! Rules for packets, proved by packets.

use std::net::IpAddr;

use multus_net::{Backend, Effect};
use nix::libc;

use crate::private::{inside, ip};
use crate::stage::{
    apply, done, eth0, mac, namespace, open, pod, refusal, sender, soon, udp, undo, up, veth, vethpod,
};

fn masquerade(id: &str, address: &str, network: &str) -> Effect {
    Effect::Masquerade { id: id.into(), address: address.parse().unwrap(), network: network.parse().unwrap() }
}

/// The pod behind the node, and the world behind it.
pub(crate) fn routed() {
    pod();
    for effect in [veth(), up(eth0()), up(vethpod())] {
        done(effect);
    }
    namespace("world");
    ip("link add uplink type veth peer name eth0 netns world");
    for words in [
        "addr add 10.1.0.1/24 dev vethpod",
        "addr add fd00:1::1/64 dev vethpod nodad",
        "-n pod addr add 10.1.0.2/24 dev eth0",
        "-n pod addr add 10.1.0.3/24 dev eth0",
        "-n pod addr add fd00:1::2/64 dev eth0 nodad",
        "-n pod route add default via 10.1.0.1",
        "-n pod route add default via fd00:1::1",
        "link set uplink up",
        "-n world link set eth0 up",
        "addr add 192.168.0.1/24 dev uplink",
        "addr add fd00:2::1/64 dev uplink nodad",
        "-n world addr add 192.168.0.2/24 dev eth0",
        "-n world addr add fd00:2::2/64 dev eth0 nodad",
        "-n world route add default via 192.168.0.1",
        "-n world route add default via fd00:2::1",
    ] {
        ip(words);
    }
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
}

fn parsed(address: &str) -> Option<IpAddr> {
    Some(address.parse().unwrap())
}

/// Whom a new flow from the pod is from, for the world.
fn seen(from: &str, to: &str) -> Option<IpAddr> {
    sender(&udp("pod", from), &udp("world", to))
}

#[test]
fn what_leaves_the_network_has_the_nodes_address() {
    if !inside("firewall::what_leaves_the_network_has_the_nodes_address") {
        return;
    }
    routed();
    let rows = [
        ("10.1.0.2", "10.1.0.2:0", "192.168.0.2:0", "192.168.0.1", "10.1.0.0/24", "192.168.0.0/24"),
        ("fd00:1::2", "[fd00:1::2]:0", "[fd00:2::2]:0", "fd00:2::1", "fd00:1::/64", "fd00:2::/64"),
    ];
    for (address, from, to, node, network, everywhere) in rows {
        assert_eq!(seen(from, to), parsed(address));
        let other = done(masquerade("other", address, everywhere));
        assert_eq!(seen(from, to), parsed(address), "a member of its network sees it as it is");
        let effect = masquerade("pod eth0 1", address, network);
        assert_eq!(apply(&effect).unwrap(), 1 + 2 + 3, "a look and a batch");
        assert_eq!(seen(from, to), parsed(node));
        assert_eq!(open().compare(&effect).unwrap(), None);
        assert_eq!(refusal(&effect).1, Some(libc::EEXIST));

        assert_eq!(undo(&[&effect]), 1 + 2 + 1, "a look and a batch");
        assert_eq!(seen(from, to), parsed(address));
        assert_eq!(
            open().compare(&effect).unwrap().unwrap(),
            format!("there is no {address} leaves {network} with the node's address")
        );
        assert_eq!(open().compare(&other).unwrap(), None, "other rules stay");
        assert_eq!(undo(&[&effect]), 1);
        undo(&[&other]);
    }
}

#[test]
fn only_that_address_is_changed() {
    if !inside("firewall::only_that_address_is_changed") {
        return;
    }
    routed();
    done(masquerade("one", "10.1.0.2", "10.1.0.0/24"));
    assert_eq!(seen("10.1.0.3:0", "192.168.0.2:0"), parsed("10.1.0.3"));
    assert_eq!(seen("10.1.0.2:0", "192.168.0.2:0"), parsed("192.168.0.1"));
    // An answer to a flow from outside is from whom it was for.
    let (world, pod) = (udp("world", "192.168.0.2:0"), udp("pod", "10.1.0.2:0"));
    assert_eq!(sender(&world, &pod), parsed("192.168.0.2"));
    assert_eq!(sender(&pod, &world), parsed("10.1.0.2"));
    // The node itself is on the way, not behind it.
    assert_eq!(sender(&udp("pod", "10.1.0.2:0"), &udp("", "10.1.0.1:0")), parsed("10.1.0.2"));
}

#[test]
fn many_rules_are_deleted_at_once() {
    if !inside("firewall::many_rules_are_deleted_at_once") {
        return;
    }
    routed();
    let rules: Vec<_> = (0..40)
        .map(|n| done(masquerade(&format!("id {n}"), &format!("10.1.0.{}", n / 2), "10.1.0.0/24")))
        .collect();
    let (first, second) = (&rules[0], &rules[1]);
    let all: Vec<_> = rules.iter().skip(1).collect();
    let looks = 20;
    assert_eq!(undo(&all), looks + 2 + 39 + 2 * 19, "chains without rules go with them");
    assert_eq!(open().compare(first).unwrap(), None, "another one of the same address");
    for rule in all {
        assert!(open().compare(rule).unwrap().is_some());
    }
    assert_eq!(apply(second).unwrap(), 1 + 2 + 3);
    assert_eq!(undo(&[first, second]), 1 + 2 + 2 + 2);
    assert_eq!(seen("10.1.0.2:0", "192.168.0.2:0"), parsed("10.1.0.2"));
}

#[test]
fn many_at_once_are_in_nobodys_way() {
    if !inside("firewall::many_at_once_are_in_nobodys_way") {
        return;
    }
    routed();
    let work = |number: u32| {
        for round in 0..20 {
            // Half of them are about the same address, whose chain comes and goes.
            let address =
                if number.is_multiple_of(2) { "10.1.0.2".to_owned() } else { format!("10.1.0.{number}") };
            let effect = masquerade(&format!("{number} {round}"), &address, "10.1.0.0/24");
            apply(&effect).unwrap();
            assert_eq!(open().compare(&effect).unwrap(), None);
            undo(&[&effect]);
        }
    };
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || work(number));
        }
    });
    assert_eq!(seen("10.1.0.2:0", "192.168.0.2:0"), parsed("10.1.0.2"));
}

/// The pod at a bridge of the node.
fn bridged() {
    pod();
    for effect in [veth(), up(eth0()), up(vethpod())] {
        done(effect);
    }
    for words in [
        "link add br0 type bridge",
        "link set vethpod master br0",
        "link set br0 up",
        "addr add 10.1.0.1/24 dev br0",
        "-n pod addr add 10.1.0.2/24 dev eth0",
    ] {
        ip(words);
    }
}

#[test]
fn frames_from_another_hardware_address_are_dropped() {
    if !inside("firewall::frames_from_another_hardware_address_are_dropped") {
        return;
    }
    bridged();
    let comes = || {
        // What others remember, or have given up, is not what is tried here.
        for words in ["neigh flush all", "-n pod neigh flush all"] {
            ip(words);
        }
        sender(&udp("pod", "10.1.0.2:0"), &udp("", "10.1.0.1:0")).is_some()
    };
    let forge = |address: &str| drop(ip(&format!("-n pod link set eth0 address {address}")));
    let effect = Effect::SpoofCheck { id: "pod eth0 0".into(), port: vethpod(), mac: mac(1) };
    assert_eq!(apply(&effect).unwrap(), 1 + 5 + 2 + 5 + 3, "the first one makes what all have");
    assert!(comes());
    forge("0a:58:00:00:00:66");
    assert!(!comes(), "forged");
    assert_eq!(open().compare(&effect).unwrap(), None);
    undo(&[&effect]);
    assert!(open().compare(&effect).unwrap().is_some());
    assert!(comes(), "nobody looks any more");

    done(effect.clone());
    assert!(!comes());
    forge(&mac(1).to_string());
    assert!(comes());
    // Other ports are others' business.
    let other = Effect::SpoofCheck { id: "other".into(), port: crate::stage::eth0(), mac: mac(9) };
    done(other.clone());
    assert!(comes());
    undo(&[&effect, &other]);
}

#[test]
fn rules_of_a_pod_that_never_had_any_are_none() {
    if !inside("firewall::rules_of_a_pod_that_never_had_any_are_none") {
        return;
    }
    pod();
    let effect = masquerade("pod eth0 1", "10.1.0.2", "10.1.0.0/24");
    assert_eq!(undo(&[&effect]), 1);
    assert!(open().compare(&effect).unwrap().is_some());
    let (text, errno) = refusal(&masquerade(&"x".repeat(128), "10.1.0.2", "10.1.0.0/24"));
    assert_eq!(errno, Some(libc::EINVAL), "{text}");
    let mut kernel = open();
    let late = kernel.undo(&[&effect], soon() - std::time::Duration::from_secs(60));
    assert_eq!(late[0].1.errno, Some(libc::ETIMEDOUT));
    assert_eq!(kernel.messages(), 0);
}
