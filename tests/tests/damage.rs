//! Records that a crash cut off, a disk damaged, or somebody else wrote: what can be read is undone, libcni's cache
//! tells the rest, and nothing that could not be read is thrown away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use multus_tests::{Node, Pod, private, record_line};
use serde_json::{Value, json};

/// A pod with two networks, attached.
fn attached() -> (Node, Pod, Value) {
    let node = Node::new();
    let conf = node.conf(json!([node.network("a", "alpha"), node.network("b", "beta")]));
    let pod = node.pod("web");
    node.add(&pod, &conf).succeeded();
    node.forget_recorded();
    (node, pod, conf)
}

const UNDONE: [&str; 2] = ["DEL beta net1", "DEL alpha eth0"];

/// Leases, records, scratch files and cache are gone; is something in quarantine?
fn nothing_left(node: &Node) -> bool {
    let state = node.state().without(|line| line.contains("netns "));
    let rest = state.without(|line| line.contains("state/cni/quarantine/"));
    assert_eq!(rest.to_string(), "", "left behind");
    state.has(&["state/cni/quarantine/"])
}

/// Changes the record's bytes, deletes the pod; which delegates were called, and was the record kept?
fn after(change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (Vec<String>, bool) {
    let (node, pod, conf) = attached();
    let bytes = fs::read(node.record(&pod)).unwrap();
    fs::write(node.record(&pod), change(bytes)).unwrap();
    let answer = node.del(&pod, &conf);
    answer.succeeded();
    let (briefs, quarantined) = (node.briefs(), nothing_left(&node));
    assert_eq!(answer.stderr.contains("record"), quarantined, "the operator is told: {answer}");
    node.del(&pod, &conf).succeeded();
    assert_eq!(node.briefs(), briefs, "a second DEL has nothing to do");
    (briefs, quarantined)
}

/// Lines with their line breaks.
fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8(bytes.to_vec()).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

fn position(lines: &[String], word: &str) -> usize {
    lines.iter().position(|line| line.contains(word)).unwrap()
}

/// Changes the first line that has a word, so that its checksum is wrong.
fn falsified(word: &'static str, from: &'static str, to: &'static str) -> impl FnOnce(Vec<u8>) -> Vec<u8> {
    move |bytes| {
        let mut lines = lines(&bytes);
        let at = position(&lines, word);
        lines[at] = lines[at].replace(from, to);
        lines.concat().into_bytes()
    }
}

/// Where the order is lost, and a step may be undone by the record and by the cache.
fn undone_in_any_order_and_kept((mut briefs, quarantined): (Vec<String>, bool)) {
    briefs.sort();
    briefs.dedup();
    assert_eq!(briefs, ["DEL alpha eth0", "DEL beta net1"]);
    assert!(quarantined, "the record is kept");
}

#[test]
fn a_torn_last_line_is_normal() {
    private(|| {
        let torn = |mut bytes: Vec<u8>| {
            bytes.truncate(bytes.len() - 5);
            bytes
        };
        assert_eq!(after(torn), (UNDONE.map(str::to_owned).to_vec(), false));
    });
}

#[test]
fn a_flipped_byte_in_an_outcome_costs_nothing_but_the_record_is_kept() {
    private(|| {
        let flipped = falsified("\"done\"", "\"ok\"", "\"oK\"");
        assert_eq!(after(flipped), (UNDONE.map(str::to_owned).to_vec(), true));
    });
}

#[test]
fn an_intent_that_was_lost_is_known_from_libcnis_cache() {
    private(|| {
        let lost = |bytes: Vec<u8>| {
            let lines = lines(&bytes);
            let (begin, end) =
                (position(&lines, "\"intent\":{\"part\":{\"step\":{\"attachment\":1"), lines.len());
            let rest = (begin..end).map(|_| "00000000 {}\n".to_owned());
            lines[..begin].iter().cloned().chain(rest).collect::<String>().into_bytes()
        };
        undone_in_any_order_and_kept(after(lost));
    });
}

#[test]
fn without_its_plan_a_record_is_undone_from_libcnis_cache() {
    private(|| {
        let planless = falsified("\"plan\"", "alpha", "alphA");
        assert_eq!(after(planless), (UNDONE.map(str::to_owned).to_vec(), true));
    });
}

#[test]
fn without_its_first_line_every_planned_step_is_undone() {
    private(|| {
        let headless = |bytes: Vec<u8>| {
            let mut lines = lines(&bytes);
            lines[0] = format!("{}\n", "x".repeat(lines[0].len() - 1));
            lines.concat().into_bytes()
        };
        undone_in_any_order_and_kept(after(headless));
    });
}

#[test]
fn a_record_cut_to_nothing_is_undone_from_libcnis_cache() {
    private(|| {
        assert_eq!(after(|_| Vec::new()).0, UNDONE);
    });
}

#[test]
fn zeroes_as_a_power_cut_leaves_them_are_undone_from_it_too() {
    private(|| {
        assert_eq!(after(|bytes| vec![0; bytes.len()]).0, UNDONE);
    });
}

#[test]
fn garbage_is_undone_from_libcnis_cache_and_kept() {
    private(|| {
        assert_eq!(
            after(|_| b"#!/bin/sh\necho hello\n".to_vec()),
            (UNDONE.map(str::to_owned).to_vec(), true)
        );
    });
}

/// The record of another container in the place of this one's.
#[test]
fn a_foreign_record_takes_nothing_from_the_other_pod() {
    private(|| {
        let (node, pod, conf) = attached();
        let other = node.pod("other");
        node.add(&other, &conf).succeeded();
        node.forget_recorded();
        fs::copy(node.record(&other), node.record(&pod)).unwrap();
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), UNDONE, "from libcni's cache");
        assert!(node.recorded().iter().all(|call| call.variable("CNI_CONTAINERID") == "web"));
        let dump = node.dump();
        assert!(dump.has(&["leases/a,other,eth0"]) && dump.has(&["leases/b,other,net1"]), "{dump}");
        node.del(&other, &conf).succeeded();
        assert!(nothing_left(&node));
    });
}

