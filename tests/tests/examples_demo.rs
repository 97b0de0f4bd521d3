//! The pods of `examples/demo`, attached by components: real bridges, links, addresses, leases. One network has a binary
//! of this machine in it.

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

use multus_tests::{Answer, Dump, Node, Pod, demo_delegates, private};
use serde_json::{Value, json};

fn example(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo").join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The node of the demo, without its transform and its policy. It has no CNI binary.
fn demo() -> (Node, Value) {
    let node = Node::new();
    let manifests = PathBuf::from("/run/demo/manifests");
    fs::create_dir_all(&manifests).unwrap();
    for file in ["namespaces.yaml", "networks.yaml", "pods.yaml"] {
        fs::write(manifests.join(file), example(file)).unwrap();
    }
    let mut conf: Value = serde_json::from_str(&example("multus.conf")).unwrap();
    conf["binDir"] = json!(node.bin_dir());
    conf["wasm"] = node.modules("wasm", &demo_delegates());
    (node, conf)
}

/// What stays on purpose: bridges with their gateways and routes, host-local's memory of the last address, locks.
fn lasting(line: &str) -> bool {
    let shared = ["demo0", "demo-storage", "demo-database", "last_reserved_ip", "/lock (", "/ensured.lock ("];
    line.starts_with("folder ") || shared.iter().any(|word| line.contains(word))
}

fn state(node: &Node) -> Dump {
    node.state().without(lasting)
}

fn status(pod: &str) -> Vec<Value> {
    let file = format!("/run/demo/manifests/network-status/team-red/{pod}.json");
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn has_all(dump: &Dump, rows: &[&[&str]]) {
    for words in rows {
        assert!(dump.has(words), "{words:?} is not in\n{dump}");
    }
}

fn attached(node: &Node, name: &str, conf: &Value) -> (Pod, Answer) {
    let pod = node.pod(name).named("team-red", name);
    let answer = node.add(&pod, conf);
    answer.succeeded();
    (pod, answer)
}

#[test]
fn web_gets_the_default_network_and_two_by_name() {
    private(|| {
        let (node, conf) = demo();
        let before = state(&node);
        let (pod, answer) = attached(&node, "web", &conf);
        let result = answer.result();
        assert_eq!(result["cniVersion"], "1.0.0");
        assert_eq!(result["ips"][0]["address"], "10.90.0.2/24");
        assert_eq!(result["interfaces"].as_array().unwrap().last().unwrap()["name"], "eth0");
        let dump = node.dump();
        has_all(
            &dump,
            &[
                &["netns web: link eth0 kind veth", "UP"],
                &["netns web: link net1 kind veth", "UP"],
                &["netns web: link net2 kind veth", "UP"],
                &["netns web: address 10.90.0.2/24 dev eth0"],
                &["netns web: address 10.91.0.10/24 dev net1"],
                &["netns web: address 10.92.0.2/24 dev net2"],
                &["netns web: route", "default", "10.90.0.1"],
                &["netns web: route", "10.191.0.0/16", "10.91.0.1"],
                &["netns host: link demo-storage kind bridge"],
                &["file /run/demo/leases/storage/10.91.0.10", "net1"],
            ],
        );
        node.del(&pod, &conf).succeeded();
        let after = state(&node).without(|line| line.contains("netns web:"));
        after.must_equal(&before);
        assert!(!node.dump().has(&["netns web: link", "veth"]));
    });
}

#[test]
fn the_network_status_tells_what_each_interface_has() {
    private(|| {
        let (node, conf) = demo();
        attached(&node, "web", &conf);
        let status = status("web");
        let short = |index: usize| {
            let entry = &status[index];
            json!([entry["name"], entry["interface"], entry["ips"], entry["default"]])
        };
        assert_eq!(short(0), json!(["cluster", "eth0", ["10.90.0.2"], true]));
        assert_eq!(short(1), json!(["team-red/storage", "net1", ["10.91.0.10"], false]));
        assert_eq!(short(2), json!(["team-red/metrics", "net2", ["10.92.0.2"], false]));
        let dump = node.dump();
        for entry in &status {
            let (interface, mac) = (entry["interface"].as_str().unwrap(), entry["mac"].as_str().unwrap());
            assert!(dump.has(&[&format!("netns web: link {interface} "), mac]), "{entry} in\n{dump}");
        }
    });
}

#[test]
fn db_chooses_its_names_address_and_mac() {
    private(|| {
        let (node, conf) = demo();
        let (pod, _) = attached(&node, "db", &conf);
        has_all(
            &node.dump(),
            &[
                &["netns db: link store0 kind veth"],
                &["netns db: link db0 kind veth", "address 0a:58:0a:5d:00:0a"],
                &["netns db: address 10.93.0.10/24 dev db0"],
            ],
        );
        let mut checked = conf.clone();
        checked["prevResult"] = json!({ "cniVersion": "1.0.0" });
        node.check(&pod, &checked).succeeded();
        multus_tests::ip("-n db addr flush dev db0");
        let error = node.check(&pod, &checked).error();
        assert!(error.msg.contains("team-red/database (db0)"), "{error:?}");
        node.del(&pod, &conf).succeeded();
        assert!(!node.dump().has(&["netns db: link", "veth"]), "{}", node.dump());
    });
}

#[test]
fn a_namespace_that_is_gone_still_gives_its_addresses_back() {
    private(|| {
        let (node, conf) = demo();
        let before = state(&node);
        let (pod, _) = attached(&node, "web", &conf);
        node.remove_netns("web");
        node.del(&pod, &conf).succeeded();
        state(&node).must_equal(&before);
    });
}

#[test]
fn the_last_network_fails_and_the_others_are_taken_back() {
    private(|| {
        let (node, mut conf) = demo();
        let path = PathBuf::from("/run/demo/manifests/networks.yaml");
        // Every address of the second network's range is somebody else's.
        let text = example("networks.yaml").replace(
            "\"10.92.0.0/24\"",
            "\"10.92.0.0/24\", \"rangeStart\": \"10.92.0.9\", \"rangeEnd\": \"10.92.0.9\"",
        );
        fs::write(path, text).unwrap();
        fs::create_dir_all("/run/demo/leases/metrics").unwrap();
        fs::write("/run/demo/leases/metrics/10.92.0.9", "other\r\neth0").unwrap();
        conf["exec"] = json!({ "timeout": "20s" });
        let pod = node.pod("web").named("team-red", "web");
        let before = state(&node);
        let error = node.add(&pod, &conf).error();
        for word in ["team-red/web", "team-red/metrics (net2)", "ptp"] {
            assert!(error.msg.contains(word), "{word} in {error:?}");
        }
        state(&node).must_equal(&before);
    });
}

#[test]
fn batch_has_a_network_by_a_component_and_a_binary() {
    private(|| {
        let (node, conf) = demo();
        if !node.install_reference(&["tuning"]) {
            return;
        }
        let before = state(&node);
        let (pod, _) = attached(&node, "batch", &conf);
        has_all(
            &node.dump(),
            &[
                &["netns batch: link net1 kind veth", "ALLMULTI"],
                &["netns batch: address 10.94.0.2/24 dev net1"],
                &["file /run/demo/cni/results/tuned-batch-net1"],
            ],
        );
        node.del(&pod, &conf).succeeded();
        state(&node).without(|line| line.contains("netns batch:")).must_equal(&before);
        assert!(!node.dump().has(&["netns batch: link", "veth"]), "{}", node.dump());
    });
}
