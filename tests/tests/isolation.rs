//! Which namespaces' networks a pod gets, whoever asks for them: the pod by either annotation, or the node's conf.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use multus_tests::{Credential, Module, Node, TestApiServer, network_object, pod_object, private};
use serde_json::{Value, json};

const DEFAULT_NETWORK: &str = "v1.multus-cni.io/default-network";

/// A pod `shop/web` and the network `red` in several namespaces. `default` is global, `infra` the operator's.
fn node(annotations: Value) -> (Node, Value) {
    let node = Node::new();
    let mut pod = pod_object("shop", "web", "");
    pod["metadata"]["annotations"] = annotations;
    let mut objects = vec![pod];
    for namespace in ["shop", "default", "infra", "bank"] {
        objects.push(network_object(namespace, "red", &node.network("red", "beta")));
    }
    let mut conf = node.conf(json!([node.network("default", "alpha")]));
    conf["manifests"] = json!(node.manifests(&objects));
    conf["namespaceIsolation"] = json!(true);
    conf["multusNamespace"] = json!("infra");
    (node, conf)
}

/// Attaches the pod and takes it away again, or says why not.
fn attach(node: &Node, conf: &Value) -> Result<Vec<String>, String> {
    let pod = node.pod("sandbox").named("shop", "web");
    let before = node.state();
    let answer = node.add(&pod, conf);
    match answer.try_error() {
        Ok(error) => {
            assert_eq!(error.code, 7, "{error:?}");
            assert!(node.briefs().is_empty(), "refused before anything ran: {:?}", node.briefs());
            node.state().must_equal(&before);
            Err(format!("{} {}", error.msg, error.details))
        }
        Err(_) => {
            answer.succeeded();
            let briefs = node.briefs();
            node.del(&pod, conf).succeeded();
            Ok(briefs)
        }
    }
}

type Case = (&'static str, &'static str, Option<&'static [&'static str]>);

/// Which way, which namespace, and the delegates that run; nothing for a refusal.
const CASES: &[Case] = &[
    ("networks", "shop", Some(&["ADD alpha eth0", "ADD beta net1"])),
    ("networks", "default", Some(&["ADD alpha eth0", "ADD beta net1"])),
    ("networks", "infra", None),
    ("networks", "bank", None),
    ("default-network", "shop", Some(&["ADD beta eth0"])),
    ("default-network", "default", Some(&["ADD beta eth0"])),
    ("default-network", "infra", None),
    ("default-network", "bank", None),
    ("defaultNetworks", "infra", Some(&["ADD alpha eth0", "ADD beta net1"])),
    ("clusterNetwork", "infra", Some(&["ADD beta eth0"])),
];

/// The operator's references have no namespace: theirs is `multusNamespace`, which they choose.
fn ask(way: &str, namespace: &str) -> (Node, Value) {
    let reference = format!("{namespace}/red");
    match way {
        "networks" => node(json!({ "k8s.v1.cni.cncf.io/networks": reference })),
        "default-network" => node(json!({ DEFAULT_NETWORK: reference })),
        _ => {
            let (node, mut conf) = node(json!({}));
            conf[way] = if way == "defaultNetworks" { json!(["red"]) } else { json!("red") };
            (node, conf)
        }
    }
}

#[test]
fn every_way_is_held_to_one_rule() {
    private(|| {
        for (way, namespace, expected) in CASES {
            let (node, conf) = ask(way, namespace);
            match (attach(&node, &conf), expected) {
                (Ok(briefs), Some(expected)) => assert_eq!(briefs, *expected, "{way} {namespace}"),
                (Err(said), None) => {
                    let network = format!("network {namespace}/red");
                    for word in ["pod shop/web", &network, "namespaceIsolation", "globalNamespaces"] {
                        assert!(said.contains(word), "{way} {namespace}: {word:?} is not in {said}");
                    }
                }
                (found, _) => panic!("{way} {namespace}: {found:?}"),
            }
            node.remove_netns("sandbox");
        }
    });
}

#[test]
fn the_list_of_global_namespaces_is_the_whole_list() {
    private(|| {
        for (global, namespace, granted) in [
            ("bank , default", "bank", true),
            ("bank , default", "default", true),
            ("bank", "default", false),
        ] {
            let (node, mut conf) = ask("networks", namespace);
            conf["globalNamespaces"] = json!(global);
            assert_eq!(attach(&node, &conf).is_ok(), granted, "{global}: {namespace}");
            node.remove_netns("sandbox");
        }
    });
}

#[test]
fn without_isolation_every_namespace_is_open() {
    private(|| {
        let (node, mut conf) = ask("networks", "bank");
        conf["namespaceIsolation"] = json!(false);
        assert_eq!(attach(&node, &conf).unwrap(), ["ADD alpha eth0", "ADD beta net1"]);
    });
}

/// The operator's own networks are not the pod's to name, but a definition that is not there is told as such.
#[test]
fn the_refusal_comes_before_the_lookup() {
    private(|| {
        let (node, conf) = node(json!({ "k8s.v1.cni.cncf.io/networks": "bank/secret" }));
        let said = attach(&node, &conf).unwrap_err();
        assert!(said.contains("may not use") && !said.contains("not defined"), "{said}");
    });
}

/// What a namespace is like is asked only where a policy judges by it: a pod costs no request more than it needs.
#[test]
fn the_labels_of_the_namespace_are_fetched_for_policies_alone() {
    private(|| {
        let node = Node::new();
        let api = TestApiServer::http();
        api.load(&[
            json!({ "apiVersion": "v1", "kind": "Namespace",
                    "metadata": { "name": "shop", "labels": { "team": "red" } } }),
            pod_object("shop", "web", "red"),
            network_object("shop", "red", &node.network("red", "beta")),
        ]);
        let kubeconfig = node.scratch("kubeconfig");
        fs::write(&kubeconfig, api.kubeconfig(Credential::None)).unwrap();
        let mut conf = node.conf(json!([node.network("default", "alpha")]));
        conf["kubeconfig"] = json!(kubeconfig);
        let pod = node.pod("sandbox").named("shop", "web");
        let settings =
            json!({ "tenants": { "shop": { "networks": ["*", "*/*"], "types": ["alpha", "beta"] } } });
        for (modules, asked) in [
            (vec![Module::transform("mtu", json!({ "mtu": 1400 }), &["/mtu"])], 0),
            (vec![Module::policy("tenant-guard", settings)], 1),
        ] {
            conf["wasm"] = node.modules(&format!("wasm-{asked}-{}", modules.len()), &modules);
            api.forget_requests();
            node.add(&pod, &conf).succeeded();
            let asks = api.briefs().into_iter().filter(|brief| brief == "GET namespaces shop").count();
            assert_eq!(asks, asked, "{:?}", api.briefs());
            node.del(&pod, &conf).succeeded();
        }
    });
}
