//! The configurations of the 2018 README, as they stand in `examples/2018`.

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

use multus_tests::{Node, private};
use serde_json::{Value, json};

/// The example, with this node's folders beside what it says.
fn example(node: &Node, name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/2018").join(name);
    let mut conf: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    conf["cniDir"] = json!(node.cni_dir());
    conf["binDir"] = json!(node.bin_dir());
    conf
}

#[test]
fn the_master_stands_last_and_is_eth0() {
    private(|| {
        let node = Node::new();
        if !node.install_reference(&["bridge", "ptp", "host-local"]) {
            return;
        }
        let (pod, conf) = (node.pod("demo"), example(&node, "multus-demo-network.conf"));
        let result = node.add(&pod, &conf).result();
        // No version anywhere: the first there was.
        assert_eq!(result["cniVersion"], "0.1.0", "{result}");
        assert_eq!(result["ip4"]["ip"], "10.244.1.2/24", "{result}");
        let dump = node.dump();
        for words in [
            ["netns demo: address 10.244.1.2/24 dev eth0", ""],
            ["netns demo: address 10.56.217.131/24 dev net0", ""],
            ["netns demo: address 10.168.1.11/24 dev net1", ""],
            ["netns demo: route dst default", "10.244.1.1"],
            ["netns demo: route dst 10.156.0.0/16", "dev net0"],
            ["netns demo: route dst 10.168.0.0/16", "dev net1"],
        ] {
            assert!(dump.has(&words), "{words:?} is not in\n{dump}");
        }
        node.del(&pod, &conf).succeeded();
        let dump = node.dump();
        assert!(!dump.has(&["netns demo: link", "veth"]) && !dump.has(&["2018", "demo\r\n"]), "{dump}");
    });
}

#[test]
fn a_node_with_the_default_delegate_alone() {
    private(|| {
        let node = Node::new();
        if !node.install_reference(&["bridge", "host-local"]) {
            return;
        }
        let conf = example(&node, "node-cni-network.conf");
        for (name, address) in [("a", "10.32.0.2/24"), ("b", "10.32.0.3/24")] {
            let result = node.add(&node.pod(name), &conf).result();
            assert_eq!(result["ip4"]["ip"], address, "{result}");
        }
        let port = |line: &&str| line.contains("netns host: link veth") && line.contains("master node0");
        assert_eq!(node.dump().lines().filter(port).count(), 2, "{}", node.dump());
    });
}

/// The same with delegates that tell what they saw.
#[test]
fn delegates_of_2018_see_names_of_the_outer_network_and_no_masterplugin() {
    private(|| {
        let node = Node::new();
        let mut conf = example(&node, "multus-demo-network.conf");
        for delegate in conf["delegates"].as_array_mut().unwrap() {
            let seen = node.plugin(delegate["type"].as_str().unwrap());
            delegate["recording"] = seen["recording"].clone();
        }
        let pod = node.pod("demo");
        // Two delegates of one type share a name, and then a lease would be taken twice.
        conf["delegates"][0]["name"] = json!("south");
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD bridge eth0", "ADD bridge net0", "ADD ptp net1"]);
        let calls = node.recorded();
        let names: Vec<_> = calls.iter().map(|call| call.conf()["name"].clone()).collect();
        assert_eq!(names, ["multus-demo-network-bridge", "south", "multus-demo-network-ptp"]);
        assert!(calls.iter().all(|call| !call.stdin.contains("masterplugin")), "{calls:?}");
        node.del(&pod, &conf).succeeded();
    });
}
