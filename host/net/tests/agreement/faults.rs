//! A process that dies, or is refused, at every request there is; and what the next one finds.

use multus_net::simulated::{Fault, Node, Sandbox, Simulated};
use multus_net::{Backend, Effect, MacAddr, Space};
use nix::libc;

use crate::script::{outcome, soon};
use crate::words::Words;

/// All that an attachment may do, of which nothing outlives it but the bridge and a setting of the node.
const ATTACHMENT: &str = "
    bridge node.5=br0
    sysctl node net/ipv4/ip_forward 1
    veth pod.10=eth0 node.20=veth0 mtu 1400
    set node.20 master 5
    set node.20 hairpin on
    set node.20 up
    set pod.10 mac 02:00:00:00:00:77
    set pod.10 up
    address pod.10 10.0.0.2/24
    noroute pod.10 10.0.0.0/24
    route pod.10 10.0.0.1/32
    route pod.10 0.0.0.0/0 via 10.0.0.1
    neighbour pod.10 10.0.0.1 02:00:00:00:00:01
    set pod.1 mtu 1400 lasting
    address pod.1 10.7.0.1/32 lasting
    sysctl pod net/ipv4/conf/all/arp_notify 1
    move node.2 pod net1
    set pod.2 mtu 9000
    set pod.2 name net2
    masquerade a 10.0.0.2 10.0.0.0/24
    spoof-check a node.20 02:00:00:00:00:77
    announce pod.10 10.0.0.2
";

fn node() -> (Node, Sandbox) {
    let node = Node::new();
    node.hardware("ens1", "0000:03:02.1", MacAddr([2, 0, 0, 0, 0, 9])).unwrap();
    (node.clone(), node.sandbox())
}

/// Does effect after effect until one is refused, as an attachment does; those whose intent was written down.
fn attach(handle: &mut Simulated) -> Vec<Effect> {
    let mut intended = Vec::new();
    for line in ATTACHMENT.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // What it was before is looked up by a process that does not die of it.
        let mut looking = handle.node().open(handle.of());
        intended.push(Words::new(line).effect(&mut looking));
        if handle.apply(intended.last().unwrap(), soon()).is_err() {
            break;
        }
    }
    intended
}

/// What stays of it: as much of the ensured as was done.
fn leftovers(effects: &[Effect]) -> Vec<String> {
    let (node, sandbox) = node();
    let mut handle = node.open(sandbox);
    let ensured = effects.iter().filter(|effect| effect.class() == multus_net::Class::Ensured);
    let mut dumps = vec![node.dump()];
    for effect in ensured {
        handle.apply(effect, soon()).unwrap();
        dumps.push(node.dump());
    }
    dumps
}

fn requests() -> u64 {
    let (node, sandbox) = node();
    let mut handle = node.open(sandbox);
    assert_eq!(attach(&mut handle).len(), ATTACHMENT.trim().lines().count(), "it works without faults");
    handle.requests()
}

#[test]
fn whenever_an_attachment_ends_it_is_taken_back_whole() {
    for at in 0..requests() {
        for fault in [Fault::DieBefore, Fault::DieAfter, Fault::Refuse(libc::EIO)] {
            let (node, sandbox) = node();
            let mut handle = node.open(sandbox);
            handle.fault(at, fault);
            let intended = attach(&mut handle);
            assert_eq!(handle.is_dead(), !matches!(fault, Fault::Refuse(_)));
            let failed = node.open(sandbox).undo(&intended.iter().collect::<Vec<_>>(), soon());
            assert_eq!(failed, [], "{fault:?} at {at}");
            let (left, expected) = (node.dump(), leftovers(&intended));
            assert!(expected.contains(&left), "{fault:?} at {at}, after {:?}:\n{left}", intended.last());
        }
    }
}

#[test]
fn whenever_an_undo_ends_the_next_one_finishes_it() {
    let attached = || {
        let (node, sandbox) = node();
        let effects = attach(&mut node.open(sandbox));
        (node, sandbox, effects)
    };
    let (node, sandbox, effects) = attached();
    let mut handle = node.open(sandbox);
    assert_eq!(handle.undo(&effects.iter().collect::<Vec<_>>(), soon()), []);
    let (expected, requests) = (node.dump(), handle.requests());
    for at in 0..requests {
        for fault in [Fault::DieBefore, Fault::DieAfter, Fault::Refuse(libc::EIO)] {
            let (node, sandbox, effects) = attached();
            let effects: Vec<_> = effects.iter().collect();
            let mut handle = node.open(sandbox);
            handle.fault(at, fault);
            let failed = handle.undo(&effects, soon());
            let hidden = fault == Fault::DieAfter && at + 1 == requests;
            assert!(!failed.is_empty() || hidden, "{fault:?} at {at} is told of");
            assert_eq!(node.open(sandbox).undo(&effects, soon()), [], "{fault:?} at {at}");
            assert_eq!(node.dump(), expected, "{fault:?} at {at}");
        }
    }
}

#[test]
fn a_dead_process_does_nothing_and_a_refused_one_goes_on() {
    let (node, sandbox) = node();
    let mut handle = node.open(sandbox);
    handle.fault(1, Fault::Refuse(libc::ENOMEM));
    handle.fault(3, Fault::DieAfter);
    let mut apply = |line: &str| {
        let effect = Words::new(line).effect(&mut node.open(sandbox));
        outcome(&handle.apply(&effect, soon()))
    };
    let ends = [
        "set pod.1 up",
        "set pod.1 mtu 1400",
        "set pod.1 mtu 1400",
        "set pod.1 promiscuous on",
        "set pod.1 mtu 9",
    ];
    assert_eq!(ends.map(&mut apply), ["ok", "ENOMEM", "ok", "unknown", "unknown"]);
    assert!(handle.is_dead());
    assert!(handle.links(Space::Sandbox).is_err());
    assert_eq!(handle.requests(), 4);
    let lo = node.open(sandbox).link_at(Space::Sandbox, 1).unwrap().unwrap();
    assert_eq!((lo.mtu, lo.up, lo.promiscuous), (1400, true, true), "the node stays as it was");
}

#[test]
fn nothing_begins_after_its_deadline() {
    let (node, sandbox) = node();
    let before = node.dump();
    let mut handle = node.open(sandbox);
    let effect = Words::new("set pod.1 up").effect(&mut handle);
    let now = std::time::Instant::now();
    assert_eq!(outcome(&handle.apply(&effect, now)), "ETIMEDOUT");
    let link = Words::new("pod.1").link();
    assert_eq!(outcome(&handle.settle(&link, now)), "ETIMEDOUT");
    assert_eq!(node.dump(), before);
}
