//! Telling everybody of addresses.

use std::net::IpAddr;

use multus_net::{Backend, Effect, Property};
use nix::libc;

use crate::private::{inside, ip};
use crate::stage::{
    apply, assert_unchanged, connected, done, eth0, everything, mac, open, refusal, set, shown, soon, undo,
};

#[test]
fn who_knew_an_address_elsewhere_knows_it_here() {
    if !inside("announcements::who_knew_an_address_elsewhere_knows_it_here") {
        return;
    }
    connected();
    ip("addr add 10.0.1.1/24 dev vethpod");
    ip("addr add fd00::1/64 dev vethpod nodad");
    ip("-n pod addr add 10.0.1.3/24 dev eth0");
    // The kernel asks in the name of the first address of a network.
    ip("-n pod addr add 10.0.1.4/24 dev eth0");
    ip("-n pod addr add fd00::3/64 dev eth0 nodad");
    open().settle(&eth0(), soon()).unwrap();
    let addresses = ["10.0.1.3", "10.0.1.4", "fd00::3"];
    for address in addresses {
        ip(&format!("neigh add {address} lladdr 0a:58:00:00:00:77 dev vethpod nud stale"));
    }
    let before = everything();
    let all: Vec<IpAddr> = addresses.map(|address| address.parse().unwrap()).into();
    let effect = Effect::Announce { link: eth0(), addresses: all };
    assert_eq!(apply(&effect).unwrap(), 4, "looks at the link and its addresses, a question, and its end");
    let known = || shown("", "neigh show dev vethpod");
    let told = |address: &str| {
        let known = known();
        let line = known.lines().find(|line| line.starts_with(&format!("{address} "))).unwrap_or_default();
        line.contains(&mac(1).to_string())
    };
    let deadline = soon();
    while !addresses.into_iter().all(told) {
        assert!(std::time::Instant::now() < deadline, "{}", known());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_unchanged(&before, &"nothing is left of it");
    let neighbours = shown("pod", "neigh show dev eth0");
    assert!(!addresses.iter().any(|own| neighbours.contains(own)), "{neighbours}");
    assert_eq!(open().compare(&effect).unwrap(), None);
    assert_eq!(undo(&[&effect]), 0);
}

#[test]
fn what_cannot_be_told_is_refused() {
    if !inside("announcements::what_cannot_be_told_is_refused") {
        return;
    }
    connected();
    let announce =
        |address: &str| Effect::Announce { link: eth0(), addresses: vec![address.parse().unwrap()] };
    let (text, errno) = refusal(&announce("fd00::77"));
    assert_eq!(errno, Some(libc::EADDRNOTAVAIL), "{text}");
    assert!(text.starts_with("fd00::77 announced on eth0 in the pod failed: "), "{text}");
    done(set(eth0(), Property::Up(false), None));
    assert_eq!(refusal(&announce("10.0.1.3")).1, Some(libc::ENETDOWN));
    ip("-n pod link del eth0");
    assert_eq!(refusal(&announce("10.0.1.3")).1, Some(libc::ENODEV));
}
