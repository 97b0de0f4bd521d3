//! Making and deleting links.

use multus_net::{Backend, Effect, Kernel, Space};
use nix::libc;

use crate::private::{inside, ip};
use crate::stage::{
    apply, assert_unchanged, everything, json, link, mac, new_link, open, pod, refusal, soon, undo, veth,
};

#[test]
fn a_veth_is_made_as_asked_with_one_message_and_taken_back() {
    if !inside("links::a_veth_is_made_as_asked_with_one_message_and_taken_back") {
        return;
    }
    pod();
    let before = everything();
    let Effect::Veth { inside, outside, .. } = veth() else { unreachable!() };
    let effect = Effect::Veth { inside, outside, mtu: Some(1400) };
    assert_eq!(apply(&effect).unwrap(), 1);
    for (netns, name, index, address) in [("pod", "eth0", 900, mac(1)), ("", "vethpod", 901, mac(2))] {
        let found = link(netns, name);
        assert_eq!(found["ifindex"], index);
        assert_eq!(found["address"], address.to_string());
        assert_eq!(found["mtu"], 1400);
        assert_eq!(found["linkinfo"]["info_kind"], "veth");
        assert!(!found["flags"].to_string().contains("UP"), "{found}");
    }
    assert_eq!(link("pod", "eth0")["link_index"], 901);
    assert_eq!(undo(&[&effect]), 2, "a look and a deletion");
    assert_unchanged(&before, &"");
    assert_eq!(undo(&[&effect]), 1, "it is gone: a look");
}

#[test]
fn both_ends_may_be_in_one_namespace() {
    if !inside("links::both_ends_may_be_in_one_namespace") {
        return;
    }
    pod();
    let before = everything();
    for (near, far) in
        [(Space::Sandbox, Space::Sandbox), (Space::Host, Space::Host), (Space::Host, Space::Sandbox)]
    {
        let effect = Effect::Veth {
            inside: new_link(near, 900, "one", 1),
            outside: new_link(far, 901, "two", 2),
            mtu: None,
        };
        apply(&effect).unwrap();
        let netns = |space| if space == Space::Host { "" } else { "pod" };
        assert_eq!(link(netns(near), "one")["ifindex"], 900);
        assert_eq!(link(netns(far), "two")["ifindex"], 901);
        undo(&[&effect]);
        assert_unchanged(&before, &"");
    }
}

#[test]
fn a_veth_that_cannot_be_made_leaves_no_end() {
    if !inside("links::a_veth_that_cannot_be_made_leaves_no_end") {
        return;
    }
    pod();
    ip("-n pod link add index 800 taken type veth peer index 801 name inner");
    ip("link add index 700 onnode type veth peer index 701 name other");
    let before = everything();
    let inside = |index, name| new_link(Space::Sandbox, index, name, 1);
    let outside = |index, name| new_link(Space::Host, index, name, 2);
    let rows = [
        (inside(900, "taken"), outside(901, "vethpod"), None, libc::EEXIST, "File exists"),
        (inside(900, "eth0"), outside(901, "onnode"), None, libc::EEXIST, "File exists"),
        (inside(800, "eth0"), outside(901, "vethpod"), None, libc::EBUSY, "Device or resource busy"),
        (inside(900, "eth0"), outside(700, "vethpod"), None, libc::EEXIST, "File exists"),
        (
            inside(900, "a/b"),
            outside(901, "vethpod"),
            None,
            libc::EINVAL,
            "`a/b` can't be the name of a link",
        ),
        (inside(900, "longer-than-it-may"), outside(901, "vethpod"), None, libc::ERANGE, "out of range"),
        (inside(900, "eth0"), outside(901, "vethpod"), Some(7), libc::EINVAL, "Invalid argument"),
    ];
    for (inside, outside, mtu, errno, words) in rows {
        let effect = Effect::Veth { inside, outside, mtu };
        let (text, found) = refusal(&effect);
        assert!(text.starts_with(&format!("{effect} failed: ")) && text.contains(words), "{text}");
        assert_eq!(found, Some(errno), "{text}");
        assert_unchanged(&before, &format_args!("{text}"));
        undo(&[&effect]);
        assert_unchanged(&before, &format_args!("taking back what was never done: {text}"));
    }
}

#[test]
fn a_bridge_is_made_once_and_stays() {
    if !inside("links::a_bridge_is_made_once_and_stays") {
        return;
    }
    pod();
    let bridge =
        Effect::Bridge { link: new_link(Space::Host, 950, "cni0", 9), mtu: Some(1400), vlans: false };
    assert_eq!(apply(&bridge).unwrap(), 1);
    let found = link("", "cni0");
    assert_eq!((found["ifindex"].as_u64(), found["mtu"].as_u64()), (Some(950), Some(1400)));
    assert_eq!(found["address"], mac(9).to_string());
    assert_eq!(found["linkinfo"]["info_kind"], "bridge");

    let again = Effect::Bridge { link: new_link(Space::Host, 951, "cni0", 8), mtu: None, vlans: false };
    apply(&again).expect("it is there");
    assert_eq!(link("", "cni0"), found, "as it was");
    undo(&[&bridge, &again]);
    assert_eq!(link("", "cni0"), found, "it is shared");

    apply(&veth()).unwrap();
    let other = Effect::Bridge { link: new_link(Space::Host, 952, "vethpod", 7), mtu: None, vlans: false };
    assert_eq!(
        refusal(&other),
        ("bridge vethpod on the node failed: File exists (os error 17)".to_owned(), Some(libc::EEXIST))
    );
}

