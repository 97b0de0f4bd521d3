//! The configurations and objects of the 2018 README, as they stand in `examples/2018`. Plugins that this machine
//! does not have (`sriov`, `flannel`, `weave-net`) are played by the recording delegate under their names.

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

use multus_tests::{Credential, Node, Pod, TestApiServer, binaries, private};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/2018")
}

/// The example, with this node's folders beside what it says.
fn example(node: &Node, name: &str) -> Value {
    let mut conf: Value = serde_json::from_slice(&fs::read(folder().join(name)).unwrap()).unwrap();
    conf["cniDir"] = json!(node.cni_dir());
    conf["binDir"] = json!(node.bin_dir());
    conf
}

/// The manifest's text. The delegates that play an object's plugin tell what they saw.
fn manifest(node: &Node, name: &str) -> String {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    match text.split_once("\nargs:") {
        None => text,
        Some((before, args)) => {
            let recording = format!("{{ \"recording\": {},", node.recording());
            format!("{before}\nargs:{}", args.replacen('{', &recording, 1))
        }
    }
}

/// The manifests in a folder that takes the cluster's place, and a conf that looks there.
fn with_manifests(node: &Node, conf: &str, manifests: &[&str]) -> Value {
    let shelf = node.path("manifests");
    fs::create_dir_all(&shelf).unwrap();
    for name in manifests {
        fs::write(shelf.join(name), manifest(node, name)).unwrap();
    }
    let mut conf = example(node, conf);
    conf.as_object_mut().unwrap().remove("kubeconfig");
    conf["manifests"] = json!(shelf);
    conf
}

/// The delegates of a conf, played.
fn play(node: &Node, conf: &mut Value) {
    for delegate in conf["delegates"].as_array_mut().unwrap() {
        let seen = node.plugin(delegate["type"].as_str().unwrap());
        delegate["recording"] = seen["recording"].clone();
    }
}

fn play_plugins(node: &Node, names: &[&str]) {
    names.iter().for_each(|name| drop(node.plugin(name)));
}

/// The pod is refused with these words before anything ran.
fn refused(node: &Node, pod: &Pod, conf: &Value, words: &[&str]) {
    let error = node.add(pod, conf).error();
    let said = format!("{} {}", error.msg, error.details);
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
    assert!(node.briefs().is_empty(), "{:?}", node.briefs());
}

const OBJECTS: &[&str] =
    &["flannel-network.yaml", "sriov-network.yaml", "sriov-vlanid-l2enable-network.yaml"];
const DEFINITIONS: &[&str] = &["crdnetwork.yaml", "tprnetwork.yaml"];

#[test]
fn validate_finds_nothing_wrong_with_any_file() {
    let names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 16, "{names:?}");
    for name in names {
        let output =
            Command::new(binaries::multusctl()).arg("validate").arg(folder().join(&name)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && !said.contains("error:"), "{name}: {said}");
        assert!(said.is_empty() || name.starts_with("kubeconfig"), "{name}: {said}");
    }
}

/// What the README's listing shows: the first object is `eth0`, the others count from `net0`.
#[test]
fn the_readmes_pod_gets_its_three_networks() {
    private(|| {
        let node = Node::new();
        let files = [DEFINITIONS, OBJECTS, &["pod-multi-network.yaml"]].concat();
        let conf = with_manifests(&node, "kubeconfig.conf", &files);
        play_plugins(&node, &["flannel", "sriov"]);
        let pod = node.pod("poc").named("default", "multus-multi-net-poc");
        let before = node.state();
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD flannel eth0", "ADD sriov net0", "ADD sriov net1"]);
        let mut seen: Vec<Value> = node.recorded().iter().map(multus_tests::Recorded::conf).collect();
        seen.iter_mut().for_each(|conf| drop(conf.as_object_mut().unwrap().remove("recording")));
        assert_eq!(
            seen[0],
            json!({ "name": "flannel-conf", "cniVersion": "0.1.0", "type": "flannel",
                    "delegate": { "isDefaultGateway": true } })
        );
        assert_eq!([&seen[1]["name"], &seen[1]["if0"]], ["sriov-conf", "enp12s0f1"]);
        assert_eq!(seen[1]["ipam"]["rangeStart"], "10.56.217.171");
        assert_eq!(
            seen[2],
            json!({ "name": "sriov-vlanid-l2enable-conf", "cniVersion": "0.1.0", "type": "sriov",
                    "if0": "enp2s0", "vlan": 210, "if0name": "north", "l2enable": true })
        );
        let status =
            fs::read(node.path("manifests/network-status/default/multus-multi-net-poc.json")).unwrap();
        let status: Value = serde_json::from_slice(&status).unwrap();
        let told: Vec<_> =
            status.as_array().unwrap().iter().map(|one| json!([one["name"], one["default"]])).collect();
        assert_eq!(told[0], json!(["default/flannel-conf", true]));
        assert_eq!(told[1], json!(["default/sriov-conf", false]));
        node.forget_recorded();
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["DEL sriov net1", "DEL sriov net0", "DEL flannel eth0"]);
        node.state().must_equal(&before);
    });
}

