//! Links that are taken to the pod and come home.

use multus_net::{Backend, Effect, Home, Kernel, LinkRef, Property, Space};
use nix::libc;

use crate::private::{inside, ip};
use crate::stage::{apply, done, everything, json, link, mac, open, pod, refusal, set, soon, undo, up};

fn ens1() -> LinkRef {
    LinkRef { space: Space::Host, index: 600, name: "ens1".into() }
}

/// `ens1` on the node, with another end that stays.
fn node() {
    pod();
    ip("link add index 600 ens1 address 0a:58:00:00:00:06 mtu 1400 type veth peer index 601 name far");
    ip("link set ens1 up");
    ip("link set far up");
}

fn moved(name: &str) -> Effect {
    let home = open().home(&ens1()).unwrap();
    Effect::Move { link: ens1(), to: Space::Sandbox, name: name.into(), home }
}

/// What iproute2 tells of the links on the node, but for what changes by itself.
fn home() -> Vec<String> {
    let links = json("", "link");
    let told = |link: &serde_json::Value| {
        let up = link["flags"].to_string().contains("\"UP\"");
        format!(
            "{} {} {} {} {} {up}",
            link["ifindex"], link["ifname"], link["address"], link["mtu"], link["altnames"]
        )
    };
    links.as_array().unwrap().iter().map(told).collect()
}

#[test]
fn a_link_moves_with_two_messages_and_comes_home_as_it_was() {
    if !inside("moves::a_link_moves_with_two_messages_and_comes_home_as_it_was") {
        return;
    }
    node();
    let before = home();
    let effect = moved("net1");
    let Effect::Move { home: noted, .. } = &effect else { unreachable!() };
    let expected = Home {
        name: "ens1".into(),
        up: true,
        mtu: 1400,
        mac: mac(6).to_string(),
        bus_address: None,
        alternative_names: Vec::new(),
        promiscuous: false,
        all_multicast: false,
        tx_queue_length: Some(1000),
    };
    assert_eq!(noted, &expected);
    assert_eq!(apply(&effect).unwrap(), 2, "a look for the name, and all the rest at once");
    assert!(link("", "ens1").is_null());
    let there = link("pod", "net1");
    assert_eq!((there["ifindex"].as_u64(), there["mtu"].as_u64()), (Some(600), Some(1400)));
    assert_eq!(open().compare(&effect).unwrap(), None);

    let messages = undo(&[&effect]);
    assert_eq!(home(), before);
    assert!(messages <= 6, "{messages} messages");
    assert_eq!(json("pod", "link").as_array().unwrap().len(), 1);
    undo(&[&effect]);
    assert_eq!(home(), before, "twice");
    assert_eq!(open().compare(&effect).unwrap().unwrap(), "there is no link net1 in the pod");
}

#[test]
fn whatever_happens_to_it_in_the_pod_it_comes_home_as_it_was() {
    if !inside("moves::whatever_happens_to_it_in_the_pod_it_comes_home_as_it_was") {
        return;
    }
    node();
    ip("link property add dev ens1 altname uplink");
    let before = home();
    let rows: [(&str, &[&str]); 7] = [
        ("renamed", &["link set net1 down", "link set net1 name red"]),
        ("set down, with another MTU", &["link set net1 down", "link set net1 mtu 1300"]),
        ("with another hardware address", &["link set net1 address 0a:58:00:00:00:66"]),
        (
            "another link has its old name, and it has that one's",
            &["link set net1 down", "link set net1 name swap", "link add net1 type veth peer name copy"],
        ),
        (
            "with addresses and further names",
            &["addr add 10.9.9.9/24 dev net1", "link property add dev net1 altname blue"],
        ),
        ("with alternative names of others on the node", &["link property add dev net1 altname far"]),
        ("without the further name that it came with", &["link property del dev net1 altname uplink"]),
    ];
    for (what, words) in rows {
        let effect = moved("net1");
        apply(&effect).unwrap();
        let there = LinkRef { space: Space::Sandbox, ..ens1() };
        let there = LinkRef { name: "net1".into(), ..there };
        done(up(there));
        for words in words {
            ip(&format!("-n pod {words}"));
        }
        undo(&[&effect]);
        assert_eq!(home(), before, "{what}");
        let left = json("pod", "link");
        for name in left.as_array().unwrap().iter().filter_map(|link| link["ifname"].as_str()) {
            if name == "copy" {
                ip("-n pod link del copy");
            }
        }
    }
}

