//! Scenarios of upstream's unit tests that no other story here tells as upstream tells them. docs/conformance.md says
//! where each of them is; the names in quotes are upstream's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use multus_tests::{Credential, Node, Pod, TestApiServer, network_object, pod_object, private};
use serde_json::{Value, json};

/// Upstream tells most of its scenarios once in each of three generations of the specification.
const GENERATIONS: [&str; 5] = ["0.2.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

const DEFAULT_NETWORK: &str = "v1.multus-cni.io/default-network";

/// A node whose API server knows a pod `test/testpod`. The default network is `weave1`.
struct Scene {
    api: TestApiServer,
    node: Node,
    pod: Pod,
    conf: Value,
    version: &'static str,
}

impl Scene {
    /// The pod asks for these networks; conf and networks are of this version.
    fn new(version: &'static str, networks: &str) -> Scene {
        let (api, node) = (TestApiServer::http(), Node::new());
        api.load(&[pod_object("test", "testpod", networks)]);
        let kubeconfig = node.scratch("kubeconfig");
        fs::write(&kubeconfig, api.kubeconfig(Credential::None)).unwrap();
        let pod = node.pod("sandbox").named("test", "testpod");
        let mut scene = Scene { conf: node.conf(json!([])), api, node, pod, version };
        scene.conf["cniVersion"] = json!(version);
        scene.conf["kubeconfig"] = json!(kubeconfig);
        scene.conf["delegates"] = json!([scene.network("weave1", "192.0.2.2/24")]);
        scene
    }

    /// The recording delegate under the network's name, which hands out this address.
    fn network(&self, name: &str, address: &str) -> Value {
        let mut network = self.node.network(name, name);
        network["cniVersion"] = json!(self.version);
        network["address"] = json!(address);
        network
    }

    fn define(&self, namespace: &str, name: &str, conf: &Value) {
        self.api.load(&[network_object(namespace, name, conf)]);
    }

    fn attached(&self) -> Value {
        self.node.add(&self.pod, &self.conf).result()
    }

    /// CHECK succeeds, where the version has it.
    fn checked(&self, result: &Value) {
        if self.version >= "0.4.0" {
            let mut conf = self.conf.clone();
            conf["prevResult"] = result.clone();
            self.node.check(&self.pod, &conf).succeeded();
        }
    }

    /// DEL succeeds, gives everything back, and asks nobody.
    fn detached(&self) {
        self.api.forget_requests();
        self.node.del(&self.pod, &self.conf).succeeded();
        assert_eq!(self.api.briefs(), [""; 0]);
        assert!(!self.node.path("leases").exists(), "no delegate holds anything");
    }

    /// What delegates were called for with a verb: `net1 net1`.
    fn calls(&self, verb: &str) -> Vec<String> {
        let prefix = format!("{verb} ");
        self.node.briefs().iter().filter_map(|brief| brief.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// The pod's events, in the order of the alphabet: the server hears them side by side.
    fn events(&self) -> Vec<String> {
        let events = self.api.objects("events", "test");
        let word = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
        let mut events: Vec<_> = events
            .iter()
            .map(|event| ["type", "reason", "message"].map(|key| word(event, key)).join(" "))
            .collect();
        events.sort();
        events
    }

    /// Makes room for the next one.
    fn end(self) {
        self.node.remove_netns("sandbox");
    }
}

/// The address of a result, wherever its version keeps it.
fn address(result: &Value) -> &Value {
    if result["ip4"].is_null() { &result["ips"][0]["address"] } else { &result["ip4"]["ip"] }
}

/// "executes delegates and kubernetes networks", "… with events check", "executes delegates with CNI Check" and
/// "executes kubernetes networks and delete it after pod removal".
#[test]
fn a_pod_gets_the_networks_it_names_and_goes_without_its_object() {
    private(|| {
        for version in GENERATIONS {
            let scene = Scene::new(version, "net1,net2");
            for (name, address) in
                [("net1", "192.0.2.3/24"), ("net2", "192.0.2.4/24"), ("net3", "192.0.2.5/24")]
            {
                scene.define("test", name, &scene.network(name, address));
            }
            let result = scene.attached();
            assert_eq!(result["cniVersion"], version);
            assert_eq!(address(&result), "192.0.2.2/24", "the default network's: {result}");
            assert_eq!(scene.calls("ADD"), ["weave1 eth0", "net1 net1", "net2 net2"], "{version}");
            assert!(!scene.api.briefs().iter().any(|brief| brief.contains("net3")), "nobody asked for net3");
            assert_eq!(
                scene.events(),
                [
                    "Normal AddedInterface Add eth0 [192.0.2.2/24] from weave1",
                    "Normal AddedInterface Add net1 [192.0.2.3/24] from test/net1",
                    "Normal AddedInterface Add net2 [192.0.2.4/24] from test/net2",
                ]
            );
            scene.checked(&result);
            scene.api.delete("pods", "test", "testpod");
            scene.detached();
            assert_eq!(scene.calls("DEL"), ["net2 net2", "net1 net1", "weave1 eth0"], "{version}");
            scene.end();
        }
    });
}

/// "executes delegates with runtimeConfigs".
#[test]
fn what_a_pod_asks_of_a_network_is_in_its_runtime_config() {
    let asked = json!({
        "mac": "c2:11:22:33:44:66",
        "ips": ["10.0.0.1"],
        "bandwidth": { "ingressRate": 2048, "ingressBurst": 1600, "egressRate": 4096, "egressBurst": 1600 },
        "portMappings": [
            { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" },
            { "hostPort": 8000, "containerPort": 8001, "protocol": "udp" },
        ],
    });
    let mut element = asked.clone();
    element["name"] = json!("net1");
    let selection = json!([element]).to_string();
    private(|| {
        for version in GENERATIONS {
            let scene = Scene::new(version, &selection);
            let mut net1 = scene.network("net1", "192.0.2.3/24");
            net1["capabilities"] =
                json!({ "mac": true, "ips": true, "bandwidth": true, "portMappings": true });
            scene.define("test", "net1", &net1);
            scene.attached();
            let [default, seen] = [0, 1].map(|at| scene.node.recorded()[at].conf());
            assert_eq!(
                default, scene.conf["delegates"][0],
                "{version}: nothing of it is for the default network"
            );
            net1["runtimeConfig"] = asked.clone();
            assert_eq!(seen, net1, "{version}: capabilities stay where they are");
            scene.detached();
            scene.end();
        }
    });
}

/// "executes delegates" and "executes delegates (plugin without interface)".
#[test]
fn a_plugin_may_return_nothing() {
    private(|| {
        for version in GENERATIONS {
            let mut scene = Scene::new(version, "");
            let mut other = scene.network("other1", "192.0.2.5/24");
            other["result"] = json!({ "cniVersion": version });
            scene.conf["delegates"].as_array_mut().unwrap().push(other);
            let result = scene.attached();
            assert_eq!(address(&result), "192.0.2.2/24", "{result}");
            scene.checked(&result);
            scene.detached();
            for verb in ["ADD", "DEL"] {
                assert_eq!(scene.calls(verb).len(), 2, "{verb} {version}");
            }
            let event = scene.events().into_iter().find(|event| event.contains("other1"));
            assert_eq!(event.as_deref(), Some("Normal AddedInterface Add net1 [] from other1"));
            scene.end();
        }
    });
}

/// "executes delegates and cleans up on failure with missing name field": upstream finds out at the second ADD; here
/// an empty name is none, and the network gets one of the conf's.
#[test]
fn an_empty_name_is_none() {
    private(|| {
        let mut scene = Scene::new("1.0.0", "");
        let mut other = scene.network("other1", "192.0.2.5/24");
        other["name"] = json!("");
        scene.conf["delegates"].as_array_mut().unwrap().push(other);
        scene.attached();
        assert_eq!(scene.node.recorded()[1].conf()["name"], "node-other1");
        scene.detached();
        assert_eq!(scene.calls("DEL"), ["other1 net1", "weave1 eth0"]);
    });
}

/// "ensure delegates get portmap runtime config" and "executes confListDel without error".
#[test]
fn the_runtimes_ports_reach_a_list_that_can_map_them() {
    private(|| {
        for version in ["0.3.1", "1.0.0"] {
            let mut scene = Scene::new(version, "");
            let mut first = scene.node.plugin("firstPlugin");
            first["capabilities"] = json!({ "portMappings": true });
            let list = json!({ "cniVersion": version, "name": "mynet-confList", "plugins": [first] });
            scene.conf["delegates"] = json!([list]);
            scene.conf["runtimeConfig"] =
                json!({ "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }] });
            scene.attached();
            scene.detached();
            for call in scene.node.recorded() {
                assert_eq!(call.conf()["runtimeConfig"], scene.conf["runtimeConfig"], "{}", call.brief());
            }
            assert_eq!(scene.node.briefs(), ["ADD firstPlugin eth0", "DEL firstPlugin eth0"]);
            scene.end();
        }
    });
}

/// What names the default network, and the delegate that is called; `None` for no annotation.
const DEFAULTS: [(&str, Option<&str>, &str); 6] = [
    ("clusterNetwork", None, "mynet2"),
    ("clusterNetwork", Some("net1"), "mynet1"),
    ("clusterNetwork", Some("kube-system/net1"), "mynet1"),
    ("delegates", None, "mynet2"),
    ("delegates", Some("net1"), "mynet1"),
    ("delegates", Some("kube-system/net1"), "mynet1"),
];

/// "executes clusterNetwork delegate", "retrieves cluster network from CRD", "overwrite cluster network when Pod
/// annotation is set" and "overwrite multus config when Pod annotation is set".
#[test]
fn the_pods_default_network_replaces_what_the_conf_says() {
    private(|| {
        for (key, annotation, expected) in DEFAULTS {
            let mut scene = Scene::new("1.0.0", "");
            let networks = ["mynet1", "mynet2"].map(|kind| scene.network(kind, "192.0.2.2/24"));
            scene.define("kube-system", "net1", &networks[0]);
            scene.define("kube-system", "net2", &networks[1]);
            scene.conf["delegates"] = json!([]);
            scene.conf[key] = if key == "delegates" { json!([networks[1]]) } else { json!("net2") };
            let mut pod = pod_object("test", "testpod", "");
            if let Some(annotation) = annotation {
                pod["metadata"]["annotations"] = json!({ DEFAULT_NETWORK: annotation });
            }
            scene.api.load(&[pod]);
            scene.attached();
            assert_eq!(scene.calls("ADD"), [format!("{expected} eth0")], "{key} {annotation:?}");
            let replaced = scene.api.briefs().iter().any(|brief| brief.contains("kube-system/net2"));
            assert_eq!(
                replaced,
                key == "clusterNetwork" && annotation.is_none(),
                "fetched only where it counts"
            );
            scene.detached();
            scene.end();
        }
    });
}

/// "executes clusterNetwork delegate with a shared informer if pod is not immediately found": nobody waits here, the
/// runtime is told to try again, and does.
#[test]
fn a_pod_that_the_server_does_not_know_yet_is_tried_again() {
    private(|| {
        let scene = Scene::new("1.0.0", "net1");
        scene.define("test", "net1", &scene.network("net1", "192.0.2.3/24"));
        let pod = scene.api.object("pods", "test", "testpod").unwrap();
        scene.api.delete("pods", "test", "testpod");
        let error = scene.node.add(&scene.pod, &scene.conf).error();
        assert_eq!((error.code, scene.node.briefs().is_empty()), (11, true), "{error:?}");
        scene.api.load(&[pod]);
        scene.attached();
        assert_eq!(scene.calls("ADD"), ["weave1 eth0", "net1 net1"]);
        scene.detached();
    });
}

/// "executes delegate with pod UID when runtime provides a pod UID", "… empty pod UID …".
#[test]
fn delegates_are_told_the_uid_as_the_runtime_tells_it() {
    private(|| {
        let mut scene = Scene::new("0.4.0", "");
        let named = scene.pod.args.clone();
        for further in ["", ";K8S_POD_UID=uid-of-testpod", ";K8S_POD_UID="] {
            scene.pod.args = format!("{named}{further}");
            scene.attached();
            scene.detached();
            for call in scene.node.recorded() {
                assert_eq!(call.variable("CNI_ARGS"), scene.pod.args, "{}", call.brief());
            }
            scene.node.forget_recorded();
        }
    });
}

/// What upstream's "parsePodNetworkObjectName" cases take and refuse. The interface of `net1`, if it gets one.
const SHORT_FORMS: [(&str, Option<&str>); 9] = [
    ("net1", Some("net1")),
    ("test/net1", Some("net1")),
    ("net1@my_interface", Some("my_interface")),
    ("test/net1@my_interface", Some("my_interface")),
    ("root@someIP/root@someOtherIP/root@thirdIP", None),
    ("root@someIP/root@someOtherIP@garbagevalue", None),
    ("root@someIP/root@someOtherIP", None),
    ("net1@my interface", None),
    ("net1@a_name_that_is_too_long", None),
];

#[test]
fn the_short_form_is_read_as_upstream_reads_it() {
    private(|| {
        for (networks, interface) in SHORT_FORMS {
            let scene = Scene::new("1.0.0", networks);
            scene.define("test", "net1", &scene.network("net1", "192.0.2.3/24"));
            let answer = scene.node.add(&scene.pod, &scene.conf);
            assert_eq!(answer.is_success(), interface.is_some(), "{networks}: {answer}");
            let expected = interface.map(|name| vec!["weave1 eth0".to_owned(), format!("net1 {name}")]);
            assert_eq!(scene.calls("ADD"), expected.unwrap_or_default(), "{networks}");
            scene.detached();
            scene.end();
        }
    });
}

/// "assigns deviceID in delegated conf list multiple plugins", "assigns pciBusID …", "add cni-args in conflist", and
/// that a list keeps every member that nobody knows, in what is called and in what DEL goes by.
#[test]
fn every_plugin_of_a_list_keeps_its_members_and_gets_device_and_arguments() {
    private(|| {
        let element = json!({ "name": "net1", "deviceID": "0000:00:00.3", "cni-args": { "args1": "val1a" } });
        let scene = Scene::new("1.0.0", &json!([element]).to_string());
        let mut plugins = ["sriov", "other-cni"].map(|kind| scene.node.plugin(kind));
        plugins[0]["args"] = json!({ "cni": { "args0": "val0", "args1": "val1" }, "vendor": [1] });
        plugins[1]["vendor"] = json!({ "deep": [1.0, { "x": null }] });
        // One lease a network: the list has two plugins.
        plugins[1]["recording"]["leases"] = json!(scene.node.path("more-leases"));
        let list = |plugins: &[Value]| json!({ "cniVersion": "1.0.0", "name": "second-network", "plugins": plugins });
        scene.define("test", "net1", &list(&plugins));
        scene.attached();
        let scratch = fs::read(scene.node.cni_dir().join("sandbox")).unwrap();
        let scratch: Value = serde_json::from_slice(&scratch).unwrap();

        // Whoever edits the definition now, changes nothing for this pod.
        scene.define("test", "net1", &list(&[json!({ "type": "edited" })]));
        scene.detached();
        plugins[0]["args"]["cni"] = json!({ "args0": "val0", "args1": "val1a" });
        plugins[1]["args"] = json!({ "cni": { "args1": "val1a" } });
        for (at, mut expected) in plugins.into_iter().enumerate() {
            expected["deviceID"] = json!("0000:00:00.3");
            expected["pciBusID"] = json!("0000:00:00.3");
            assert_eq!(scratch[1]["ConfList"]["plugins"][at], expected, "upstream's DEL reads this");
            expected["name"] = json!("second-network");
            expected["cniVersion"] = json!("1.0.0");
            let calls =
                scene.node.recorded().into_iter().filter(|call| expected["type"] == call.plugin.as_str());
            let mut seen: Vec<Value> = calls.map(|call| call.conf()).collect();
            seen.iter_mut().for_each(|conf| drop(conf.as_object_mut().unwrap().remove("prevResult")));
            assert_eq!(seen, [expected.clone(), expected], "ADD and DEL");
        }
    });
}