/// The same with the conf as it is, and an API server at the end of its kubeconfig.
#[test]
fn the_readmes_pod_is_looked_up_at_the_api_server() {
    private(|| {
        let node = Node::new();
        let api = TestApiServer::http();
        for name in OBJECTS.iter().chain(&["pod-multi-network.yaml"]) {
            api.load_yaml(&manifest(&node, name));
        }
        play_plugins(&node, &["flannel", "sriov"]);
        let kubeconfig = node.scratch("node-kubeconfig.yaml");
        fs::write(&kubeconfig, api.kubeconfig(Credential::None)).unwrap();
        let mut conf = example(&node, "kubeconfig.conf");
        conf["kubeconfig"] = json!(kubeconfig);
        let pod = node.pod("poc").named("default", "multus-multi-net-poc");
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD flannel eth0", "ADD sriov net0", "ADD sriov net1"]);
        let mut asked: Vec<_> = api.requests().into_iter().map(|request| request.brief).collect();
        asked.retain(|brief| brief.starts_with("GET networks"));
        asked.sort();
        let objects = ["flannel-conf", "sriov-conf", "sriov-vlanid-l2enable-conf"];
        assert!(
            asked.iter().zip(objects).all(|(brief, name)| brief.ends_with(&format!("default/{name}"))),
            "{asked:?}"
        );
        assert_eq!(asked.len(), 3, "each once: {asked:?}");
        api.forget_requests();
        node.del(&pod, &conf).succeeded();
        assert_eq!(api.briefs(), [""; 0], "a DEL asks nobody");
    });
}

#[test]
fn an_object_is_read_the_same_as_written_and_as_stored() {
    private(|| {
        for (written, stored) in [
            ("flannel-networkobj.yaml", "flannel-networkobj.stored.yaml"),
            ("flannel-network.yaml", "flannel-network.stored.yaml"),
        ] {
            let seen = [written, stored].map(|file| {
                let node = Node::new();
                let conf = with_manifests(&node, "kubeconfig.conf", &[file, "pod-multi-network.yaml"]);
                play_plugins(&node, &["flannel"]);
                let name = if file.contains("obj") { "flannel-networkobj" } else { "flannel-conf" };
                let shelf = node.path("manifests/pod-multi-network.yaml");
                let text = fs::read_to_string(&shelf).unwrap();
                let (before, after) = (text.find('[').unwrap(), text.rfind("]\nspec").unwrap());
                let one = format!("[ {{ \"name\": \"{name}\" }} ");
                fs::write(&shelf, format!("{}{one}{}", &text[..before], &text[after..])).unwrap();
                let pod = node.pod("poc").named("default", "multus-multi-net-poc");
                node.add(&pod, &conf).succeeded();
                let mut seen = node.recorded()[0].conf();
                seen.as_object_mut().unwrap().remove("recording");
                node.del(&pod, &conf).succeeded();
                node.remove_netns("poc");
                seen
            });
            assert_eq!(seen[0], seen[1], "{written}");
            assert_eq!(seen[0]["delegate"]["isDefaultGateway"], true, "{written}");
        }
    });
}

