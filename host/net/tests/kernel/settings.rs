//! Settings below `/proc/sys`.

use std::fs;

use multus_net::{Backend, Effect, Kernel, Space, Why};
use nix::libc;

use crate::private::{inside, ip};
use crate::stage::{self, apply, connected, open, pod, refusal, soon, undo};

fn setting(space: Space, key: &str, value: &str, before: &str) -> Effect {
    Effect::Sysctl { space, key: key.into(), value: value.into(), before: before.into() }
}

fn read(netns: &str, key: &str) -> String {
    let text = stage::inside(netns, || fs::read_to_string(format!("/proc/sys/{key}")).unwrap());
    text.trim().to_owned()
}

const FORWARD: &str = "net/ipv4/ip_forward";

#[test]
fn a_setting_is_of_its_namespace_and_restored_in_the_pod_alone() {
    if !inside("settings::a_setting_is_of_its_namespace_and_restored_in_the_pod_alone") {
        return;
    }
    connected();
    let both = || [read("", FORWARD), read("pod", FORWARD)];
    assert_eq!(both(), ["0", "0"]);
    let in_pod = setting(Space::Sandbox, FORWARD, "1", "0");
    assert_eq!(apply(&in_pod).unwrap(), 0);
    assert_eq!(both(), ["0", "1"]);
    assert_eq!(open().sysctl(Space::Sandbox, FORWARD).unwrap(), "1");
    assert_eq!(open().sysctl(Space::Host, FORWARD).unwrap(), "0");
    assert_eq!(open().compare(&in_pod).unwrap(), None);
    let on_node = setting(Space::Host, FORWARD, "1", "0");
    assert_eq!(
        open().compare(&on_node).unwrap().unwrap(),
        "net/ipv4/ip_forward is 0 on the node, and was set to 1"
    );
    apply(&on_node).unwrap();
    assert_eq!(both(), ["1", "1"]);
    undo(&[&in_pod, &on_node]);
    assert_eq!(both(), ["1", "0"], "the node's are shared");
}

#[test]
fn a_setting_that_somebody_changed_since_stays() {
    if !inside("settings::a_setting_that_somebody_changed_since_stays") {
        return;
    }
    connected();
    let range = "net/ipv4/ip_local_port_range";
    let before = open().sysctl(Space::Sandbox, range).unwrap();
    let effect = setting(Space::Sandbox, range, "2048 4097", &before);
    apply(&effect).unwrap();
    assert_eq!(open().sysctl(Space::Sandbox, range).unwrap(), "2048\t4097");
    assert_eq!(open().compare(&effect).unwrap(), None, "the same numbers");
    undo(&[&effect]);
    assert_eq!(open().sysctl(Space::Sandbox, range).unwrap(), before);

    let arp = "net/ipv4/conf/eth0/arp_notify";
    let effect = setting(Space::Sandbox, arp, "1", "0");
    apply(&effect).unwrap();
    ip("netns exec pod sysctl -qw net.ipv4.conf.eth0.arp_notify=2");
    undo(&[&effect]);
    assert_eq!(read("pod", arp), "2");
    ip("-n pod link del eth0");
    undo(&[&effect]);
}

#[test]
fn other_files_are_out_of_reach() {
    if !inside("settings::other_files_are_out_of_reach") {
        return;
    }
    pod();
    for (key, errno, words) in [
        ("kernel/hostname", libc::EINVAL, "a key is a path below `net/`"),
        ("net/../kernel/hostname", libc::EINVAL, "a key is a path below `net/`"),
        ("net/ipv4/nothing", libc::ENOENT, "net/ipv4/nothing = 1 in the pod, before 0 failed: No such file"),
        ("net/ipv4", libc::EISDIR, "Is a directory"),
        ("net/ipv4/ip_default_ttl/x", libc::ENOTDIR, "Not a directory"),
    ] {
        let (text, found) = refusal(&setting(Space::Sandbox, key, "1", "0"));
        assert!(text.contains(words), "{text}");
        assert_eq!(found, Some(errno), "{text}");
        assert!(open().sysctl(Space::Sandbox, key).is_err());
    }
    let (text, errno) = refusal(&setting(Space::Sandbox, "net/ipv4/ip_default_ttl", "0", "64"));
    assert_eq!(errno, Some(libc::EINVAL), "{text}");

    let effect = setting(Space::Sandbox, FORWARD, "1", "0");
    apply(&effect).unwrap();
    let mut kernel = Kernel::open(None).unwrap();
    assert_eq!(kernel.undo(&[&effect], soon()), [], "it went with its namespace");
    assert_eq!(kernel.sysctl(Space::Sandbox, FORWARD).unwrap_err().why(), Why::Missing);
}
