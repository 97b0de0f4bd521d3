//! Faults of the node and of delegates: full disks, binaries that are none, delegates that linger. Each ends in one clear
//! error or in success, with nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use multus_tests::{Node, Pod, RECORDING, binaries, private};
use serde_json::{Value, json};

/// `cniDir` on a disk of 128 KiB, after one pod came and went: the shelves are there.
fn small_disk() -> (Node, Pod, Value) {
    let node = Node::new();
    fs::create_dir(node.cni_dir()).unwrap();
    let mount = ["-n", "-t", "tmpfs", "-o", "size=128k,mode=700", "tmpfs"];
    assert!(Command::new("mount").args(mount).arg(node.cni_dir()).status().unwrap().success());
    let conf = node.conf(json!([node.network("a", "alpha"), node.network("b", "beta")]));
    let pod = node.pod("web");
    node.add(&pod, &conf).succeeded();
    node.del(&pod, &conf).succeeded();
    node.forget_recorded();
    (node, pod, conf)
}

/// Fills the disk but for so many pages.
fn fill(node: &Node, pages_left: usize) {
    let ballast = node.cni_dir().join("ballast");
    let mut size = 0;
    while fs::write(&ballast, vec![0; size + 4096]).is_ok() {
        size += 4096;
    }
    fs::write(&ballast, vec![0; size - pages_left * 4096]).unwrap();
}

