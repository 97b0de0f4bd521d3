//! DEL plays the record back, whatever has become of namespace, binaries, conf, cluster or the record itself.

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

use multus_tests::{Node, Pod, binaries, network_object, pod_object, private, record_line, wait_for};
use serde_json::{Value, json};

/// A pod with two networks: a list of two plugins, and one from its annotation.
fn attached() -> (Node, Pod, Value) {
    let (node, pod, conf) = prepared();
    node.add(&pod, &conf).succeeded();
    node.forget_recorded();
    (node, pod, conf)
}

fn prepared() -> (Node, Pod, Value) {
    let node = Node::new();
    let mut second = node.plugin("beta");
    second["recording"]["leases"] = json!(node.path("more-leases"));
    let list = json!({ "cniVersion": "1.0.0", "name": "list", "plugins": [node.plugin("alpha"), second] });
    let mut conf = node.conf(json!([list]));
    let red = network_object("ns", "red", &node.network("red", "gamma"));
    conf["manifests"] = json!(node.manifests(&[pod_object("ns", "web", "red"), red]));
    let pod = node.pod("web").named("ns", "web");
    (node, pod, conf)
}

const UNDONE: [&str; 3] = ["DEL gamma net1", "DEL beta eth0", "DEL alpha eth0"];

/// Nothing of the pod is left: no lease, no record, no file of upstream's or libcni's.
fn nothing_left(node: &Node) {
    let kept = ["state/manifests", "state/catalog", "quarantine", "netns "];
    let rest = node.state().without(|line| kept.iter().any(|word| line.contains(word)));
    assert_eq!(rest.to_string(), "", "left behind");
}

#[test]
fn deleting_twice_or_what_never_was_is_fine() {
    private(|| {
        let (node, pod, conf) = attached();
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), UNDONE);
        nothing_left(&node);
        node.del(&pod, &conf).succeeded();
        node.del(&Pod { container_id: "never".into(), ..pod }, &conf).succeeded();
        assert_eq!(node.briefs(), UNDONE, "nothing more to undo");
        nothing_left(&node);
    });
}

/// How DEL is called, and what has become of the namespace.
fn netns_seen(change: impl Fn(&Node), call: impl Fn(&Node, &Pod, &Value)) -> Vec<String> {
    let (node, pod, conf) = attached();
    change(&node);
    call(&node, &pod, &conf);
    assert_eq!(node.briefs(), UNDONE);
    nothing_left(&node);
    node.recorded().iter().map(|call| call.variable("CNI_NETNS").to_owned()).collect()
}

fn del(node: &Node, pod: &Pod, conf: &Value) {
    node.del(pod, conf).succeeded();
}

#[test]
fn the_namespace_of_the_record_counts_when_the_runtime_names_none() {
    private(|| {
        let empty = |node: &Node, pod: &Pod, conf: &Value| {
            node.calling("DEL", pod, conf).with("CNI_NETNS", "").answer().succeeded();
        };
        assert_eq!(netns_seen(|_| {}, empty), ["/run/netns/web"; 3]);
    });
}

#[test]
fn without_the_variable_it_is_the_same() {
    private(|| {
        let unset = |node: &Node, pod: &Pod, conf: &Value| {
            node.calling("DEL", pod, conf).without("CNI_NETNS").answer().succeeded();
        };
        assert_eq!(netns_seen(|_| {}, unset), ["/run/netns/web"; 3]);
    });
}

#[test]
fn a_namespace_that_is_gone_is_told_to_nobody() {
    private(|| assert_eq!(netns_seen(|node| node.remove_netns("web"), del), [""; 3]));
}

#[test]
fn another_namespace_at_the_same_path_is_left_alone() {
    private(|| {
        let anew = |node: &Node| {
            node.remove_netns("web");
            node.netns("web");
        };
        assert_eq!(netns_seen(anew, del), [""; 3]);
    });
}

