//! Pods that get what they asked for: names, versions, arguments, results, in the eyes of their delegates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use multus_tests::{Node, Pod, network_object, pod_object, private};
use serde_json::{Value, json};

/// A node with one pod `ns/web` that asks for `networks`, and `red` and `blue` to choose from.
fn with_pod(networks: &str) -> (Node, Pod, Value) {
    let node = Node::new();
    let mut conf = node.conf(json!([node.network("default", "alpha")]));
    let objects = [
        pod_object("ns", "web", networks),
        network_object("ns", "red", &node.network("red", "beta")),
        network_object("ns", "blue", &node.network("blue", "gamma")),
    ];
    conf["manifests"] = json!(node.manifests(&objects));
    let pod = node.pod("sandbox").named("ns", "web");
    (node, pod, conf)
}

fn status(node: &Node) -> Option<Value> {
    let text = fs::read(node.path("manifests/network-status/ns/web.json")).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

#[test]
fn networks_come_in_the_order_of_conf_and_annotation_and_go_in_reverse() {
    private(|| {
        let (node, pod, conf) = with_pod("red, blue@data0");
        let before = node.state();
        let result = node.add(&pod, &conf).result();
        assert_eq!(result, json!({ "cniVersion": "1.1.0", "ips": [{ "address": "192.0.2.1/24" }] }));
        assert_eq!(node.briefs(), ["ADD alpha eth0", "ADD beta net1", "ADD gamma data0"]);
        assert_eq!(
            status(&node).unwrap(),
            json!([
                { "name": "default", "interface": "eth0", "ips": ["192.0.2.1"], "default": true },
                { "name": "ns/red", "interface": "net1", "ips": ["192.0.2.1"], "default": false },
                { "name": "ns/blue", "interface": "data0", "ips": ["192.0.2.1"], "default": false },
            ])
        );
        node.forget_recorded();
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["DEL gamma data0", "DEL beta net1", "DEL alpha eth0"]);
        node.state().must_equal(&before);
    });
}

#[test]
fn every_delegate_gets_the_runtimes_words() {
    private(|| {
        let (node, pod, conf) = with_pod("red");
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        for call in node.recorded() {
            assert_eq!(call.variable("CNI_CONTAINERID"), "sandbox", "{call:?}");
            assert_eq!(call.variable("CNI_NETNS"), "/run/netns/sandbox", "{call:?}");
            assert_eq!(call.variable("CNI_ARGS"), pod.args, "{call:?}");
            assert_eq!(call.variable("CNI_PATH"), node.bin_dir().to_str().unwrap(), "{call:?}");
        }
        let [default, red] = [&node.recorded()[0], &node.recorded()[1]];
        assert_eq!(default.conf(), node.network("default", "alpha"));
        assert_eq!(red.conf(), node.network("red", "beta"));
    });
}

#[test]
fn a_lists_plugins_hand_their_results_on() {
    private(|| {
        let node = Node::new();
        let (mut first, mut second) = (node.plugin("alpha"), node.plugin("beta"));
        // One lease a network: the list has two plugins.
        second["recording"]["leases"] = json!(node.path("leases-of-beta"));
        first["address"] = json!("10.0.0.5/24");
        let mut changed = json!({ "cniVersion": "1.0.0", "ips": [{ "address": "10.0.0.5/24" }] });
        let own = changed.clone();
        changed["dns"] = json!({ "nameservers": ["10.0.0.1"] });
        second["result"] = changed.clone();
        let list = json!({ "cniVersion": "1.0.0", "name": "list", "plugins": [first, second] });
        let (pod, conf) = (node.pod("web"), node.conf(json!([list])));

        let before = node.state();
        let result = node.add(&pod, &conf).result();
        assert_eq!(result["dns"], changed["dns"]);
        node.del(&pod, &conf).succeeded();
        node.state().must_equal(&before);
        assert_eq!(node.briefs(), ["ADD alpha eth0", "ADD beta eth0", "DEL beta eth0", "DEL alpha eth0"]);
        let previous: Vec<_> = node.recorded().iter().map(|call| call.conf()["prevResult"].clone()).collect();
        assert_eq!(previous, [Value::Null, own, changed.clone(), changed]);
        let named = node.recorded().iter().all(|call| call.conf()["name"] == "list");
        assert!(named, "name and version are put into each plugin's configuration");
    });
}

