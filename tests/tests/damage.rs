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
use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::{Node, Pod, binaries, private, record_line};
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
        let mark = long_tried("web@eth0");
        node.del(&pod, &conf).succeeded();
        let kept: Vec<_> = fs::read_dir(node.cni_dir().join("leftover")).unwrap().flatten().collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(fs::read_to_string(kept[0].path()).unwrap(), text, "as that version left it");
        assert!(!mark.exists(), "the next pod of that name begins anew");
    });
}

/// As after as many minutes of DELs as the runtime's retries are worth.
fn long_tried(name: &str) -> PathBuf {
    let mark = Path::new("/run/multus/failing").join(name);
    fs::create_dir_all(mark.parent().unwrap()).unwrap();
    assert!(Command::new("touch").args(["-d", "11 minutes ago"]).arg(&mark).status().unwrap().success());
    mark
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

/// A delegate of an older version has no GC: what a damaged record no longer says is libcni's cache to tell.
#[test]
fn gc_takes_back_what_only_libcnis_cache_tells() {
    private(|| {
        let node = Node::new();
        let old = |name: &str, delegate: &str| {
            let mut network = node.network(name, delegate);
            network["cniVersion"] = json!("1.0.0");
            network
        };
        let mut conf = node.conf(json!([old("a", "alpha"), old("b", "beta")]));
        let (pod, alive) = (node.pod("web"), node.pod("alive"));
        for pod in [&pod, &alive] {
            node.add(pod, &conf).succeeded();
            let text = fs::read_to_string(node.record(pod)).unwrap();
            let damaged = text
                .lines()
                .map(|it| if it.contains("\"plan\"") { "?\n".to_owned() } else { format!("{it}\n") });
            fs::write(node.record(pod), damaged.collect::<String>()).unwrap();
        }
        node.forget_recorded();
        conf["cni.dev/valid-attachments"] = json!([{ "containerID": "alive", "ifname": "eth0" }]);
        node.call("GC", &pod, &conf).succeeded();
        assert_eq!(node.briefs(), UNDONE);
        assert!(node.recorded().iter().all(|call| call.variable("CNI_CONTAINERID") == "web"));
        let dump = node.dump();
        assert!(dump.has(&["leases/a,alive,eth0"]) && dump.has(&["leases/b,alive,net1"]), "{dump}");
    });
}

/// A container's id may be used again, by people who call by hand: what is left of it has the names of what is there.
#[test]
fn what_is_attached_anew_is_not_swept_with_what_was_left_of_it() {
    private(|| {
        let (node, pod, conf) = attached();
        let (beta, aside) = (node.bin_dir().join("beta"), node.scratch("beta"));
        fs::rename(&beta, &aside).unwrap();
        node.del(&pod, &conf).error();
        long_tried("web@eth0");
        node.del(&pod, &conf).succeeded();
        fs::rename(&aside, &beta).unwrap();
        fs::remove_file(node.path("leases").join("b,web,net1")).unwrap();
        node.add(&pod, &conf).succeeded();
        node.forget_recorded();
        let file = node.scratch("multus.conf");
        fs::write(&file, conf.to_string()).unwrap();
        let sweep = || {
            Command::new(binaries::multusctl())
                .args(["journal", "sweep", "--conf"])
                .arg(&file)
                .output()
                .unwrap()
        };
        let output = sweep();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("attached anew") && said.contains("after its DEL"), "{said}");
        assert_eq!(node.briefs(), [""; 0]);
        node.del(&pod, &conf).succeeded();
        assert!(sweep().status.success());
        nothing_left(&node);
    });
}

