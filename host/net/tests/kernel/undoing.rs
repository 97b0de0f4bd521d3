//! Taking back what is still ours, and nothing else.

use std::time::Instant;

use multus_net::{Backend, Effect, Kernel, Space};
use nix::libc;

use crate::private::{inside, ip};
use crate::stage::{
    apply, assert_unchanged, connected, done, eth0, everything, json, link, mac, namespace, new_link, open,
    pod, set, soon, undo, veth, vethpod,
};

fn numbered(number: u8) -> Effect {
    let index = 1000 + 2 * u32::from(number);
    Effect::Veth {
        inside: new_link(Space::Sandbox, index, &format!("net{number}"), 2 * number),
        outside: new_link(Space::Host, index + 1, &format!("vethpod{number}"), 2 * number + 1),
        mtu: None,
    }
}

#[test]
fn links_are_deleted_in_one_batch() {
    if !inside("undoing::links_are_deleted_in_one_batch") {
        return;
    }
    pod();
    ip("link add others type veth peer name otherspeer");
    ip("link set others group 7");
    let before = everything();
    for count in [2_u8, 3, 100] {
        let effects: Vec<_> = (0..count).map(|number| done(numbered(number))).collect();
        let messages = undo(&effects.iter().collect::<Vec<_>>());
        assert_eq!(messages, 2 * u32::from(count) + 1, "each is looked at and joins, one is for all");
        assert_unchanged(&before, &"");
    }
}

#[test]
fn a_link_that_goes_meanwhile_does_not_keep_the_others() {
    if !inside("undoing::a_link_that_goes_meanwhile_does_not_keep_the_others") {
        return;
    }
    pod();
    let before = everything();
    let effects: Vec<_> = (0..3).map(|number| done(numbered(number))).collect();
    ip("-n pod link del net1");
    let refs: Vec<_> = effects.iter().collect();
    assert_eq!(undo(&refs), 3 + 2 + 1);
    assert_unchanged(&before, &"");
    assert_eq!(undo(&refs), 3);
}

#[test]
fn whatever_the_pod_did_to_its_end_the_link_goes() {
    if !inside("undoing::whatever_the_pod_did_to_its_end_the_link_goes") {
        return;
    }
    pod();
    namespace("elsewhere");
    let before = everything();
    let rows: [&[&str]; 6] = [
        &["-n pod link set eth0 name red"],
        &["-n pod link set eth0 alias mine", "link set vethpod alias nobodys"],
        &["-n pod link set eth0 address 0a:58:00:00:00:66"],
        &["-n pod link set eth0 netns elsewhere"],
        &["link set vethpod name renamed"],
        &["-n pod link del eth0"],
    ];
    for words in rows {
        let effect = done(veth());
        words.iter().for_each(|words| drop(ip(words)));
        undo(&[&effect]);
        assert_unchanged(&before, &format_args!("{words:?}"));
        assert_eq!(json("elsewhere", "link").as_array().unwrap().len(), 1);
    }
}

#[test]
fn what_has_the_name_or_number_and_is_not_ours_stays() {
    if !inside("undoing::what_has_the_name_or_number_and_is_not_ours_stays") {
        return;
    }
    pod();
    let effect = veth();
    for words in [
        "link add index 901 vethpod address 0a:58:00:00:00:66 type veth peer name peer",
        "link add index 901 vethpod address 0a:58:00:00:00:02 type bridge",
        "link add index 902 vethpod address 0a:58:00:00:00:02 type veth peer name peer",
    ] {
        ip(words);
        let now = everything();
        undo(&[&effect]);
        assert_unchanged(&now, &format_args!("{words}"));
        ip("link del vethpod");
    }
}