#[test]
fn a_pod_that_asks_for_nothing_gets_the_confs_delegates_or_is_refused() {
    private(|| {
        let node = Node::new();
        let files = [OBJECTS, &["pod-multi-network.yaml", "multus-test.yaml"]].concat();
        let pod = node.pod("plain").named("default", "multus-test");
        let conf = with_manifests(&node, "kubeconfig.conf", &files);
        refused(&node, &pod, &conf, &["pod default/multus-test", "`networks`", "delegates"]);

        let mut conf = with_manifests(&node, "kubeconfig-default.conf", &files);
        play(&node, &mut conf);
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD weave-net eth0"]);
        assert_eq!(node.recorded()[0].conf()["hairpinMode"], true);
        node.forget_recorded();
        play_plugins(&node, &["flannel", "sriov"]);
        // The pod's objects take the delegates' place; they don't come on top.
        let poc = node.pod("poc").named("default", "multus-multi-net-poc");
        node.add(&poc, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD flannel eth0", "ADD sriov net0", "ADD sriov net1"]);
        for pod in [pod, poc] {
            node.del(&pod, &conf).succeeded();
        }
    });
}

#[test]
fn the_conf_without_kubernetes() {
    private(|| {
        let node = Node::new();
        let mut conf = example(&node, "delegates.conf");
        play(&node, &mut conf);
        let pod = node.pod("plain").named("default", "multus-test");
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD flannel eth0", "ADD sriov net0", "ADD ptp net1"]);
        assert!(node.recorded().iter().all(|call| !call.stdin.contains("masterplugin")));
        node.del(&pod, &conf).succeeded();
    });
}

/// Otherwise any tenant could replace the cluster's network by an annotation.
#[test]
fn the_annotation_counts_only_where_the_conf_is_the_readmes() {
    private(|| {
        let node = Node::new();
        let files = [OBJECTS, &["pod-multi-network.yaml"]].concat();
        let mut conf = with_manifests(&node, "kubeconfig-default.conf", &files);
        play(&node, &mut conf);
        play_plugins(&node, &["flannel", "sriov"]);
        conf["delegates"][0].as_object_mut().unwrap().remove("masterplugin");
        let pod = node.pod("poc").named("default", "multus-multi-net-poc");
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD weave-net eth0"]);
        node.del(&pod, &conf).succeeded();
        node.forget_recorded();
        conf["clusterNetwork"] = json!(node.path("cluster.conf"));
        fs::write(node.path("cluster.conf"), node.network("cluster", "alpha").to_string()).unwrap();
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD alpha eth0"]);
        node.del(&pod, &conf).succeeded();
    });
}

fn network_2018(node: &Node, namespace: &str, name: &str, args: &str) -> Value {
    let args = args.replace("RECORDING", &node.recording().to_string());
    json!({ "apiVersion": "kubernetes-network.cni.cncf.io/v1", "kind": "Network",
            "metadata": { "namespace": namespace, "name": name }, "plugin": "sriov", "args": args })
}

fn pod_2018(annotations: Value) -> Value {
    let mut pod = multus_tests::pod_object("shop", "web", "");
    pod["metadata"]["annotations"] = annotations;
    pod
}

#[test]
fn an_object_of_the_pods_namespace_comes_before_that_of_default() {
    private(|| {
        let node = Node::new();
        play_plugins(&node, &["sriov"]);
        let objects = [
            pod_2018(json!({ "networks": "[{\"name\": \"own\"}, {\"name\": \"shared\"}]" })),
            network_2018(&node, "shop", "own", r#"[{"recording": RECORDING, "from": "shop"}]"#),
            network_2018(&node, "default", "own", r#"[{"recording": RECORDING, "from": "default"}]"#),
            network_2018(&node, "default", "shared", r#"{"recording": RECORDING, "from": "default"}"#),
        ];
        let mut conf = example(&node, "kubeconfig.conf");
        conf.as_object_mut().unwrap().remove("kubeconfig");
        conf["manifests"] = json!(node.manifests(&objects));
        let pod = node.pod("sandbox").named("shop", "web");
        node.add(&pod, &conf).succeeded();
        let from: Vec<_> = node.recorded().iter().map(|call| call.conf()["from"].clone()).collect();
        assert_eq!(from, ["shop", "default"]);
        node.del(&pod, &conf).succeeded();
        node.forget_recorded();
        conf["namespaceIsolation"] = json!(true);
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        node.forget_recorded();
        conf["globalNamespaces"] = json!("bank");
        refused(&node, &pod, &conf, &["pod shop/web", "default/shared", "globalNamespaces"]);
    });
}

#[test]
fn what_upstream_panicked_on_or_spliced_is_refused() {
    private(|| {
        let node = Node::new();
        play_plugins(&node, &["sriov"]);
        let one = "[{\"name\": \"red\"}]";
        let networks = "k8s.v1.cni.cncf.io/networks";
        let rows: &[(Value, &str, &[&str])] = &[
            (json!({ "networks": "[{\"name\": 5}]" }), "[{}]", &["annotation networks", "/0/name"]),
            (json!({ "networks": "red" }), "[{}]", &["annotation networks", "JSON"]),
            (json!({ "networks": "[]" }), "[{}]", &["annotation networks", "no network"]),
            (
                json!({ "networks": one, networks: "red" }),
                "[{}]",
                &["`networks` of 2018", networks, "keep one"],
            ),
            (json!({ "networks": one }), "[{}, {}]", &["network shop/red", "/args", "2 objects"]),
            (json!({ "networks": one }), "[1]", &["network shop/red", "/args", "a number"]),
            (json!({ "networks": one }), "[{\"a\": ]", &["network shop/red", "/args", "not valid JSON"]),
            (json!({ "networks": one }), "[{\"type\": \"sh\"}]", &["network shop/red", "sriov"]),
            (
                json!({ "networks": "[{\"name\": \"absent\"}]" }),
                "[{}]",
                &["network shop/absent", "not defined", "namespace default"],
            ),
        ];
        let mut conf = example(&node, "kubeconfig.conf");
        conf.as_object_mut().unwrap().remove("kubeconfig");
        let pod = node.pod("sandbox").named("shop", "web");
        for (annotations, args, words) in rows {
            let objects = [pod_2018(annotations.clone()), network_2018(&node, "shop", "red", args)];
            conf["manifests"] = json!(node.manifests(&objects));
            refused(&node, &pod, &conf, &[&["pod shop/web"], *words].concat());
        }
    });
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
        play(&node, &mut conf);
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