#[test]
fn its_number_and_properties_in_the_pod_are_undone_with_it() {
    if !inside("moves::its_number_and_properties_in_the_pod_are_undone_with_it") {
        return;
    }
    node();
    ip("-n pod link add index 600 eth0 type veth peer name eth0peer");
    let before = home();
    let effect = moved("net1");
    apply(&effect).unwrap();
    let index = u32::try_from(link("pod", "net1")["ifindex"].as_u64().unwrap()).unwrap();
    assert_ne!(index, 600, "its number was taken");
    let there = || LinkRef { space: Space::Sandbox, index, name: "net1".into() };
    let effects = [
        effect,
        done(set(there(), Property::Mac(mac(7)), None)),
        done(set(there(), Property::Mtu(1280), None)),
        done(set(there(), Property::Promiscuous(true), Some(Property::Promiscuous(false)))),
        // As where the namespace ended, and nothing but the note of home tells.
        done(set(there(), Property::AllMulticast(true), None)),
        done(set(there(), Property::TxQueueLength(500), None)),
        done(up(there())),
    ];
    undo(&effects.each_ref());
    assert_eq!(home(), before, "with its old number");
    let flags = link("", "ens1")["flags"].to_string();
    assert!(!flags.contains("PROMISC") && !flags.contains("ALLMULTI"), "{flags}");
    assert_eq!(link("", "ens1")["txqlen"], 1000);
    assert_eq!(link("pod", "eth0")["ifindex"], 600);
}

#[test]
fn a_move_that_cannot_be_changes_nothing() {
    if !inside("moves::a_move_that_cannot_be_changes_nothing") {
        return;
    }
    node();
    ip("-n pod link add taken type veth peer name takenpeer");
    ip("-n pod link property add dev taken altname alternative");
    let before = home();
    for (name, errno) in [
        ("taken", libc::EEXIST),
        ("alternative", libc::EEXIST),
        // That is found out after it has moved.
        ("a/b", libc::EINVAL),
    ] {
        let effect = moved(name);
        let (text, found) = refusal(&effect);
        assert!(
            text.starts_with(&format!("ens1 on the node moved to be {name} in the pod failed: ")),
            "{text}"
        );
        assert_eq!(found, Some(errno), "{text}");
        assert_eq!(home(), before, "{text}");
        undo(&[&effect]);
        assert_eq!(home(), before, "taking back what was never done: {text}");
    }
    // A name that the link has on the node, and somebody else in the pod.
    ip("-n pod link add ens1 type veth peer name ens1peer");
    let effect = moved("net1");
    apply(&effect).unwrap();
    assert_eq!(link("pod", "net1")["ifindex"], 600);
    undo(&[&effect]);
    assert_eq!(home(), before);
}

#[test]
fn a_link_whose_name_is_taken_at_home_comes_home_all_the_same() {
    if !inside("moves::a_link_whose_name_is_taken_at_home_comes_home_all_the_same") {
        return;
    }
    node();
    let before = home();
    for there in ["net1", "far"] {
        let effect = moved(there);
        apply(&effect).unwrap();
        ip("link add ens1 type veth peer name squatter");
        let failed = open().undo(&[&effect], soon());
        let [(0, refused)] = failed.as_slice() else { panic!("{failed:?}") };
        assert_eq!(refused.to_string(), "bringing ens1 back on the node failed: File exists (os error 17)");
        let links = json("", "link");
        let home_again = links.as_array().unwrap().iter().find(|link| link["ifindex"] == 600).unwrap();
        assert_ne!(home_again["ifname"], "ens1");
        ip("link del ens1");
        undo(&[&effect]);
        assert_eq!(home(), before, "the next attempt gives it its name");
    }
}

#[test]
fn a_link_that_came_home_when_its_pod_ended_is_made_what_it_was() {
    if !inside("moves::a_link_that_came_home_when_its_pod_ended_is_made_what_it_was") {
        return;
    }
    node();
    let before = home();
    let effect = moved("net1");
    apply(&effect).unwrap();
    ip("-n pod link set net1 mtu 1300");
    // That is what the kernel does with hardware, under a name of its own where the old one is taken.
    ip(&format!("-n pod link set net1 name dev0 netns {}", std::process::id()));
    ip("netns del pod");
    let mut kernel = Kernel::open(None).unwrap();
    assert_eq!(kernel.undo(&[&effect], soon()), []);
    assert_eq!(home(), before);

    // A virtual link goes with its namespace.
    ip("netns add pod");
    let effect = moved("net1");
    apply(&effect).unwrap();
    ip("netns del pod");
    let deadline = soon();
    while !link("", "far").is_null() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let before = everything_here();
    assert_eq!(Kernel::open(None).unwrap().undo(&[&effect], soon()), []);
    assert_eq!(everything_here(), before);
}

fn everything_here() -> Vec<String> {
    ip("netns add pod");
    let all = everything();
    ip("netns del pod");
    all
}

#[test]
fn hardware_that_is_nowhere_is_gone() {
    if !inside("moves::hardware_that_is_nowhere_is_gone") {
        return;
    }
    node();
    let Effect::Move { link, to, name, home: noted } = moved("net1") else { unreachable!() };
    let before = home();
    let gone = Home { bus_address: Some("0000:ff:1f.7".into()), ..noted };
    let effect = Effect::Move { link, to, name, home: gone };
    undo(&[&effect]);
    assert_eq!(home(), before, "a link that has its name, number and address is not its");
}
