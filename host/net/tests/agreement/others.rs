//! Attachments do not meet: random lives, in memory alone. `MULTUS_NET_LIVES=10000` tries more of them.

use multus_net::simulated::Node;
use multus_net::{Backend, Effect};
use proptest::prelude::*;

use crate::random;
use crate::script::soon;
use crate::words::Words;

/// Another pod's, with links whose numbers and names the first one never asks for.
const OTHER: &[&str] = &[
    "veth pod.40=eth0 node.50=veth50",
    "set pod.40 up",
    "set node.50 up",
    "address pod.40 10.0.0.1/24",
    "route pod.40 0.0.0.0/0 via 10.0.0.9",
    "neighbour pod.40 10.0.0.9 02:00:00:00:00:99",
    "masquerade other 10.0.0.1 10.0.0.0/24",
];

fn apply(handle: &mut dyn Backend, line: &str) -> Option<Effect> {
    let effect = Words::new(line).effect(handle);
    handle.apply(&effect, soon()).ok().map(|()| effect)
}

/// Lines about another pod's namespace, and about its link on the node.
fn of_other(node: &Node) -> Vec<String> {
    let dump = node.dump();
    let others =
        |line: &&str| line.starts_with("3: ") || line.contains("veth50") || line.contains("rule other");
    dump.lines().filter(others).map(ToOwned::to_owned).collect()
}

/// Whatever it is, and whatever becomes of it.
fn live(handle: &mut dyn Backend, life: &[String]) -> Vec<Effect> {
    let effects = life
        .iter()
        .filter(|line| !["drop", "delete", "undo", "end"].iter().any(|word| line.starts_with(word)));
    effects.filter_map(|line| apply(handle, line.trim_start_matches("intend "))).collect()
}

proptest! {
    #![proptest_config(random::config())]

    #[test]
    fn whatever_one_attachment_does_another_ones_pod_and_link_are_as_they_were(life in random::life()) {
        let node = Node::new();
        let (one, other) = (node.sandbox(), node.sandbox());
        let mut handle = node.open(other);
        OTHER.iter().for_each(|line| assert!(apply(&mut handle, line).is_some(), "{line}"));
        let before = of_other(&node);
        let effects = live(&mut node.open(one), &life);
        prop_assert_eq!(&of_other(&node), &before);
        node.open(one).undo(&effects.iter().collect::<Vec<_>>(), soon());
        node.end(one);
        prop_assert_eq!(of_other(&node), before);
    }

    #[test]
    fn what_is_refused_changes_nothing(life in random::life()) {
        let node = Node::new();
        let sandbox = node.sandbox();
        for line in &life {
            let before = node.dump();
            let mut handle = node.open(sandbox);
            let word = line.split(' ').next().unwrap_or_default();
            if ["drop", "delete", "undo", "end", "intend"].contains(&word) {
                continue;
            }
            if apply(&mut handle, line).is_none() {
                prop_assert_eq!(node.dump(), before, "{}", line);
            }
        }
    }

    #[test]
    fn links_that_were_made_are_gone_after_their_undoing(life in random::life()) {
        let node = Node::new();
        let sandbox = node.sandbox();
        let effects = live(&mut node.open(sandbox), &life);
        let failed = node.open(sandbox).undo(&effects.iter().collect::<Vec<_>>(), soon());
        let dump = node.dump();
        let veths = dump.lines().filter(|line| line.contains(" veth to ")).count();
        // One end took the other's number when it moved: it is not to be told from others any more.
        let moved = effects.iter().any(|effect| matches!(effect, Effect::Move { .. }));
        prop_assert!(veths == 0 || moved || !failed.is_empty(), "{}", dump);
    }
}