#[test]
fn a_full_disk_refuses_the_pod_before_anything_ran() {
    private(|| {
        let (node, pod, conf) = small_disk();
        fill(&node, 0);
        let before = node.state();
        let error = node.add(&pod, &conf).error();
        assert_eq!(error.code, 5, "{error:?}");
        assert!(
            error.msg.contains("container web") && error.msg.contains("state/cni")
                || error.msg.contains("/cni/"),
            "{error:?}"
        );
        assert!(node.briefs().is_empty());
        node.state().must_equal(&before);
        node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn a_disk_that_fills_up_on_the_way_leaves_nothing_behind() {
    private(|| {
        let (node, pod, conf) = small_disk();
        let mut refused = 0;
        for pages in 0..16 {
            fill(&node, pages);
            let before = node.state();
            let answer = node.add(&pod, &conf);
            if answer.is_success() {
                node.del(&pod, &conf).succeeded();
            } else {
                refused += 1;
                assert_eq!(answer.error().code, 5, "{pages} pages: {answer}");
                assert!(!answer.stderr.contains("panicked"), "{answer}");
            }
            node.state().must_equal(&before);
        }
        assert!((1..16).contains(&refused), "{refused} refused: some should be, and some not");
    });
}

#[test]
fn a_del_needs_no_room_on_the_disk() {
    private(|| {
        let (node, pod, conf) = small_disk();
        let before = node.state();
        node.add(&pod, &conf).succeeded();
        fill(&node, 0);
        node.del(&pod, &conf).succeeded();
        fs::remove_file(node.cni_dir().join("ballast")).unwrap();
        node.state().must_equal(&before);
    });
}

#[test]
fn a_disk_that_is_read_only_says_so() {
    private(|| {
        let (node, pod, conf) = small_disk();
        let remount = ["-n", "-o", "remount,ro"];
        assert!(Command::new("mount").args(remount).arg(node.cni_dir()).status().unwrap().success());
        let error = node.add(&pod, &conf).error();
        assert_eq!(error.code, 5, "{error:?}");
        assert!(error.msg.contains("ead-only"), "{error:?}");
        assert!(node.briefs().is_empty());
    });
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// How the file `odd` in `binDir` is made, code, words.
type Odd = (&'static str, fn(&Path), u32, &'static [&'static str]);

const ODD: &[Odd] = &[
    ("a text that may not run", |path| fs::write(path, "hello").unwrap(), 7, &["odd"]),
    ("a folder", |path| fs::create_dir(path).unwrap(), 7, &["odd"]),
    ("a dangling link", |path| symlink("/nowhere", path).unwrap(), 7, &["odd"]),
    (
        "a script without an interpreter",
        |path| executable(path, "#!/nowhere/sh\n"),
        5,
        &["could not be started"],
    ),
    ("bytes that are no program", |path| executable(path, "\u{1}\u{2}\u{3}"), 5, &["could not be started"]),
    ("an empty file", |path| executable(path, ""), 5, &["could not be started"]),
    (
        "a program that knows nothing of CNI",
        |path| symlink("/bin/true", path).unwrap(),
        6,
        &["printed no result"],
    ),
    ("a program that always fails", |path| symlink("/bin/false", path).unwrap(), 999, &["status 1"]),
    (
        "a program that complains",
        |path| executable(path, "#!/bin/sh\necho out of luck >&2\nexit 7\n"),
        999,
        &["status 7", "out of luck"],
    ),
    (
        "an error object without a message",
        |path| executable(path, "#!/bin/sh\necho '{\"code\": 17}'\nexit 1\n"),
        17,
        &["odd"],
    ),
    (
        "an error object of code zero",
        |path| executable(path, "#!/bin/sh\necho '{\"code\": 0, \"msg\": \"x\"}'\nexit 1\n"),
        999,
        &["odd"],
    ),
];

#[test]
fn binaries_that_are_none() {
    private(|| {
        for (what, make, code, words) in ODD {
            let node = Node::new();
            make(&node.bin_dir().join("odd"));
            let odd = json!({ "name": "red", "type": "odd" });
            let conf = node.conf(json!([node.network("default", "alpha"), odd]));
            let pod = node.pod("web");
            let before = node.state();
            let error = node.add(&pod, &conf).error();
            assert_eq!(error.code, *code, "{what}: {error:?}");
            let said = format!("{} {}", error.msg, error.details);
            for word in [&["container web", "network red (net1)"], *words].concat() {
                assert!(said.contains(word), "{what}: {word:?} is not in {said}");
            }
            // A program that can't be run can't give back either; then DEL says so until the operator helps.
            if node.record(&pod).exists() {
                fs::remove_file(node.bin_dir().join("odd")).unwrap();
                node.install("odd", RECORDING);
                node.del(&pod, &conf).succeeded();
            }
            node.state().must_equal(&before);
            node.remove_netns("web");
        }
    });
}

/// A delegate's conf with an order for ADD.
fn misbehaving(node: &Node, order: Value) -> (Pod, Value) {
    let mut network = node.network("red", "alpha");
    network["misbehave"] = json!({ "ADD": order });
    (node.pod("web"), node.conf(json!([network])))
}

#[test]
fn a_grandchild_that_keeps_the_pipes_open_is_not_waited_for() {
    private(|| {
        let node = Node::new();
        let (pod, conf) = misbehaving(&node, json!({ "grandchild": 30 }));
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        assert!(answer.took < Duration::from_secs(15), "{answer}");
        let answer = node.del(&pod, &conf);
        answer.succeeded();
        assert!(answer.took < Duration::from_secs(15), "{answer}");
    });
}

#[test]
fn what_a_delegate_says_reaches_the_runtimes_log() {
    private(|| {
        let node = Node::new();
        let (pod, conf) = misbehaving(&node, json!({ "stderr": "two ports are left" }));
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        assert!(answer.stderr.contains("two ports are left"), "{answer}");
    });
}

#[test]
fn a_delegate_with_much_to_say_is_heard_to_the_end() {
    private(|| {
        let node = Node::new();
        let (pod, conf) = misbehaving(&node, json!({ "stderr": "x".repeat(300_000) }));
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        assert!(answer.stderr.len() >= 300_000, "{} bytes", answer.stderr.len());
    });
}

#[test]
fn a_binary_that_is_being_written_is_waited_for() {
    private(|| {
        let node = Node::new();
        let (pod, conf) = misbehaving(&node, Value::Null);
        let binary = node.bin_dir().join("alpha");
        fs::remove_file(&binary).unwrap();
        fs::copy(binaries::delegate(RECORDING), &binary).unwrap();
        let writing = fs::OpenOptions::new().append(true).open(&binary).unwrap();
        let call = node.calling("ADD", &pod, &conf).start();
        std::thread::sleep(Duration::from_millis(100));
        drop(writing);
        call.wait().succeeded();
        node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn a_result_of_another_shape_than_its_version_is_refused() {
    private(|| {
        let node = Node::new();
        let rows = [
            json!({ "cniVersion": "1.1.0", "ips": "10.0.0.1/24" }),
            json!({ "cniVersion": "1.1.0", "ips": [{ "address": "here" }] }),
            json!({ "cniVersion": "1.1.0", "ips": [{ "address": "10.0.0.1/24", "interface": "eth0" }] }),
            json!({ "cniVersion": "3.0.0" }),
            json!({ "cniVersion": 1 }),
        ];
        let pod = node.pod("web");
        let before = node.state();
        for result in rows {
            let mut network = node.network("red", "alpha");
            network["result"] = result.clone();
            let error = node.add(&pod, &node.conf(json!([network]))).error();
            assert!(matches!(error.code, 1 | 6), "{result}: {error:?}");
            assert!(error.msg.contains("network red (eth0): plugin alpha"), "{result}: {error:?}");
            node.state().must_equal(&before);
        }
    });
}
