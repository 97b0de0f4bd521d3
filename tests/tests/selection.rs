//! Networks by reference and by annotation: the conf's keys that name networks, the pod's that choose among them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::PathBuf;

use multus_tests::{Node, Pod, network_object, pod_object, private};
use serde_json::{Value, json};

const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
const DEFAULT_NETWORK: &str = "v1.multus-cni.io/default-network";

/// A node whose pod `ns/web` has these annotations; `red` and `blue` are defined in its namespace, `cluster`
/// and `extra` in the operator's.
fn with_pod(annotations: Value) -> (Node, Pod, Value) {
    in_namespace("ns", annotations)
}

fn in_namespace(namespace: &str, annotations: Value) -> (Node, Pod, Value) {
    let node = Node::new();
    let mut conf = node.conf(json!([node.network("default", "alpha")]));
    let mut object = pod_object(namespace, "web", "");
    object["metadata"]["annotations"] = annotations;
    let objects = [
        object,
        network_object(namespace, "red", &node.network("red", "beta")),
        network_object(namespace, "blue", &node.network("blue", "gamma")),
        network_object("kube-system", "cluster", &node.network("cluster", "delta")),
        network_object("kube-system", "extra", &node.network("extra", "epsilon")),
    ];
    conf["manifests"] = json!(node.manifests(&objects));
    conf["confDir"] = json!(node.path("net.d"));
    fs::create_dir(node.path("net.d")).unwrap();
    let pod = node.pod("sandbox").named(namespace, "web");
    (node, pod, conf)
}

/// Writes a file into the node's own folder of networks.
fn file(node: &Node, name: &str, conf: &Value) -> PathBuf {
    let path = node.path("net.d").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, conf.to_string()).unwrap();
    path
}

fn status(node: &Node, namespace: &str) -> Option<Value> {
    let path = node.path("manifests/network-status").join(namespace).join("web.json");
    Some(serde_json::from_slice(&fs::read(path).ok()?).unwrap())
}