#[test]
fn a_record_of_a_newer_version_is_left_alone() {
    private(|| {
        let (node, pod, conf) = attached();
        let mut text = fs::read_to_string(node.record(&pod)).unwrap();
        text.push_str(&record_line(&json!({ "link-made": { "name": "eth0" } })));
        fs::write(node.record(&pod), &text).unwrap();
        let error = node.del(&pod, &conf).error();
        assert!(
            error.msg.contains("newer version")
                && error.msg.contains("detach this container with that version"),
            "{error:?}"
        );
        assert!(node.briefs().is_empty(), "{:?}", node.briefs());
        assert_eq!(fs::read_to_string(node.record(&pod)).unwrap(), text);

        // The runtime has tried for long enough: the pod ends, and nothing is forgotten.
        let mark = "/run/multus/failing/web@eth0";
        assert!(Command::new("touch").args(["-d", "11 minutes ago", mark]).status().unwrap().success());
        node.del(&pod, &conf).succeeded();
        let kept: Vec<_> = fs::read_dir(node.cni_dir().join("leftover")).unwrap().flatten().collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(fs::read_to_string(kept[0].path()).unwrap(), text, "as that version left it");
        assert!(!Path::new(mark).exists(), "the next pod of that name begins anew");
    });
}

/// What a damaged record no longer says is still somebody's: no delegate's GC takes it for stale.
#[test]
fn gc_keeps_what_a_live_pod_has_whose_record_is_damaged() {
    private(|| {
        let (node, pod, mut conf) = attached();
        let damaged = lines(&fs::read(node.record(&pod)).unwrap());
        let plan = position(&damaged, "\"plan\"");
        let damaged: Vec<_> =
            damaged.iter().enumerate().map(|(at, line)| if at == plan { "?\n" } else { line }).collect();
        fs::write(node.record(&pod), damaged.concat()).unwrap();
        conf["cni.dev/valid-attachments"] = json!([{ "containerID": "web", "ifname": "eth0" }]);
        node.call("GC", &node.pod("nobody"), &conf).succeeded();
        let dump = node.dump();
        assert!(dump.has(&["leases/a,web,eth0"]) && dump.has(&["leases/b,web,net1"]), "{dump}");
    });
}

/// Things that are no record where a record should be.
#[test]
fn what_is_no_file_is_named_and_not_touched() {
    private(|| {
        let (node, pod, conf) = attached();
        let record = node.record(&pod);
        let elsewhere = node.scratch("elsewhere");
        fs::rename(&record, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &record).unwrap();
        let error = node.del(&pod, &conf).error();
        assert!(error.msg.contains("symbolic link") && error.msg.contains("web"), "{error:?}");
        fs::remove_file(&record).unwrap();
        fs::create_dir(&record).unwrap();
        let error = node.del(&pod, &conf).error();
        assert!(error.msg.contains("regular file"), "{error:?}");
        assert!(node.briefs().is_empty());
    });
}

#[test]
fn the_next_add_of_a_damaged_container_cleans_up_first() {
    private(|| {
        let (node, pod, conf) = attached();
        let mut bytes = fs::read(node.record(&pod)).unwrap();
        bytes[0] ^= 1;
        fs::write(node.record(&pod), bytes).unwrap();
        // A new sandbox of the same id: the old namespace is gone.
        node.remove_netns("web");
        node.netns("web");
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        assert!(nothing_left(&node), "the damaged record is kept");
    });
}