const VERSIONS: [&str; 5] = ["0.1.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// The address of a result, wherever its version keeps it.
fn address(result: &Value) -> &Value {
    match result["cniVersion"].as_str() {
        Some("0.1.0") => &result["ip4"]["ip"],
        _ => &result["ips"][0]["address"],
    }
}

#[test]
fn every_outer_version_goes_with_every_inner_version() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web");
        let before = node.state();
        for outer in VERSIONS {
            for inner in VERSIONS {
                let mut network = node.network("red", "alpha");
                network["cniVersion"] = json!(inner);
                let mut conf = node.conf(json!([network]));
                conf["cniVersion"] = json!(outer);
                node.forget_recorded();
                let result = node.add(&pod, &conf).result();
                assert_eq!(result["cniVersion"], outer, "{inner} in {outer}: {result}");
                assert_eq!(address(&result), "192.0.2.1/24", "{inner} in {outer}: {result}");
                let marked = result["ips"][0]["version"] == "4";
                assert_eq!(marked, matches!(outer, "0.3.1" | "0.4.0"), "{inner} in {outer}: {result}");
                node.del(&pod, &conf).succeeded();
                let calls = node.recorded();
                assert!(calls.iter().all(|call| call.conf()["cniVersion"] == inner), "{calls:?}");
                let given = !calls[1].conf()["prevResult"].is_null();
                assert_eq!(given, inner >= "0.4.0", "DEL knows prevResult from 0.4.0 on: {inner}");
                node.state().must_equal(&before);
            }
        }
    });
}

#[test]
fn the_runtimes_capabilities_are_for_the_default_network_alone() {
    private(|| {
        let (node, pod, mut conf) = with_pod("red");
        let mut networks = [node.network("default", "alpha"), node.network("red", "beta")];
        for network in &mut networks {
            network["capabilities"] = json!({ "portMappings": true, "dns": false });
        }
        let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
        conf["delegates"] = json!([networks[0]]);
        conf["capabilities"] = json!({ "portMappings": true });
        conf["runtimeConfig"] = json!({ "portMappings": ports, "dns": { "servers": [] } });
        node.manifests(&[pod_object("ns", "web", "red"), network_object("ns", "red", &networks[1])]);
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        let seen: Vec<_> = node.recorded().iter().map(|call| call.conf()["runtimeConfig"].clone()).collect();
        let offered = json!({ "portMappings": ports });
        assert_eq!(seen, [offered.clone(), Value::Null, Value::Null, offered]);
    });
}

#[test]
fn what_a_selection_asks_for_goes_to_its_network_alone() {
    private(|| {
        let selection = json!([
            { "name": "red", "ips": ["10.1.0.5/24"], "mac": "02:00:00:00:00:05",
              "cni-args": { "rack": "7" }, "deviceID": "0000:81:00.1" },
            { "name": "blue" },
        ]);
        let (node, pod, conf) = with_pod(&selection.to_string());
        let mut red = node.network("red", "beta");
        red["capabilities"] = json!({ "ips": true, "mac": true });
        red["args"] = json!({ "cni": { "rack": "1", "row": "2" } });
        let objects = [
            pod_object("ns", "web", &selection.to_string()),
            network_object("ns", "red", &red),
            network_object("ns", "blue", &node.network("blue", "gamma")),
        ];
        node.manifests(&objects);
        node.add(&pod, &conf).succeeded();
        let seen = node.recorded()[1].conf();
        assert_eq!(seen["runtimeConfig"], json!({ "ips": ["10.1.0.5/24"], "mac": "02:00:00:00:00:05" }));
        assert_eq!(seen["args"]["cni"], json!({ "rack": "7", "row": "2" }));
        assert_eq!([&seen["deviceID"], &seen["pciBusID"]], ["0000:81:00.1", "0000:81:00.1"]);
        for other in [0, 2] {
            let seen = node.recorded()[other].conf();
            assert!(["runtimeConfig", "args", "deviceID"].iter().all(|key| seen[key].is_null()), "{seen}");
        }
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.recorded()[4].conf()["runtimeConfig"]["mac"], "02:00:00:00:00:05");
    });
}

/// Delegates of the conf (`!` marks the master), annotation, links that are there already, and the interfaces in
/// the order in which they are made, or what the refusal says.
type Naming =
    (&'static [&'static str], &'static str, &'static str, Result<&'static [&'static str], &'static str>);

