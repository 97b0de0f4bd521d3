//! `deploy/rbac.yaml`: every rule in it is needed by somebody's pod, and no pod needs another.

use std::collections::BTreeSet;
use std::fs;

use multus_tests::{
    Answer, ApiRequest, Credential, Kubelet, Module, Node, Pod, TestApiServer, network_object, pod_object,
    private,
};
use serde_json::{Value, json};

use crate::cluster::{MULTUS, new_sandbox};
use crate::section::repository;

const NETWORKS: &str = "k8s.cni.cncf.io";
const NETWORKS_2018: &str = "kubernetes-network.cni.cncf.io";
const DEVICES: &str = "resource.k8s.io";

/// A right: API group, resource, verb.
type Right = (String, String, String);

/// What a pod has to be like for the right to be needed.
type Need = (&'static str, &'static str, &'static str, fn() -> Scene);

const NEEDS: [Need; 8] = [
    ("", "pods", "get", any_pod),
    ("", "pods/status", "patch", any_pod),
    (NETWORKS, "network-attachment-definitions", "get", any_pod),
    ("", "events", "create", any_pod),
    ("", "namespaces", "get", with_a_policy),
    (NETWORKS_2018, "networks", "get", of_2018),
    (DEVICES, "resourceclaims", "get", with_a_claimed_device),
    (DEVICES, "resourceslices", "list", with_a_claimed_device),
];

/// A pod that multus may attach as `deploy/rbac.yaml` says.
struct Scene {
    api: TestApiServer,
    node: Node,
    pod: Pod,
    conf: Value,
    _kubelet: Option<Kubelet>,
}

impl Scene {
    fn new(objects: &[Value]) -> Scene {
        let node = Node::new();
        let api = TestApiServer::https().with_rbac().without_definitions();
        for file in ["deploy/crds.yaml", "deploy/rbac.yaml"] {
            api.load_yaml(&fs::read_to_string(repository().join(file)).unwrap());
        }
        api.load(objects);
        api.load(&[network_object("shop", "red", &node.network("red", "beta"))]);
        let kubeconfig = node.scratch("kubeconfig");
        fs::write(&kubeconfig, api.kubeconfig(Credential::Token(&api.token(MULTUS)))).unwrap();
        let mut conf = node.conf(json!([node.network("cluster", "alpha")]));
        conf["kubeconfig"] = json!(kubeconfig);
        let pod = new_sandbox(&node).named("shop", "web");
        Scene { api, node, pod, conf, _kubelet: None }
    }

    fn add(&self) -> Answer {
        self.node.add(&self.pod, &self.conf)
    }

    fn role(&self) -> Value {
        self.api.object("clusterroles", "", "multus").unwrap()
    }

    /// Everything else may still be done.
    fn take_away(&self, resource: &str) {
        let mut role = self.role();
        let rules = role["rules"].as_array_mut().unwrap();
        let before = rules.len();
        rules.retain(|rule| rule["resources"] != json!([resource]));
        assert_eq!(rules.len(), before - 1, "one rule is about {resource}");
        self.api.load(&[role]);
    }
}

fn any_pod() -> Scene {
    Scene::new(&[pod_object("shop", "web", "red")])
}

fn with_a_policy() -> Scene {
    let mut scene = any_pod();
    let settings = json!({ "tenants": { "shop": { "networks": ["*", "*/*"], "types": ["alpha", "beta"] } } });
    scene.conf["wasm"] = scene.node.modules("wasm", &[Module::policy("tenant-guard", settings)]);
    scene
}

fn of_2018() -> Scene {
    let mut pod = pod_object("shop", "web", "");
    pod["metadata"]["annotations"] = json!({ "networks": "[{\"name\": \"old\"}]" });
    let scene = Scene::new(&[pod]);
    let args = json!([{ "recording": scene.node.plugin("alpha")["recording"] }]);
    scene.api.load(&[json!({
        "apiVersion": "kubernetes-network.cni.cncf.io/v1", "kind": "Network",
        "metadata": { "namespace": "shop", "name": "old" }, "plugin": "alpha", "args": args.to_string(),
    })]);
    let mut conf = scene.conf.clone();
    conf.as_object_mut().unwrap().remove("delegates");
    Scene { conf, ..scene }
}

fn with_a_claimed_device() -> Scene {
    let mut pod = pod_object("shop", "web", "red");
    pod["metadata"]["uid"] = json!("uid-of-web");
    pod["spec"]["resourceClaims"] = json!([{ "name": "nic", "resourceClaimName": "nic-of-web" }]);
    let mut scene = Scene::new(&[pod]);
    let mut red = scene.api.object("network-attachment-definitions", "shop", "red").unwrap();
    red["metadata"]["annotations"] = json!({ "k8s.v1.cni.cncf.io/resourceName": "vendor.example/nic" });
    let device = json!({ "name": "vf-1", "attributes": {
        "k8s.cni.cncf.io/deviceID": { "string": "0000:03:02.1" },
        "k8s.cni.cncf.io/resourceName": { "string": "vendor.example/nic" },
    } });
    let allocated = json!([{ "request": "r", "driver": "nic.example", "pool": "node-1", "device": "vf-1" }]);
    let claim = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": { "namespace": "shop", "name": "nic-of-web" },
        "status": { "allocation": { "devices": { "results": allocated } },
            "reservedFor": [{ "resource": "pods", "name": "web", "uid": "uid-of-web" }] },
    });
    let slice = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": { "name": "slice" },
        "spec": { "driver": "nic.example", "nodeName": "node-1", "devices": [device],
            "pool": { "name": "node-1", "generation": 1, "resourceSliceCount": 1 } },
    });
    scene.api.load(&[red, claim, slice]);
    let [socket, checkpoint, info] =
        ["kubelet.sock", "checkpoint", "devinfo"].map(|name| scene.node.scratch(name));
    scene.conf["devices"] = json!({ "podResources": socket, "checkpoint": checkpoint, "deviceInfo": info });
    Scene { _kubelet: Some(Kubelet::listen(&socket)), ..scene }
}