/// The request of an operator names no container: its record and libcni's cache do.
#[test]
fn an_operator_takes_back_a_damaged_record_of_the_container_that_it_is_of() {
    private(|| {
        for line in ["\"plan\"", "\"call\""] {
            let (node, pod, conf) = attached();
            let other = node.pod("other");
            node.add(&other, &conf).succeeded();
            node.forget_recorded();
            let text = fs::read_to_string(node.record(&pod)).unwrap();
            let damaged =
                text.lines().map(|it| if it.contains(line) { "?\n".to_owned() } else { format!("{it}\n") });
            fs::write(node.record(&pod), damaged.collect::<String>()).unwrap();
            let file = node.scratch("multus.conf");
            fs::write(&file, conf.to_string()).unwrap();
            let undo = |force: &[&str]| {
                let mut undo = Command::new(binaries::multusctl());
                undo.args(["journal", "undo", "web", "--conf"]).arg(&file).args(force).output().unwrap()
            };
            let refused = String::from_utf8(undo(&[]).stderr).unwrap();
            assert!(refused.contains("may be running") && refused.contains("--force"), "{refused}");
            let output = undo(&["--force"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            for call in node.recorded() {
                assert_eq!(call.variable("CNI_CONTAINERID"), "web");
                assert_eq!(call.variable("CNI_ARGS"), pod.args);
            }
            let told = |call: &multus_tests::Recorded| call.variable("CNI_NETNS") == "/run/netns/web";
            // A record that lost its first line does not tell of which boot it is: that namespace counts as gone.
            assert_eq!(node.recorded().iter().all(told), line.contains("plan"));
            let dump = node.dump();
            assert!(!dump.has(&["leases/a,web"]) && !dump.has(&["leases/b,web"]), "{dump}");
            assert!(dump.has(&["leases/a,other,eth0"]) && dump.has(&["leases/b,other,net1"]), "{dump}");
            node.del(&other, &conf).succeeded();
            assert!(nothing_left(&node));
            ["web", "other"].iter().for_each(|name| node.remove_netns(name));
        }
    });
}

/// A runtime may attach a container twice, under two names.
#[test]
fn a_damaged_record_takes_nothing_from_the_containers_other_call() {
    private(|| {
        let (node, pod, conf) = attached();
        let further = Pod { ifname: "eth7".into(), ..pod.clone() };
        let other = node.conf(json!([node.network("c", "gamma")]));
        node.add(&further, &other).succeeded();
        node.forget_recorded();
        fs::write(node.record(&pod), "").unwrap();
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), UNDONE);
        assert!(node.dump().has(&["leases/c,web,eth7"]));
        node.del(&further, &other).succeeded();
        nothing_left(&node);
    });
}

/// What a damaged record no longer says is not lost with the DEL that gives up.
#[test]
fn what_only_libcnis_cache_tells_is_left_over_too() {
    private(|| {
        let (node, pod, conf) = attached();
        fs::write(node.record(&pod), "garbage\n").unwrap();
        let (beta, aside) = (node.bin_dir().join("beta"), node.scratch("beta"));
        fs::rename(&beta, &aside).unwrap();
        node.del(&pod, &conf).error();
        long_tried("web@eth0");
        let answer = node.del(&pod, &conf);
        answer.succeeded();
        assert!(answer.stderr.contains("network b (net1)"), "{answer}");
        fs::rename(&aside, &beta).unwrap();
        node.forget_recorded();
        let file = node.scratch("multus.conf");
        fs::write(&file, conf.to_string()).unwrap();
        // Somebody's file keeps none of ours.
        let stranger = node.cni_dir().join("leftover/notes.txt");
        fs::write(&stranger, "").unwrap();
        let sweep = || {
            let mut sweep = Command::new(binaries::multusctl());
            sweep.args(["journal", "sweep", "--conf"]).arg(&file).output().unwrap()
        };
        let output = sweep();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("notes.txt") && said.contains("1 left"), "{said}");
        assert!(node.briefs().contains(&"DEL beta net1".to_owned()), "{:?}", node.briefs());
        fs::remove_file(&stranger).unwrap();
        assert!(sweep().status.success());
        assert!(nothing_left(&node), "the damaged record is kept");
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
        // The runtime has tried for long enough: the pod ends, by what libcni's cache tells.
        long_tried("web@eth0");
        let answer = node.del(&pod, &conf);
        answer.succeeded();
        assert!(answer.stderr.contains("regular file"), "{answer}");
        assert_eq!(node.briefs(), UNDONE);
        assert!(record.is_dir(), "not touched");
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