#[test]
fn a_file_in_place_of_the_namespace_counts_as_gone() {
    private(|| {
        let replaced = |node: &Node| {
            node.remove_netns("web");
            fs::write("/run/netns/web", "").unwrap();
        };
        let (node, pod, conf) = attached();
        replaced(&node);
        del(&node, &pod, &conf);
        assert!(node.recorded().iter().all(|call| call.variable("CNI_NETNS").is_empty()));
        fs::remove_file("/run/netns/web").unwrap();
        nothing_left(&node);
    });
}

#[test]
fn after_another_boot_every_planned_step_is_undone_without_a_namespace() {
    private(|| {
        let (node, pod, mut conf) = prepared();
        let here = node.scratch("here");
        conf["delegates"][0]["plugins"][0]["misbehave"] =
            json!({ "ADD": { "when": "after", "touch": here, "hang": true } });
        let mut adding = node.calling("ADD", &pod, &conf).start();
        wait_for(&here);
        adding.kill();
        adding.wait();
        node.forget_recorded();
        another_boot(&node);
        del(&node, &pod, &conf);
        assert_eq!(node.briefs(), UNDONE, "only the first step was begun, all were planned");
        assert!(node.recorded().iter().all(|call| call.variable("CNI_NETNS").is_empty()));
        nothing_left(&node);
    });
}

fn another_boot(node: &Node) {
    let id = node.scratch("boot_id");
    fs::write(&id, "00000000-1111-4222-8333-444444444444\n").unwrap();
    let boot_id = Path::new("/proc/sys/kernel/random/boot_id");
    let mounted = Command::new("mount").args(["-n", "--bind"]).args([id.as_path(), boot_id]).status();
    assert!(mounted.unwrap().success());
}