/// The right that a request takes.
fn right(request: &ApiRequest) -> Right {
    let group =
        request.path.strip_prefix("/apis/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let mut words = request.brief.split(' ');
    let verb = words.next().unwrap().to_lowercase();
    (group.to_owned(), words.next().unwrap().to_owned(), verb)
}

fn rights(role: &Value) -> BTreeSet<Right> {
    let words = |rule: &Value, key: &str| -> Vec<String> {
        rule[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                let verbs = words(rule, "verbs").into_iter();
                rights.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    rights
}

#[test]
fn every_right_is_used_and_no_other_is_asked_for() {
    private(|| {
        let mut used = BTreeSet::new();
        let mut granted = BTreeSet::new();
        for scene in [any_pod, with_a_policy, of_2018, with_a_claimed_device].map(|scene| scene()) {
            scene.add().succeeded();
            let requests = scene.api.requests();
            assert!(requests.iter().all(|request| request.user == MULTUS), "{requests:?}");
            assert!(
                requests.iter().all(|request| request.status.is_some_and(|status| status < 300)),
                "{requests:?}"
            );
            used.extend(requests.iter().map(right));
            granted = rights(&scene.role());
            scene.api.forget_requests();
            scene.node.del(&scene.pod, &scene.conf).succeeded();
            assert_eq!(scene.api.briefs(), [""; 0], "a DEL asks nobody");
        }
        assert_eq!(used, granted);
        let expected = NEEDS.map(|(group, resource, verb, _)| (group.into(), resource.into(), verb.into()));
        assert_eq!(granted, BTreeSet::from(expected));
    });
}

/// Who reads the error knows what to write into the role.
#[test]
fn a_right_that_is_taken_away_is_named() {
    private(|| {
        for (group, resource, verb, scene) in NEEDS.into_iter().filter(|need| need.1 != "events") {
            let scene = scene();
            scene.take_away(resource);
            let before = scene.node.state();
            let error = scene.add().error();
            let said = format!("{} {}", error.msg, error.details);
            assert_eq!(error.code, 11, "{said}");
            let rule =
                format!(r#"grant it: apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]"#);
            // The server's words, with the user, and ours.
            for words in ["shop/web", "403", MULTUS, &format!("cannot {verb} resource \"{resource}\""), &rule]
            {
                assert!(said.contains(words), "{words} is not in: {said}");
            }
            scene.node.state().must_equal(&before);
        }
    });
}

/// An event is for people; no pod fails for want of one.
#[test]
fn without_the_right_to_tell_events_pods_start_and_the_log_says_why_nobody_hears() {
    private(|| {
        let scene = any_pod();
        scene.take_away("events");
        let answer = scene.add();
        answer.succeeded();
        for words in ["AddedInterface", "403", r#"apiGroups: [""], resources: ["events"], verbs: ["create"]"#]
        {
            assert!(answer.stderr.contains(words), "{words} is not in: {answer}");
        }
    });
}
