//! The harness itself, tested on plugins that are not ours: what judges others has to be able to fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::panic::catch_unwind;
use std::time::Duration;

use multus_tests::{NULL, Node, RECORDING, binaries, left_out, private};
use serde_json::{Value, json};

fn recording_node() -> Node {
    let node = Node::judging(&binaries::delegate(RECORDING));
    node.install("ipam", RECORDING);
    node
}

fn conf(node: &Node, misbehave: Value) -> Value {
    let mut conf =
        json!({ "cniVersion": "1.0.0", "name": "red", "type": RECORDING, "recording": node.recording() });
    conf["misbehave"] = misbehave;
    conf
}

#[test]
fn a_lease_is_taken_once_checked_and_given_back() {
    private(|| {
        let node = recording_node();
        let (pod, conf) = (node.pod("web"), conf(&node, json!({})));
        let before = node.dump();
        let result = node.add(&pod, &conf).result();
        assert_eq!(result, json!({ "cniVersion": "1.0.0", "ips": [{ "address": "192.0.2.1/24" }] }));
        assert!(node.dump().has(&["file state/leases/red,web,eth0"]), "{}", node.dump());
        assert_eq!(node.add(&pod, &conf).error().code, 100);

        let mut later = conf.clone();
        later["prevResult"] = result;
        node.check(&pod, &later).succeeded();
        node.del(&pod, &later).succeeded();
        node.del(&pod, &later).succeeded();
        assert_eq!(node.check(&pod, &later).error().code, 101);
        node.dump().must_equal(&before);

        let verbs: Vec<_> = node.recorded().iter().map(|call| call.verb.clone()).collect();
        assert_eq!(verbs, ["ADD", "ADD", "CHECK", "DEL", "DEL", "CHECK"]);
        assert_eq!(node.recorded()[0].conf(), conf);
        assert_eq!(node.recorded()[0].variable("CNI_NETNS"), "/run/netns/web");
    });
}

#[test]
fn garbage_collection_spares_the_valid_and_other_networks() {
    private(|| {
        let node = recording_node();
        let mut conf = conf(&node, json!({}));
        for name in ["a", "b"] {
            node.add(&node.pod(name), &conf).succeeded();
        }
        conf["name"] = json!("blue");
        node.add(&node.pod("c"), &conf).succeeded();
        conf["name"] = json!("red");
        conf["cni.dev/valid-attachments"] = json!([{ "containerID": "b", "ifname": "eth0" }]);
        node.call("GC", &node.pod("d"), &conf).succeeded();
        let dump = node.dump();
        assert!(dump.has(&["leases/red,b,eth0"]) && dump.has(&["leases/blue,c,eth0"]), "{dump}");
        assert!(!dump.has(&["leases/red,a,eth0"]), "{dump}");
    });
}

#[test]
fn with_a_link_its_result_names_it() {
    private(|| {
        let node = recording_node();
        let mut conf = conf(&node, json!({}));
        conf["link"] = json!(true);
        let pod = node.pod("web");
        let before = node.dump();
        let result = node.add(&pod, &conf).result();
        assert_eq!(result["interfaces"], json!([{ "name": "eth0", "sandbox": "/run/netns/web" }]));
        assert!(node.dump().has(&["netns web: link eth0"]));
        node.del(&pod, &conf).succeeded();
        node.dump().must_equal(&before);
    });
}

#[test]
fn it_misbehaves_as_told() {
    private(|| {
        let node = recording_node();
        let pod = node.pod("web");
        let add = |order: Value| {
            let answer = node.add(&pod, &conf(&node, json!({ "ADD": order })));
            node.del(&pod, &conf(&node, json!({}))).succeeded();
            answer
        };
        assert_eq!(add(json!({ "fail": { "code": 11, "msg": "later" } })).error().msg, "later");
        assert_eq!(add(json!({ "print": "garbage" })).stdout, b"garbage");
        assert_eq!(add(json!({ "print": "" })).stdout, b"");
        assert_eq!(add(json!({ "exit": 3, "print": "?" })).status.code(), Some(3));
        assert_eq!(add(json!({ "flood": 100_000 })).stdout.len(), 100_000);
        assert!(add(json!({ "sleepMs": 50 })).took >= Duration::from_millis(50));
        assert!(add(json!({ "stderr": "hello" })).stderr.contains("hello"));
        assert!(add(json!({ "signal": 9 })).try_error().is_err());
        assert!(add(json!({ "while": "/no/such/file", "fail": {} })).is_success());
    });
}

