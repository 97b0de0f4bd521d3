//! Addresses, and waiting until they can be used.

use std::time::{Duration, Instant};

use multus_net::{Backend, Effect, LinkRef, Space, Why};
use nix::libc;
use serde_json::Value;

use crate::private::{inside, ip};
use crate::stage::{
    apply, assert_unchanged, connected, done, eth0, everything, link, open, refusal, shown, soon, undo,
    vethpod,
};

fn address(link: LinkRef, address: &str, lasting: bool) -> Effect {
    Effect::Address { link, address: address.parse().unwrap(), lasting }
}

#[test]
fn addresses_are_what_iproute2_shows() {
    if !inside("addresses::addresses_are_what_iproute2_shows") {
        return;
    }
    connected();
    let rows = [
        ("10.1.2.3/24", "10.1.2.3", 24, "10.1.2.255"),
        ("10.9.0.1/16", "10.9.0.1", 16, "10.9.255.255"),
        ("10.5.0.1/30", "10.5.0.1", 30, "10.5.0.3"),
        ("10.6.0.0/31", "10.6.0.0", 31, ""),
        ("10.7.0.1/32", "10.7.0.1", 32, ""),
        ("fd00::3/64", "fd00::3", 64, ""),
        ("fd01::3/128", "fd01::3", 128, ""),
    ];
    for (text, local, prefix, broadcast) in rows {
        let before = everything();
        let effect = address(eth0(), text, true);
        assert_eq!(apply(&effect).unwrap(), 1);
        let found = link("pod", "eth0")["addr_info"].clone();
        let found = found.as_array().unwrap().iter().find(|info| info["local"] == local).unwrap().clone();
        assert_eq!(found["prefixlen"], prefix);
        assert_eq!(found["broadcast"].as_str().unwrap_or_default(), broadcast);
        assert_eq!(found["scope"], "global");
        assert_eq!(open().compare(&effect).unwrap(), None);
        let (words, errno) = refusal(&effect);
        assert!(words.starts_with(&format!("address {text} on eth0 in the pod failed: ")), "{words}");
        assert_eq!(errno, Some(libc::EEXIST));
        assert_eq!(undo(&[&effect]), 1);
        assert_unchanged(&before, &"");
        undo(&[&effect]);
    }
}

#[test]
fn what_goes_with_its_link_and_what_was_taken_off_stays() {
    if !inside("addresses::what_goes_with_its_link_and_what_was_taken_off_stays") {
        return;
    }
    connected();
    ip("addr add 10.0.0.1/24 dev vethpod");
    let passing = done(address(vethpod(), "10.0.1.1/24", false));
    let off = Effect::NoAddress { link: vethpod(), address: "10.0.0.1/24".parse().unwrap() };
    assert_eq!(apply(&off).unwrap(), 1);
    assert!(!shown("", "addr").contains("10.0.0.1"));
    apply(&off).expect("it is gone already");
    let now = everything();
    assert_eq!(undo(&[&passing, &off]), 0);
    assert_unchanged(&now, &"");
}

#[test]
fn what_cannot_be_is_refused() {
    if !inside("addresses::what_cannot_be_is_refused") {
        return;
    }
    connected();
    ip("-n pod link set eth0 mtu 1000");
    let nobody = LinkRef { space: Space::Host, index: 4711, name: "nobody".into() };
    for (link, text, errno) in [
        (nobody, "10.1.2.3/24", libc::ENODEV),
        // Below 1280 bytes there is no IPv6 on a link.
        (eth0(), "fd00::3/64", libc::EINVAL),
    ] {
        assert_eq!(refusal(&address(link, text, false)).1, Some(errno), "{text}");
    }
}

/// A pod whose link has its addresses looked for elsewhere before it uses them, as usual.
fn careful() {
    connected();
    ip("netns exec pod sysctl -qw net.ipv6.conf.eth0.accept_dad=1");
}

/// The flags of an IPv6 address in the pod.
fn flags(local: &str) -> Value {
    let found = link("pod", "eth0")["addr_info"].clone();
    found.as_array().unwrap().iter().find(|info| info["local"] == local).unwrap().clone()
}

#[test]
fn an_address_is_waited_for_until_nobody_else_has_it() {
    if !inside("addresses::an_address_is_waited_for_until_nobody_else_has_it") {
        return;
    }
    careful();
    done(address(eth0(), "fd00::3/64", false));
    assert_eq!(flags("fd00::3")["tentative"], true);
    let mut kernel = open();
    kernel.settle(&eth0(), soon()).unwrap();
    assert!(flags("fd00::3")["tentative"].is_null());
    assert!(
        kernel.messages() < 20,
        "{} messages: it listens, and does not ask again and again",
        kernel.messages()
    );
    let before = kernel.messages();
    kernel.settle(&eth0(), soon()).unwrap();
    assert_eq!(kernel.messages() - before, 1);
    // What was heard meanwhile is in nobody's way.
    ip("-n pod addr add fd00::4/64 dev eth0 nodad");
    let found = kernel.link_at(Space::Sandbox, 900).unwrap().unwrap();
    assert!(found.addresses.contains(&"fd00::4/64".to_owned()));
}

#[test]
fn an_address_that_somebody_else_has_is_refused() {
    if !inside("addresses::an_address_that_somebody_else_has_is_refused") {
        return;
    }
    careful();
    ip("addr add fd00::3/64 dev vethpod nodad");
    done(address(eth0(), "fd00::3/64", false));
    let refused = open().settle(&eth0(), soon()).unwrap_err();
    assert_eq!((refused.why(), refused.errno), (Why::Taken, Some(libc::EADDRINUSE)));
    assert_eq!(
        refused.to_string(),
        "waiting for the addresses of eth0 in the pod failed: somebody else on the link has fd00::3 (duplicate \
         address detection)"
    );
}

#[test]
fn an_address_of_a_link_that_is_down_is_waited_for_until_the_deadline() {
    if !inside("addresses::an_address_of_a_link_that_is_down_is_waited_for_until_the_deadline") {
        return;
    }
    careful();
    ip("link set vethpod down");
    done(address(eth0(), "fd00::3/64", false));
    let begun = Instant::now();
    let refused = open().settle(&eth0(), begun + Duration::from_millis(300)).unwrap_err();
    assert_eq!(refused.why(), Why::Late);
    assert!(refused.to_string().contains("fd00::3 is still tentative"), "{refused}");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let refused = open().settle(&eth0(), begun).unwrap_err();
    assert_eq!(refused.why(), Why::Late);
}

#[test]
fn an_optimistic_address_is_not_waited_for() {
    if !inside("addresses::an_optimistic_address_is_not_waited_for") {
        return;
    }
    careful();
    ip("netns exec pod sysctl -qw net.ipv6.conf.eth0.optimistic_dad=1 net.ipv6.conf.eth0.use_optimistic=1");
    // Its own link-local address, from before, is waited for.
    open().settle(&eth0(), soon()).unwrap();
    ip("-n pod addr add fd00::3/64 dev eth0 optimistic");
    if flags("fd00::3")["tentative"].is_null() {
        panic!("an address that is not tentative shows nothing: {}", flags("fd00::3"));
    }
    let mut kernel = open();
    kernel.settle(&eth0(), soon()).unwrap();
    assert_eq!(kernel.messages(), 1);
}