#[test]
fn bridges_of_ours_are_dropped_together_and_others_stay() {
    if !inside("links::bridges_of_ours_are_dropped_together_and_others_stay") {
        return;
    }
    pod();
    let before = everything();
    let ours: Vec<_> =
        (0..3).map(|n| new_link(Space::Host, 950 + u32::from(n), &format!("cni{n}"), n)).collect();
    for link in &ours {
        apply(&Effect::Bridge { link: link.clone(), mtu: None, vlans: false }).unwrap();
    }
    ip("link set cni0 name renamed");
    ip("link del cni1");
    ip("link add index 951 cni1 address 0a:58:00:00:00:99 type bridge");
    let mut kernel = open();
    kernel.drop_bridges(&ours, &[], soon()).unwrap();
    assert_eq!(kernel.messages(), 3 + 2 + 1);
    assert_eq!(json("", "link show type bridge")[0]["ifname"], "cni1", "made anew under its name and number");
    ip("link del cni1");
    assert_unchanged(&before, &"");
}

#[test]
fn links_are_found_by_number_and_every_name() {
    if !inside("links::links_are_found_by_number_and_every_name") {
        return;
    }
    pod();
    apply(&veth()).unwrap();
    let long = "an-alternative-name-that-is-longer-than-a-name-may-be";
    ip(&format!("-n pod link property add dev eth0 altname {long} altname short"));
    ip("-n pod addr add 10.1.2.3/24 dev eth0");
    ip("-n pod addr add fd00::3/64 dev eth0");
    ip("-n pod addr add 10.9.9.9/24 dev lo");
    let mut kernel = open();
    let found = kernel.link_at(Space::Sandbox, 900).unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.kind.as_str()), ("eth0", "veth"));
    assert_eq!(found.addresses, ["10.1.2.3/24", "fd00::3/64"]);
    for name in ["eth0", "short", long] {
        assert_eq!(kernel.link_named(Space::Sandbox, name).unwrap().as_ref(), Some(&found), "{name}");
    }
    assert_eq!(kernel.messages(), 2 * 4);
    let listed = kernel.links(Space::Sandbox).unwrap();
    assert_eq!(listed.iter().find(|link| link.index == 900), Some(&found));
    for name in ["eth9", "", "longer-than-it-may-be", &"x".repeat(200), "a/b"] {
        assert_eq!(kernel.link_named(Space::Sandbox, name).unwrap(), None, "{name}");
    }
    assert_eq!(kernel.link_at(Space::Host, 900).unwrap(), None);
}

#[test]
fn a_pod_that_is_gone_has_nothing() {
    if !inside("links::a_pod_that_is_gone_has_nothing") {
        return;
    }
    pod();
    let effect = veth();
    apply(&effect).unwrap();
    assert!(open().sandbox().unwrap().is_some());
    ip("netns del pod");
    std::fs::write("/run/plain", "").unwrap();
    for path in [Some("/run/netns/pod"), Some("/run/plain"), None] {
        let mut kernel = Kernel::open(path.map(AsRef::as_ref)).unwrap();
        assert_eq!(kernel.sandbox().unwrap(), None);
        assert_eq!(kernel.links(Space::Sandbox).unwrap(), []);
        assert_eq!(kernel.link_named(Space::Sandbox, "lo").unwrap(), None);
        assert_eq!(kernel.compare(&effect).unwrap().as_deref(), Some("the pod's namespace is gone"));
        let refused = kernel.apply(&effect, soon()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "veth eth0 in the pod with vethpod on the node failed: the pod's namespace is gone"
        );
        assert_eq!(kernel.undo(&[&effect], soon()), []);
    }
}

#[test]
fn a_device_without_a_link_here_has_none() {
    if !inside("links::a_device_without_a_link_here_has_none") {
        return;
    }
    pod();
    let mut kernel = open();
    for device in ["0000:ff:1f.7", "/sys/devices/pci0000:00/0000:ff:1f.7"] {
        let refused = kernel.link_of_device(device).unwrap_err();
        assert!(refused.to_string().contains("there is no such device"), "{refused}");
    }
    // `/sys` shows the links of the namespace outside, with their devices; none of them is here.
    for entry in std::fs::read_dir("/sys/class/net").unwrap().flatten() {
        let Ok(device) = std::fs::canonicalize(entry.path().join("device")) else { continue };
        let name = device.file_name().unwrap().to_str().unwrap();
        for device in [device.to_str().unwrap(), name] {
            let refused = kernel.link_of_device(device).unwrap_err();
            assert!(refused.to_string().contains("in another network namespace"), "{device}: {refused}");
        }
    }
    let refused = kernel.link_of_device("/etc/passwd").unwrap_err();
    assert!(refused.to_string().contains("a device is an address on a bus"), "{refused}");
}