#[test]
fn a_failure_after_the_work_leaves_the_lease() {
    private(|| {
        let node = recording_node();
        let answer =
            node.add(&node.pod("web"), &conf(&node, json!({ "ADD": { "when": "after", "fail": {} } })));
        assert_eq!(answer.error().code, 100);
        assert!(node.dump().has(&["file state/leases/red,web,eth0"]));
    });
}

#[test]
fn a_call_can_be_killed_on_its_way() {
    private(|| {
        let node = recording_node();
        let (pod, here) = (node.pod("web"), node.scratch("here"));
        let conf = conf(&node, json!({ "ADD": { "when": "after", "touch": here, "hang": true } }));
        let mut call = node.calling("ADD", &pod, &conf).start();
        while !here.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        call.kill();
        assert!(!call.wait().is_success());
        assert!(node.dump().has(&["file state/leases/red,web,eth0"]));
    });
}

#[test]
fn the_floor_does_nothing_in_the_version_it_is_asked_in() {
    private(|| {
        let node = Node::judging(&binaries::delegate(NULL));
        let pod = node.pod("web");
        for version in ["0.2.0", "0.4.0", "1.1.0"] {
            let conf = json!({ "cniVersion": version, "name": "n", "type": NULL });
            let before = node.dump();
            assert_eq!(node.add(&pod, &conf).result(), json!({ "cniVersion": version }));
            for verb in ["DEL", "CHECK", "STATUS", "GC"] {
                assert!(node.call(verb, &pod, &conf).succeeded().stdout.is_empty(), "{verb}");
            }
            assert_eq!(node.call("VERSION", &pod, &conf).result()["cniVersion"], version);
            node.dump().must_equal(&before);
        }
    });
}

#[test]
fn a_real_bridge_is_seen_by_the_judge() {
    private(|| {
        let Some(folder) = binaries::reference_plugins() else {
            return left_out("there are no reference CNI plugins on this machine");
        };
        let node = Node::judging(&folder.join("bridge"));
        if !node.install_reference(&["host-local"]) {
            return;
        }
        let conf = json!({
            "cniVersion": "1.0.0", "name": "red", "type": "bridge", "bridge": "br0", "isGateway": true,
            "ipam": { "type": "host-local", "dataDir": node.path("leases"),
                      "ranges": [[{ "subnet": "10.9.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] },
        });
        // The bridge itself stays: the second pod comes and goes without a trace.
        node.add(&node.pod("first"), &conf).succeeded();
        let pod = node.pod("web");
        let before = node.dump();
        node.add(&pod, &conf).succeeded();
        let during = node.dump();
        assert!(during.has(&["netns web: link eth0 kind veth"]), "{during}");
        assert!(during.has(&["netns web: address 10.9.0.3/24 dev eth0"]), "{during}");
        assert!(during.has(&["netns web: route dst default"]), "{during}");
        assert!(during.has(&["file state/leases/red/10.9.0.3", "web"]), "{during}");
        node.del(&pod, &conf).succeeded();
        let lease_pointer = |line: &str| line.contains("last_reserved_ip");
        node.dump().without(lease_pointer).must_equal(&before.without(lease_pointer));
    });
}

#[test]
fn a_failure_inside_is_a_failure_outside() {
    let inside = std::env::var_os("MULTUS_TESTS_PRIVATE").is_some();
    let result = catch_unwind(|| private(|| assert_eq!(1, 2, "on purpose, to see that it is noticed")));
    assert!(result.is_err());
    // The process inside has to fail for the one outside to see it.
    assert!(!inside, "on purpose: the end of the test inside");
}
