//! What an ADD asks of the kernel and of the disk, counted: time is for the bench.

use std::fs;
use std::path::Path;

use multus_tests::{Calling, left_out, private};
use serde_json::{Value, json};

use crate::scene::{Scene, lan};

/// Messages to the kernel's network, and waits for the disk.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    netlink: usize,
    syncs: usize,
}

fn networks(count: usize) -> Value {
    let network = |number: usize| {
        let mut network = lan(&format!("lab{number}"), &format!("10.{number}.0.0/24"));
        network["isDefaultGateway"] = json!(number == 0);
        network["isGateway"] = json!(true);
        network
    };
    (0..count).map(network).collect()
}

/// Counts the calls of a process that were made on sockets of the kernel's network, and those that wait for the disk.
fn count(call: Calling, trace: &Path) -> Cost {
    let line =
        ["strace", "-f", "-yy", "-e", "trace=sendto,sendmsg,fsync,fdatasync", "-o", trace.to_str().unwrap()];
    call.through(&line).answer().succeeded();
    let text = fs::read_to_string(trace).unwrap();
    let of =
        |words: &[&str]| text.lines().filter(|line| words.iter().any(|word| line.contains(word))).count();
    let netlink = text.lines().filter(|line| line.contains("send") && line.contains("NETLINK")).count();
    Cost { netlink, syncs: of(&["fsync(", "fdatasync("]) }
}

#[test]
fn messages_and_syncs_of_an_add_are_few() {
    private(|| {
        if std::process::Command::new("strace").arg("-V").output().is_err() {
            return left_out("counting netlink messages and fsyncs takes strace");
        }
        let scene = Scene::new();
        let mut costs = Vec::new();
        for (count_of, name) in [(1, "one"), (3, "three")] {
            let conf = scene.conf(networks(count_of));
            scene.warmed_up(&conf);
            let pod = scene.node.pod(name);
            let add = count(scene.node.calling("ADD", &pod, &conf), &scene.node.scratch("trace"));
            let del = count(scene.node.calling("DEL", &pod, &conf), &scene.node.scratch("trace"));
            println!("{count_of} networks by components: ADD {add:?}, DEL {del:?}");
            costs.push((add, del));
        }
        let [(one, one_del), (three, three_del)] = costs.try_into().unwrap();
        assert!(one.netlink > 0 && one.netlink <= MESSAGES, "{one:?}");
        assert!(one.syncs <= SYNCS, "{one:?}");
        assert!(three.netlink <= 3 * one.netlink && three.syncs <= 3 * one.syncs, "{one:?}, {three:?}");
        assert!(three_del.netlink <= 3 * one_del.netlink, "{one_del:?}, {three_del:?}");
    });
}

/// What an ADD of one network by `bridge` and `host-local` takes today.
const MESSAGES: usize = 40;
/// The record and its folder once, the claim and its folder once, and the end of the ADD.
const SYNCS: usize = 6;
