//! A pod, its networks, and a kubelet that knows its devices.

use std::fs;
use std::path::PathBuf;

use multus_tests::{Answer, CniError, Kubelet, Node, Pod, network_object, pod_object};
use serde_json::{Value, json};

pub(crate) const RED: &str = "vendor.example/red";
pub(crate) const BLUE: &str = "vendor.example/blue";

/// A node with the pod `ns/web`, and networks `red` and `blue` that consume a resource each, and `plain`, which
/// consumes none.
pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) pod: Pod,
    pub(crate) conf: Value,
    pub(crate) objects: Vec<Value>,
}

impl Scene {
    pub(crate) fn new(networks: &str) -> Scene {
        Scene::changed(networks, |_| {})
    }

    /// The same, with the configuration of `red` changed.
    pub(crate) fn changed(networks: &str, change: impl FnOnce(&mut Value)) -> Scene {
        let node = Node::new();
        let mut red = node.network("red", "beta");
        change(&mut red);
        let mut conf = node.conf(json!([node.network("default", "alpha")]));
        conf["devices"] = json!({
            "podResources": node.scratch("kubelet.sock"),
            "checkpoint": node.scratch("checkpoint"),
            "deviceInfo": node.path("devinfo"),
        });
        let objects = vec![
            pod(networks),
            consuming(RED, network_object("ns", "red", &red)),
            consuming(BLUE, network_object("ns", "blue", &node.network("blue", "gamma"))),
            network_object("ns", "plain", &node.network("plain", "delta")),
        ];
        conf["manifests"] = json!(node.manifests(&objects));
        for folder in ["dp", "cni"] {
            fs::create_dir_all(node.path("devinfo").join(folder)).unwrap();
        }
        let mut sandbox = node.pod("sandbox").named("ns", "web");
        sandbox.args += ";K8S_POD_UID=uid-of-web";
        Scene { node, pod: sandbox, conf, objects }
    }

    pub(crate) fn kubelet(&self) -> Kubelet {
        Kubelet::listen(&self.node.scratch("kubelet.sock"))
    }

    /// Runs `story` while a kubelet tells of these devices of the pod's container `app`.
    pub(crate) fn kubelet_with(&self, devices: &[(&str, &str)], story: impl FnOnce()) {
        let kubelet = self.kubelet();
        for (resource, id) in devices {
            kubelet.give("ns", "web", "app", resource, &[id]);
        }
        story();
    }

    pub(crate) fn add(&self) -> Answer {
        self.node.add(&self.pod, &self.conf)
    }

    /// A refusal, before which nothing ran and after which nothing is left.
    pub(crate) fn refused(&self) -> CniError {
        let before = self.node.state();
        let error = self.add().error();
        assert_eq!(self.node.briefs(), [""; 0], "{error:?}");
        self.node.state().must_equal(&before);
        assert!(!self.node.record(&self.pod).exists());
        error
    }

    /// The devices that delegates were given at a verb, in their order; `-` for none.
    pub(crate) fn devices(&self, verb: &str) -> Vec<String> {
        let calls = self.node.recorded().into_iter().filter(|call| call.verb == verb);
        calls
            .map(|call| {
                let conf = call.conf();
                assert_eq!(conf["deviceID"], conf["pciBusID"], "{conf}");
                conf["deviceID"].as_str().unwrap_or("-").to_owned()
            })
            .collect()
    }

    pub(crate) fn info(&self, name: &str) -> PathBuf {
        self.node.path("devinfo").join(name)
    }

    /// The pod's network-status, network by network.
    pub(crate) fn status(&self) -> Vec<Value> {
        let text = fs::read(self.node.path("manifests/network-status/ns/web.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

fn pod(networks: &str) -> Value {
    let mut pod = pod_object("ns", "web", networks);
    pod["spec"]["containers"] = json!([{ "name": "app" }, { "name": "log" }]);
    pod
}

fn consuming(resource: &str, mut definition: Value) -> Value {
    definition["metadata"]["annotations"] = json!({ "k8s.v1.cni.cncf.io/resourceName": resource });
    definition
}