#[test]
fn before_and_after_a_crash_are_told_apart() {
    if !inside("undoing::before_and_after_a_crash_are_told_apart") {
        return;
    }
    pod();
    let before = everything();
    // The intents of all of them are on record; how many were done nobody wrote down.
    let effects = [
        veth(),
        set(vethpod(), multus_net::Property::Mac(mac(7)), None),
        Effect::Address { link: eth0(), address: "10.1.0.2/24".parse().unwrap(), lasting: false },
        Effect::Masquerade {
            id: "pod".into(),
            address: "10.1.0.2".parse().unwrap(),
            network: "10.1.0.0/24".parse().unwrap(),
        },
        Effect::SpoofCheck { id: "pod".into(), port: vethpod(), mac: mac(1) },
        numbered(3),
    ];
    let all: Vec<_> = effects.iter().collect();
    for done_before_the_crash in 0..=effects.len() {
        for effect in &effects[..done_before_the_crash] {
            apply(effect).unwrap();
        }
        undo(&all);
        assert_unchanged(&before, &format_args!("{done_before_the_crash} were done"));
        for effect in &effects {
            assert!(open().compare(effect).unwrap().is_some(), "{effect}");
        }
    }
}

#[test]
fn what_a_lasting_link_got_is_taken_off_in_reverse() {
    if !inside("undoing::what_a_lasting_link_got_is_taken_off_in_reverse") {
        return;
    }
    connected();
    let before = everything();
    let route = |text| serde_json::from_str(text).unwrap();
    let effects = [
        Effect::Address { link: eth0(), address: "10.1.0.2/24".parse().unwrap(), lasting: true },
        Effect::Route {
            link: eth0(),
            route: route(r#"{"destination": "10.9.0.0/16", "gateway": "10.1.0.1"}"#),
            lasting: true,
        },
        Effect::Route {
            link: eth0(),
            route: route(r#"{"destination": "0.0.0.0/0", "gateway": "10.9.0.1", "onlink": true}"#),
            lasting: true,
        },
    ];
    for effect in &effects {
        apply(effect).unwrap();
    }
    assert_eq!(undo(&effects.each_ref()), 3);
    assert_unchanged(&before, &"");
    ip("-n pod link del eth0");
    undo(&effects.each_ref());
}

#[test]
fn what_cannot_be_taken_back_is_told_and_the_rest_is_taken_back() {
    if !inside("undoing::what_cannot_be_taken_back_is_told_and_the_rest_is_taken_back") {
        return;
    }
    pod();
    let before = everything();
    let effects = [
        done(numbered(1)),
        // A setting that takes no such number.
        Effect::Sysctl {
            space: Space::Sandbox,
            key: "net/ipv4/ip_default_ttl".into(),
            value: "64".into(),
            before: "0".into(),
        },
        done(numbered(2)),
    ];
    let failed = open().undo(&effects.each_ref(), soon());
    let [(1, refused)] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(
        refused.to_string(),
        "setting net/ipv4/ip_default_ttl back to 0 in the pod failed: Invalid argument (os error 22)"
    );
    assert_eq!(refused.errno, Some(libc::EINVAL));
    assert_unchanged(&before, &"");

    let one = done(numbered(1));
    let failed = open().undo(&[&one], Instant::now());
    assert_eq!(
        failed[0].1.to_string(),
        format!("taking back {one} failed: Connection timed out (os error 110)")
    );
    assert!(!link("", "vethpod1").is_null());
    undo(&[&one]);
}

#[test]
fn a_call_keeps_no_namespace_alive() {
    if !inside("undoing::a_call_keeps_no_namespace_alive") {
        return;
    }
    connected();
    let mut kernel = open();
    kernel.links(Space::Sandbox).unwrap();
    kernel.undo(&[&Effect::SpoofCheck { id: "pod".into(), port: vethpod(), mac: mac(1) }], soon());
    drop(kernel);
    ip("netns del pod");
    let deadline = soon();
    while !link("", "vethpod").is_null() {
        assert!(Instant::now() < deadline, "the pod's namespace is still alive");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The back end may go from thread to thread with the call that it is for.
    fn sent<T: Send>(_: T) {}
    sent(Kernel::open(None).unwrap());
}