fn names(status: &Value) -> Vec<&str> {
    status.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

/// The pod is refused with these words, and nothing ran.
fn refused(node: &Node, pod: &Pod, conf: &Value, words: &[&str]) {
    let answer = node.add(pod, conf);
    let error = answer.error();
    let said = format!("{} {}", error.msg, error.details);
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
    assert!(said.contains("pod ns/web"), "{said}");
    assert!(node.briefs().is_empty(), "{:?}", node.briefs());
}

#[test]
fn the_cluster_network_is_found_in_four_forms() {
    private(|| {
        type Form = fn(&Node) -> (Value, &'static str, &'static str);
        let forms: [Form; 4] = [
            |_| (json!("cluster"), "delta", "kube-system/cluster"),
            |node| {
                file(
                    node,
                    "10-other.conflist",
                    &json!({ "name": "other", "plugins": [node.plugin("zeta")] }),
                );
                file(node, "20-local.conf", &node.network("local", "eta"));
                (json!("local"), "eta", "local")
            },
            |node| {
                file(node, "dir/00-multus.conf", &json!({ "name": "m", "type": "multus", "delegates": [] }));
                file(node, "dir/10-first.conf", &node.network("first", "zeta"));
                file(node, "dir/20-second.conf", &node.network("second", "eta"));
                (json!(node.path("net.d/dir")), "zeta", "first")
            },
            |node| {
                let list =
                    json!({ "cniVersion": "1.0.0", "name": "listed", "plugins": [node.plugin("eta")] });
                (json!(file(node, "dir/10-listed.conflist", &list)), "eta", "listed")
            },
        ];
        for form in forms {
            let (node, pod, mut conf) = with_pod(json!({ NETWORKS: "red" }));
            let (reference, plugin, name) = form(&node);
            conf["clusterNetwork"] = reference.clone();
            let before = node.state();
            node.add(&pod, &conf).succeeded();
            assert_eq!(node.briefs(), [format!("ADD {plugin} eth0"), "ADD beta net1".into()], "{reference}");
            assert_eq!(names(&status(&node, "ns").unwrap()), [name, "ns/red"], "{reference}");
            node.forget_recorded();
            node.del(&pod, &conf).succeeded();
            assert_eq!(node.briefs(), ["DEL beta net1".into(), format!("DEL {plugin} eth0")], "{reference}");
            node.state().must_equal(&before);
            node.remove_netns("sandbox");
        }
    });
}

#[test]
fn a_reference_that_leads_nowhere_says_where_it_was_looked_for() {
    private(|| {
        let (node, pod, conf) = with_pod(json!({}));
        fs::write(node.path("net.d/00-broken.conf"), "{").unwrap();
        file(&node, "only-us/00-multus.conf", &json!({ "name": "m", "type": "multus", "delegates": [] }));
        let list = json!({ "cniVersion": "1.0.0", "name": "list", "plugins": [{ "type": "a/b" }] });
        file(&node, "dir/10-list.conflist", &list);
        let path = |name: &str| json!(node.path("net.d").join(name));
        let rows: [(&str, Value, &[&str]); 7] = [
            (
                "clusterNetwork",
                json!("nothing"),
                &["`clusterNetwork`", "kube-system/nothing", "net.d", "00-broken.conf"],
            ),
            (
                "defaultNetworks",
                json!(["extra", "nothing"]),
                &["`defaultNetworks`", "kube-system/nothing", "net.d"],
            ),
            ("clusterNetwork", path("absent.conf"), &["`clusterNetwork`", "absent.conf"]),
            ("clusterNetwork", path("only-us"), &["`clusterNetwork`", "only-us", "no network configuration"]),
            ("clusterNetwork", path("only-us/00-multus.conf"), &["00-multus.conf", "multus"]),
            ("clusterNetwork", path("dir/10-list.conflist"), &["10-list.conflist", "/plugins/0/type"]),
            ("confDir", json!("/nowhere"), &["`clusterNetwork`", "/nowhere"]),
        ];
        for (key, value, words) in rows {
            let mut conf = conf.clone();
            conf[key] = value;
            if key == "confDir" {
                conf["clusterNetwork"] = json!("nothing");
            }
            refused(&node, &pod, &conf, words);
        }
    });
}

#[test]
fn default_networks_follow_the_default_one_but_not_in_system_namespaces() {
    private(|| {
        for (namespace, system, expected) in [
            (
                "ns",
                json!(null),
                &["ADD alpha eth0", "ADD epsilon net1", "ADD delta net2", "ADD beta net3"][..],
            ),
            ("kube-system", json!(null), &["ADD alpha eth0", "ADD beta net1"]),
            ("ns", json!(["other", "ns"]), &["ADD alpha eth0", "ADD beta net1"]),
            ("ns", json!([]), &["ADD alpha eth0", "ADD epsilon net1", "ADD delta net2", "ADD beta net3"]),
        ] {
            let (node, pod, mut conf) = in_namespace(namespace, json!({ NETWORKS: "red" }));
            conf["defaultNetworks"] = json!(["extra", "cluster"]);
            if !system.is_null() {
                conf["systemNamespaces"] = system.clone();
            }
            node.add(&pod, &conf).succeeded();
            assert_eq!(node.briefs(), expected, "{namespace} {system}");
            let told = status(&node, namespace);
            assert_eq!(told.is_some(), expected.len() == 4, "{namespace} {system}: {told:?}");
            node.del(&pod, &conf).succeeded();
            node.remove_netns("sandbox");
        }
    });
}

#[test]
fn a_pod_chooses_its_default_network() {
    private(|| {
        let element = json!([{ "name": "cluster", "mac": "0a:58:0a:00:00:05", "cni-args": { "rack": "7" } }]);
        let (node, pod, mut conf) =
            with_pod(json!({ DEFAULT_NETWORK: element.to_string(), NETWORKS: "red" }));
        let mut cluster = node.network("cluster", "delta");
        cluster["capabilities"] = json!({ "mac": true, "portMappings": true });
        let mut object = pod_object("ns", "web", "red");
        object["metadata"]["annotations"][DEFAULT_NETWORK] = json!(element.to_string());
        let red = network_object("ns", "red", &node.network("red", "beta"));
        node.manifests(&[object, red, network_object("kube-system", "cluster", &cluster)]);
        let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
        conf["runtimeConfig"] = json!({ "portMappings": ports, "mac": "02:00:00:00:00:01" });

        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD delta eth0", "ADD beta net1"]);
        let seen = node.recorded()[0].conf();
        // What the runtime offers is for the default network, whoever chose it; the pod's wish comes first.
        assert_eq!(seen["runtimeConfig"], json!({ "portMappings": ports, "mac": "0a:58:0a:00:00:05" }));
        assert_eq!(seen["args"]["cni"], json!({ "rack": "7" }));
        let told = status(&node, "ns").unwrap();
        assert_eq!(names(&told), ["kube-system/cluster", "ns/red"]);
        assert_eq!([&told[0]["default"], &told[1]["default"]], [true, false]);
        node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn a_default_network_that_cannot_be_is_refused() {
    private(|| {
        let rows: &[(Value, &[&str])] = &[
            (json!("cluster, extra"), &[DEFAULT_NETWORK, "2 networks"]),
            (json!("[]"), &[DEFAULT_NETWORK, "0 networks"]),
            (json!("absent"), &["kube-system/absent"]),
            (json!("ns/absent"), &["ns/absent"]),
            (json!("cluster@eth1"), &["kube-system/cluster", "`eth1`", "`eth0`"]),
            (json!("[{\"name\": \"cluster\", \"mac\": \"zz\"}]"), &[DEFAULT_NETWORK, "/0/mac"]),
            (
                json!("[{\"name\": \"cluster\", \"ips\": [\"10.0.0.1/24\"]}]"),
                &["kube-system/cluster (eth0)", "`ips`", "capabilities"],
            ),
        ];
        for (annotation, words) in rows {
            let (node, pod, conf) = with_pod(json!({ DEFAULT_NETWORK: annotation }));
            refused(&node, &pod, &conf, words);
            node.remove_netns("sandbox");
        }
    });
}

/// NP-03, NP-06: a definition without a configuration stands for a file of its name.
#[test]
fn an_empty_definition_is_a_file_on_the_node() {
    private(|| {
        let (node, pod, conf) = with_pod(json!({ NETWORKS: "local" }));
        let mut empty = network_object("ns", "local", &json!(null));
        empty["spec"] = json!({});
        node.manifests(&[pod_object("ns", "web", "local"), empty]);
        refused(&node, &pod, &conf, &["ns/local", "spec.config", "net.d", "`local`"]);
        fs::write(node.path("net.d/00-broken.conflist"), "no JSON").unwrap();
        file(&node, "10-single.conf", &node.network("local", "eta"));
        let list = json!({ "cniVersion": "1.0.0", "name": "local", "plugins": [node.plugin("zeta")] });
        file(&node, "90-list.conflist", &list);
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD alpha eth0", "ADD zeta net1"], "lists come first");
        assert_eq!(names(&status(&node, "ns").unwrap()), ["default", "ns/local"]);
        node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn addresses_are_told_in_the_old_way_too() {
    private(|| {
        let element =
            json!([{ "name": "red", "mac": "0a:58:0a:00:00:05", "ips": ["10.1.0.5/24", "fd00::5"] }]);
        let (node, pod, conf) = with_pod(json!({}));
        let mut red = node.network("red", "beta");
        red["capabilities"] = json!({ "ips": true, "mac": true });
        node.manifests(&[pod_object("ns", "web", &element.to_string()), network_object("ns", "red", &red)]);
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        let told = format!("{};MAC=0a:58:0a:00:00:05;IP=10.1.0.5/24,fd00::5", pod.args);
        let seen: Vec<_> = node.recorded().iter().map(|call| call.variable("CNI_ARGS").to_owned()).collect();
        assert_eq!(seen, [&pod.args, &told, &told, &pod.args].map(String::clone));
    });
}

/// NP-25.
#[test]
fn an_ipam_claim_reaches_the_plugins() {
    private(|| {
        let element = json!([{ "name": "red", "ipam-claim-reference": "vm1.red", "cni-args": { "a": 1 } }]);
        let (node, pod, conf) = with_pod(json!({ NETWORKS: element.to_string() }));
        node.add(&pod, &conf).succeeded();
        let seen = node.recorded()[1].conf();
        assert_eq!(seen["args"]["cni"], json!({ "a": 1, "ipam-claim-reference": "vm1.red" }));
        node.del(&pod, &conf).succeeded();

        let element = json!([{ "name": "red", "ipam-claim-reference": "vm1.red", "ips": ["10.0.0.5"] }]);
        let (node, pod, conf) = {
            node.remove_netns("sandbox");
            with_pod(json!({ NETWORKS: element.to_string() }))
        };
        refused(&node, &pod, &conf, &[NETWORKS, "ipam-claim-reference", "ips"]);
    });
}

#[test]
fn an_invalid_selection_is_ignored_only_if_the_conf_says_so() {
    private(|| {
        let (node, pod, mut conf) = with_pod(json!({ NETWORKS: "[{\"name\": \"red\", \"mac\": \"zz\"}]" }));
        refused(&node, &pod, &conf, &[NETWORKS, "/0/mac"]);
        conf["onInvalidSelection"] = json!("ignore");
        let answer = node.add(&pod, &conf);
        assert!(answer.stderr.contains("/0/mac") && answer.stderr.contains("ignored"), "{}", answer.stderr);
        answer.succeeded();
        assert_eq!(node.briefs(), ["ADD alpha eth0"]);
        node.del(&pod, &conf).succeeded();
        // Only the annotation's own flaws are ignored: a network that is not there is still missed.
        node.manifests(&[pod_object("ns", "web", "absent")]);
        node.forget_recorded();
        refused(&node, &pod, &conf, &["ns/absent"]);
    });
}

#[test]
fn upstream_passes_over_what_no_plugin_can() {
    private(|| {
        let element = json!([{ "name": "red", "mac": "0a:58:0a:00:00:05", "ips": [], "colour": "red" }]);
        let (node, pod, mut conf) = with_pod(json!({ NETWORKS: element.to_string() }));
        refused(&node, &pod, &conf, &[NETWORKS, "/0/ips", "/0/colour"]);
        conf["compat"] = json!("upstream");
        let answer = node.add(&pod, &conf);
        for word in ["/0/ips", "/0/colour", "ns/red (net1)", "mac"] {
            assert!(answer.stderr.contains(word), "{word:?} is not in {}", answer.stderr);
        }
        answer.succeeded();
        assert_eq!(node.briefs(), ["ADD alpha eth0", "ADD beta net1"]);
        assert_eq!(node.recorded()[1].conf()["runtimeConfig"], Value::Null);
        let told = status(&node, "ns").unwrap();
        assert_eq!([&told[0]["default"], &told[1]["default"]], [&json!(true), &Value::Null], "{told}");
        node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn confs_without_a_cluster_find_their_networks_on_the_node() {
    private(|| {
        let node = Node::new();
        fs::create_dir(node.path("net.d")).unwrap();
        let mut conf = node.conf(json!([]));
        conf.as_object_mut().unwrap().remove("delegates");
        conf["confDir"] = json!(node.path("net.d"));
        conf["clusterNetwork"] = json!("local");
        conf["defaultNetworks"] = json!([file(&node, "20-more.conf", &node.network("more", "zeta"))]);
        file(&node, "10-local.conf", &node.network("local", "eta"));
        let pod = node.pod("sandbox");
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD eta eth0", "ADD zeta net1"]);
        node.forget_recorded();
        node.call("STATUS", &pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["STATUS eta "]);
        node.forget_recorded();
        conf["cni.dev/valid-attachments"] = json!([]);
        node.call("GC", &pod, &conf).succeeded();
        let mut briefs = node.briefs();
        briefs.sort();
        assert_eq!(briefs, ["DEL eta eth0", "DEL zeta net1", "GC eta ", "GC zeta "]);
    });
}

#[test]
fn status_says_that_the_cluster_network_is_not_there() {
    private(|| {
        let (node, pod, mut conf) = with_pod(json!({}));
        conf["clusterNetwork"] = json!("absent");
        let error = node.call("STATUS", &pod, &conf).error();
        assert_eq!(error.code, 50, "{error:?}");
        assert!(error.msg.contains("kube-system/absent"), "{error:?}");
        conf["clusterNetwork"] = json!("cluster");
        node.call("STATUS", &pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["STATUS delta "]);
    });
}

/// `multus.md` 1.13: the folder of a list's name, and an auxiliary chain beside it.
#[test]
fn plugins_in_folders_beside_the_cluster_network_run_with_it() {
    private(|| {
        let (node, pod, mut conf) = with_pod(json!({ NETWORKS: "red" }));
        let list = json!({ "cniVersion": "1.0.0", "name": "listed", "plugins": [node.plugin("eta")] });
        let mut chained = node.plugin("theta");
        // One lease a network: the list has two plugins of the harness.
        chained["recording"]["leases"] = json!(node.path("leases-of-theta"));
        file(&node, "dir/listed/10-theta.conf", &chained);
        file(&node, "dir/listed/notes.txt", &json!("not read"));
        conf["clusterNetwork"] = json!(file(&node, "dir/10-listed.conflist", &list));
        conf["auxiliaryCNIChainName"] = json!("vendor");
        let before = node.state();
        node.add(&pod, &conf).succeeded();
        assert_eq!(
            node.briefs(),
            ["ADD eta eth0", "ADD theta eth0", "ADD beta net1"],
            "an empty chain is none"
        );
        node.del(&pod, &conf).succeeded();
        node.state().must_equal(&before);

        file(&node, "dir/vendor/10-iota.conf", &node.plugin("iota"));
        let before = node.state();
        node.forget_recorded();
        let result = node.add(&pod, &conf).result();
        assert_eq!(
            node.briefs(),
            ["ADD eta eth0", "ADD theta eth0", "ADD beta net1", "ADD iota net2"],
            "the chain runs last"
        );
        let chain = node.recorded()[3].conf();
        assert_eq!([&chain["name"], &chain["cniVersion"]], ["vendor", "1.0.0"]);
        assert_eq!(chain["prevResult"]["ips"], result["ips"], "it goes on from the default network's result");
        assert_eq!(names(&status(&node, "ns").unwrap()), ["listed", "ns/red"], "it is no network of its own");
        node.forget_recorded();
        conf["prevResult"] = result;
        node.check(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        let gone: Vec<_> = node.briefs().into_iter().filter(|brief| brief.starts_with("DEL")).collect();
        assert_eq!(gone, ["DEL iota net2", "DEL beta net1", "DEL theta eth0", "DEL eta eth0"]);
        node.state().must_equal(&before);
    });
}

#[test]
fn explain_tells_where_each_network_comes_from() {
    private(|| {
        let (node, pod, mut conf) = with_pod(json!({ NETWORKS: "red", DEFAULT_NETWORK: "cluster" }));
        conf["defaultNetworks"] = json!([file(&node, "20-more.conf", &node.network("more", "zeta"))]);
        fs::write(node.path("multus.conf"), conf.to_string()).unwrap();
        let explain = |pod: &Pod| {
            let output = std::process::Command::new(multus_tests::binaries::multusctl())
                .args(["explain", "-o", "json", "--pod", "ns/web", "--conf"])
                .arg(node.path("multus.conf"))
                .arg("--netns")
                .arg(&pod.netns)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
            let attachments = plan["attachments"].as_array().unwrap().clone();
            attachments.iter().map(|one| one["origin"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let more = format!("`defaultNetworks`: file {}", node.path("net.d/20-more.conf").display());
        assert_eq!(
            explain(&pod),
            [
                "chosen by the pod as its default network: definition kube-system/cluster",
                &more,
                "selected by the pod: definition ns/red",
            ]
        );
    });
}
