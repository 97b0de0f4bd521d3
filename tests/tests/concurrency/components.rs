//! Components and binaries at once: one bridge, one range of addresses, one lock.

use std::collections::BTreeSet;
use std::thread;

use multus_tests::{Answer, Module, Node, Pod, effort, ip, private};
use serde_json::{Value, json};

use crate::crowd::Crowd;
use crate::green;

const BRIDGE: [&str; 9] = [
    "links=br-*",
    "defaultRoutes=true",
    "firewall=masquerade",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
    "sysctls=net/ipv6/conf/all/forwarding",
    "ipam=host-local",
];

fn red(node: &Node) -> Value {
    json!({
        "cniVersion": "1.0.0", "name": "red", "type": "bridge", "bridge": "br-red",
        "ipam": { "type": "host-local", "dataDir": node.path("addresses"),
                  "ranges": [[{ "subnet": "10.88.0.0/24" }]] },
    })
}

fn components(node: &Node, folder: &str, addresses: bool) -> Value {
    let store = format!("store={}", node.path("addresses").display());
    let mut modules = vec![Module::delegate("bridge", &BRIDGE)];
    modules.extend(addresses.then(|| Module::delegate("host-local", &[&store])));
    node.modules(folder, &modules)
}

/// A third of the pods by components alone, a third by the component `bridge` with the binary `host-local`, a third by
/// binaries alone.
#[test]
fn components_and_binaries_on_one_bridge_and_one_range() {
    private(|| {
        let node = Node::new();
        if !node.install_reference(&["bridge", "host-local"]) {
            return;
        }
        ip("link add br-red type bridge");
        ip("link set br-red address 02:00:00:00:00:01 up");
        let plain = node.conf(json!([red(&node), green(&node)]));
        let with = |folder, addresses| {
            let mut conf = plain.clone();
            conf["wasm"] = components(&node, folder, addresses);
            conf
        };
        let confs = vec![with("all", true), with("some", false), plain.clone()];
        Crowd::of(node, confs).churns(effort().rounds(4, 15, 1000));
    });
}

#[test]
fn components_of_which_some_are_killed() {
    private(|| {
        let node = Node::new();
        let mut conf = node.conf(json!([red(&node), green(&node)]));
        conf["wasm"] = components(&node, "all", true);
        Crowd::of(node, vec![conf]).with_a_bridge_of_ours().with_kills().churns(effort().rounds(4, 15, 1000));
    });
}

/// Everybody at the same time.
fn all(node: &Node, pods: &[Pod], verb: &str, conf: &Value) -> Vec<Answer> {
    thread::scope(|scope| {
        let calls: Vec<_> = pods.iter().map(|pod| scope.spawn(move || node.call(verb, pod, conf))).collect();
        calls.into_iter().map(|call| call.join().expect("a call ends")).collect()
    })
}

/// A bridge that is not there yet is made once, and every address is given once.
#[test]
fn a_crowd_that_needs_one_bridge_at_the_same_time() {
    private(|| {
        let node = Node::new();
        let mut network = red(&node);
        network["isDefaultGateway"] = json!(true);
        let mut conf = node.conf(json!([network]));
        conf["wasm"] = components(&node, "all", true);
        conf["exec"] = json!({ "allow": [] });
        let pods: Vec<Pod> = (0..64).map(|at| node.pod(&format!("pod-{at:02}"))).collect();
        let before = node.state();
        for round in 0..effort().rounds(1, 2, 50) {
            let answers = all(&node, &pods, "ADD", &conf);
            for answer in &answers {
                answer.succeeded();
            }
            let addresses: BTreeSet<String> =
                answers.iter().map(|answer| answer.result()["ips"][0]["address"].to_string()).collect();
            assert_eq!(addresses.len(), pods.len(), "an address was given twice");
            let dump = node.dump();
            let has = |words: &[&str]| {
                dump.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
            };
            assert_eq!(has(&["netns host: link", "kind bridge"]), 1, "round {round}: {dump}");
            assert_eq!(has(&["netns host: link", "kind veth", "master br-red"]), pods.len(), "round {round}");
            assert_eq!(has(&["netns host: address 10.88.0.1/24 dev br-red"]), 1, "round {round}: {dump}");
            for answer in all(&node, &pods, "DEL", &conf) {
                answer.succeeded();
            }
            let mut garbage = conf.clone();
            garbage["cni.dev/valid-attachments"] = json!([]);
            node.call("GC", &pods[0], &garbage).succeeded();
            let ours = |line: &str| {
                line.contains("/addresses")
                    && (line.starts_with("folder") || line.contains("lock") || line.contains("last_"))
                    || line.contains("/run/multus/ensured")
            };
            let difference = node.state().without(ours).since(&before);
            assert!(difference.is_empty(), "round {round}: the node is not as it was:\n{difference}");
        }
    });
}