#[test]
fn a_binary_that_moved_is_found_again_and_one_that_is_gone_is_named() {
    private(|| {
        let (node, pod, conf) = attached();
        let elsewhere = node.scratch("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::rename(node.bin_dir().join("alpha"), elsewhere.join("alpha")).unwrap();
        let error = node.del(&pod, &conf).error();
        assert!(error.msg.contains("network list (eth0), plugin alpha"), "{error:?}");
        assert_eq!(node.briefs(), UNDONE[..2], "the others don't wait for it");
        let both = format!("{}:{}", node.bin_dir().display(), elsewhere.display());
        node.calling("DEL", &pod, &conf).with("CNI_PATH", both).answer().succeeded();
        assert_eq!(node.briefs(), UNDONE);
        nothing_left(&node);
    });
}

/// Everything that ADD read is different now; the record is not.
#[test]
fn del_runs_on_the_bytes_of_add() {
    private(|| {
        let (node, pod, mut conf) = attached();
        conf["delegates"] = json!([node.network("other", "delta")]);
        conf["wasm"] =
            json!({ "catalog": node.path("catalog.json"), "moduleDir": "/none", "cacheDir": "/none" });
        fs::write(node.path("catalog.json"), "not JSON").unwrap();
        fs::write(node.path("manifests/objects.json"), "not JSON").unwrap();
        fs::write(node.path("manifests/broken.yaml"), "a: [").unwrap();
        del(&node, &pod, &conf);
        assert_eq!(node.briefs(), UNDONE);
        assert_eq!(node.recorded()[2].conf()["name"], "list");
        assert!(!node.path("manifests/network-status/ns/web.json").exists(), "the status is withdrawn");
        nothing_left(&node);
    });
}

#[test]
fn del_does_not_need_the_manifests() {
    private(|| {
        let (node, pod, conf) = attached();
        fs::remove_dir_all(node.path("manifests")).unwrap();
        del(&node, &pod, &conf);
        assert_eq!(node.briefs(), UNDONE);
        nothing_left(&node);
    });
}

/// Confs that an ADD would refuse.
#[test]
fn del_does_not_need_a_conf_that_add_would_take() {
    private(|| {
        let changes = [
            json!({ "delegates": [] }),
            json!({ "delegates": [{ "type": "a/b" }] }),
            json!({ "delegates": "gone" }),
            json!({ "clusterNetwork": "calico" }),
            json!({ "exec": { "allow": [], "timeout": "never" } }),
            json!({ "wasm": { "catalog": "relative" } }),
        ];
        let (node, pod, conf) = prepared();
        for change in changes {
            node.add(&pod, &conf).succeeded();
            node.forget_recorded();
            let mut changed = conf.clone();
            let members = change.as_object().unwrap().clone();
            changed.as_object_mut().unwrap().extend(members);
            let answer = node.del(&pod, &changed);
            assert!(answer.is_success(), "{change}: {answer}");
            assert_eq!(node.briefs(), UNDONE, "{change}");
            nothing_left(&node);
        }
    });
}

#[test]
fn no_longer_allowed_to_run_is_still_allowed_to_clean_up() {
    private(|| {
        let (node, pod, mut conf) = attached();
        conf["exec"] = json!({ "allow": [] });
        del(&node, &pod, &conf);
        assert_eq!(node.briefs(), UNDONE);
        nothing_left(&node);
    });
}

#[test]
fn a_del_that_fails_too_long_becomes_a_leftover_that_a_sweep_gives_back() {
    private(|| {
        let (node, pod, conf) = prepared();
        let stuck = node.scratch("stuck");
        let mut conf = conf;
        conf["delegates"][0]["plugins"][0]["misbehave"] =
            json!({ "DEL": { "while": stuck, "fail": { "code": 101, "msg": "no answer" } } });
        node.add(&pod, &conf).succeeded();
        fs::write(&stuck, "").unwrap();
        assert_eq!(node.del(&pod, &conf).error().code, 101);
        assert_eq!(node.del(&pod, &conf).error().code, 101, "while the runtime's retries are worth it");
        begun_long_ago(&node, &pod);

        let answer = node.del(&pod, &conf);
        answer.succeeded();
        assert!(answer.stderr.contains("multusctl journal sweep"), "{answer}");
        let dump = node.dump();
        assert!(!node.record(&pod).exists() && dump.has(&["state/cni/leftover/web@eth0@"]), "{dump}");
        assert!(dump.has(&["state/leases/list,web,eth0"]), "{dump}");
        node.del(&pod, &conf).succeeded();

        assert!(!sweep(&node, &conf), "still no answer");
        assert!(node.dump().has(&["state/cni/leftover/web@eth0@"]));
        fs::remove_file(&stuck).unwrap();
        assert!(sweep(&node, &conf));
        nothing_left(&node);
    });
}

/// The first attempt to undo becomes one of 1970.
fn begun_long_ago(node: &Node, pod: &Pod) {
    let text = fs::read_to_string(node.record(pod)).unwrap();
    let long_ago = record_line(&json!({ "undoing": { "at": 1, "reason": "DEL" } }));
    let lines =
        text.split_inclusive('\n').map(|line| if line.contains(r#"{"undoing""#) { &long_ago } else { line });
    fs::write(node.record(pod), lines.collect::<String>()).unwrap();
}

/// `multusctl journal sweep`; did it give everything back?
fn sweep(node: &Node, conf: &Value) -> bool {
    let file = node.scratch("multus.conf");
    fs::write(&file, conf.to_string()).unwrap();
    let output = Command::new(binaries::multusctl()).args(["journal", "sweep", "--conf"]).arg(file).output();
    let output = output.unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

/// The kubelet has made the pod a new sandbox, and deletes the old one when it comes to that.
#[test]
fn a_late_del_of_an_older_sandbox_leaves_the_status_of_the_newer_one() {
    private(|| {
        let (node, _, conf) = prepared();
        let sandbox = |name: &str| {
            let mut pod = node.pod(name).named("ns", "web");
            pod.args.push_str(";K8S_POD_UID=uid-of-web");
            pod
        };
        let (older, newer) = (sandbox("older"), sandbox("newer"));
        [&older, &newer].iter().for_each(|pod| assert!(node.add(pod, &conf).status.success()));
        let status = Path::new(conf["manifests"].as_str().unwrap()).join("network-status/ns/web.json");
        let of_newer = fs::read(&status).unwrap();
        node.del(&older, &conf).succeeded();
        assert_eq!(fs::read(&status).unwrap(), of_newer);
        node.del(&newer, &conf).succeeded();
        assert!(!status.exists());
        nothing_left(&node);
    });
}