const NAMES: &[Naming] = &[
    (&["a"], "", "", Ok(&["a eth0"])),
    (&["a", "b"], "red", "", Ok(&["a eth0", "b net1", "red net2"])),
    (&["a", "!b"], "red,blue", "", Ok(&["b eth0", "a net0", "red net1", "blue net2"])),
    (&["!a", "b", "c"], "", "", Ok(&["a eth0", "b net0", "c net1"])),
    (&["a"], "red@north,blue", "", Ok(&["a eth0", "red north", "blue net2"])),
    (&["a"], "red,red", "", Ok(&["a eth0", "red net1", "red net2"])),
    (&["a"], "red@net2,blue", "", Err("both want the interface `net2`")),
    (&["a"], "red@eth0", "", Err("both want the interface `eth0`")),
    (&["a"], "red", "net1", Err("already has a link `net1`")),
    (&["a"], "", "eth0", Err("already has a link `eth0`")),
    (&["!a", "!b"], "", "", Err("a second `masterplugin`")),
    (&["a"], "red@much-too-long-a-name", "", Err("much-too-long-a-name")),
    (&["a"], "green", "", Err("green")),
    (&["a"], "red@", "", Err("networks")),
];

fn named_delegate(node: &Node, name: &str) -> Value {
    let mut network = node.network(name.trim_start_matches('!'), name.trim_start_matches('!'));
    // Two attachments of one network have two leases.
    network.as_object_mut().unwrap().remove("recording");
    network["recording"] = node.recording();
    if name.starts_with('!') {
        network["masterplugin"] = json!(true);
    }
    network
}

fn naming(row: usize, (delegates, annotation, links, expected): &Naming) {
    let node = Node::new();
    let sandbox = format!("row-{row}");
    let delegates: Vec<_> = delegates.iter().map(|name| named_delegate(&node, name)).collect();
    let mut conf = node.conf(json!(delegates));
    let networks = ["red", "blue"].map(|name| network_object("ns", name, &node.network(name, name)));
    conf["manifests"] =
        json!(node.manifests(&[&[pod_object("ns", "web", annotation)], &networks[..]].concat()));
    let pod = node.pod(&sandbox).named("ns", "web");
    for link in links.split_whitespace() {
        multus_tests::ip(&format!("-n {sandbox} link add {link} type bridge"));
    }
    let before = node.state();
    let answer = node.add(&pod, &conf);
    let seen: Vec<_> =
        node.briefs().iter().filter_map(|call| call.strip_prefix("ADD ").map(str::to_owned)).collect();
    match expected {
        Ok(names) => {
            answer.succeeded();
            assert_eq!(&seen, names, "row {row}");
            let told = node.recorded().iter().any(|call| call.stdin.contains("masterplugin"));
            assert!(!told, "row {row}: masterplugin is not passed on");
            node.del(&pod, &conf).succeeded();
        }
        Err(text) => {
            let error = answer.error();
            assert!(error.msg.contains(text), "row {row}: {error:?}");
            assert!(seen.is_empty(), "row {row}: refused before anything ran, but {seen:?}");
            node.state().must_equal(&before);
        }
    }
}

#[test]
fn interface_names_are_planned_before_anything_runs() {
    private(|| NAMES.iter().enumerate().for_each(|(row, naming_row)| naming(row, naming_row)));
}

#[test]
fn confs_without_name_and_version_get_those_of_the_outer_one() {
    private(|| {
        let node = Node::new();
        let mut conf = node.conf(json!([node.plugin("alpha"), { "plugins": [node.plugin("beta")] }]));
        conf["cniVersion"] = json!("0.4.0");
        let pod = node.pod("web");
        node.add(&pod, &conf).succeeded();
        let seen: Vec<_> = node
            .recorded()
            .iter()
            .map(|call| [call.conf()["name"].clone(), call.conf()["cniVersion"].clone()])
            .collect();
        assert_eq!(seen, [["node-alpha", "0.4.0"], ["node-list", "0.4.0"]].map(|row| row.map(Value::from)));
    });
}

#[test]
fn a_definition_without_name_gets_the_objects() {
    private(|| {
        let (node, pod, mut conf) = with_pod("plain");
        let objects = [pod_object("ns", "web", "plain"), network_object("ns", "plain", &node.plugin("beta"))];
        conf["manifests"] = json!(node.manifests(&objects));
        node.add(&pod, &conf).succeeded();
        let seen = node.recorded()[1].conf();
        assert_eq!([&seen["name"], &seen["cniVersion"]], ["plain", "1.1.0"]);
        assert_eq!(status(&node).unwrap()[1]["name"], "ns/plain");
    });
}
