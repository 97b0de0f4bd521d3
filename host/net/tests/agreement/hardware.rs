//! What no test can have of a real kernel without a spare network card: links with a device, which outlive their
//! namespace.

use multus_net::simulated::{Node, Sandbox, Simulated};
use multus_net::{Backend, Effect, LinkRef, MacAddr, Space};

use crate::script::{outcome, soon};
use crate::view;
use crate::words::Words;

const DEVICE: &str = "0000:03:02.1";

/// A node with a device `ens1`, link 2, and a pod.
fn node() -> (Node, Sandbox, Simulated) {
    let node = Node::new();
    assert_eq!(node.hardware("ens1", DEVICE, MacAddr([2, 0, 0, 0, 0, 9])).unwrap(), 2);
    let sandbox = node.sandbox();
    let handle = node.open(sandbox);
    (node, sandbox, handle)
}

/// Does these, which succeed.
fn all(handle: &mut Simulated, lines: &str) -> Vec<Effect> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let apply = |line: &str| {
        let effect = Words::new(line).effect(handle);
        handle.apply(&effect, soon()).unwrap();
        effect
    };
    lines.map(apply).collect()
}

fn names(handle: &mut Simulated, space: Space) -> Vec<String> {
    handle.links(space).unwrap().into_iter().map(|link| link.name).collect()
}

const USE: &str = "
    set node.2 up
    move node.2 pod net1
    set pod.2 mtu 9000
    set pod.2 mac 02:00:00:00:00:77
    set pod.2 up
    address pod.2 10.0.0.1/24
";

#[test]
fn a_device_is_found_by_its_address_under_any_name() {
    let (_, _, mut handle) = node();
    let link = LinkRef { space: Space::Host, index: 2, name: "ens1".into() };
    assert_eq!(handle.home(&link).unwrap().bus_address.as_deref(), Some(DEVICE));
    all(&mut handle, "set node.2 name other");
    for device in [DEVICE, "/sys/devices/pci0000:00/0000:03:02.1"] {
        assert_eq!(handle.link_of_device(device).unwrap().unwrap().name, "other");
    }
    assert_eq!(handle.link_of_device("0000:03:02.2").unwrap_err().errno, Some(nix::libc::ENODEV));
    all(&mut handle, "move node.2 pod net1");
    let refused = handle.link_of_device(DEVICE).unwrap_err();
    assert_eq!(refused.errno, Some(nix::libc::EBUSY), "it is not the node's any more: {refused}");
}

#[test]
fn a_device_comes_home_as_it_was() {
    let (node, _, mut handle) = node();
    all(&mut handle, "set node.2 up\n set node.2 mtu 1400");
    let before = node.dump();
    let effects = all(&mut handle, &USE.replace("set node.2 up", ""));
    assert_eq!(names(&mut handle, Space::Host), ["lo"]);
    // What the pod does to it is nobody's business, and is in nobody's way.
    all(&mut handle, "set pod.2 name renamed\n set pod.2 mac 02:00:00:00:00:66");
    assert_eq!(handle.undo(&effects.iter().collect::<Vec<_>>(), soon()), []);
    assert_eq!(node.dump(), before);
}

#[test]
fn a_device_comes_home_when_its_namespace_ends() {
    let (node, sandbox, mut handle) = node();
    let before = node.dump().lines().filter(|line| line.starts_with("1: ")).collect::<Vec<_>>().join("\n");
    let effects = all(&mut handle, &USE.replace("set node.2 up", ""));
    node.end(sandbox);
    assert_eq!(names(&mut handle, Space::Host), ["lo", "net1"]);
    assert_eq!(handle.sandbox().unwrap(), None);
    assert_eq!(handle.undo(&effects.iter().collect::<Vec<_>>(), soon()), []);
    assert_eq!(node.dump().trim_end(), before);
}

#[test]
fn a_device_whose_name_is_taken_at_home_gets_the_kernels() {
    for taken in ["net1", "ens1"] {
        let (node, sandbox, mut handle) = node();
        let effects = all(&mut handle, USE);
        all(&mut handle, &format!("bridge node.7={taken}"));
        node.end(sandbox);
        let there = if taken == "net1" { "dev2" } else { "net1" };
        assert_eq!(names(&mut handle, Space::Host), ["lo", there, taken]);
        let failed = handle.undo(&effects.iter().collect::<Vec<_>>(), soon());
        match taken {
            "net1" => assert_eq!((failed.len(), names(&mut handle, Space::Host)[1].as_str()), (0, "ens1")),
            _ => assert_eq!((failed.len(), names(&mut handle, Space::Host)[1].as_str()), (1, "net1")),
        }
    }
}

#[test]
fn hardware_is_not_deleted_and_may_be_a_port() {
    let (node, sandbox, mut handle) = node();
    let link = LinkRef { space: Space::Host, index: 2, name: "ens1".into() };
    let refused = node.delete(sandbox, &link);
    assert_eq!(outcome(&refused), "EOPNOTSUPP");
    all(&mut handle, "bridge node.5=br0\n set node.2 master 5");
    assert_eq!(
        view::line(&handle.link_at(Space::Host, 2).unwrap().unwrap()),
        "ens1 02:00:00:00:00:09 mtu 1500 port of 5"
    );
}

#[test]
fn another_boot_leaves_the_hardware_alone_as_its_driver_finds_it() {
    let (node, sandbox, mut handle) = node();
    let first = node.dump().lines().filter(|line| line.starts_with("1: ")).collect::<Vec<_>>().join("\n");
    let before = handle.sandbox().unwrap().unwrap();
    all(&mut handle, USE);
    all(&mut handle, "veth pod.10=eth0 node.20=veth0\n sysctl node net/ipv4/ip_forward 1");
    node.reboot();
    assert_eq!(handle.sandbox().unwrap(), None);
    assert_eq!(node.identity(sandbox), None);
    assert_eq!(node.dump().trim_end(), first);
    let again = node.sandbox();
    assert_ne!(again, sandbox, "a namespace's number is never used again");
    assert_ne!(node.identity(again).unwrap().boot, before.boot);
}
