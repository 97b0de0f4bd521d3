//! A cluster with a node, and a pod `shop/web` on it.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use multus_tests::{Cluster, Credential, Node, Pod, TestApiServer, network_object, pod_object};
use serde_json::{Value, json};

/// Who multus is for the server.
pub(crate) const MULTUS: &str = "system:serviceaccount:kube-system:multus";

/// What multus is installed with.
pub(crate) const INSTALLED: [&str; 2] =
    [include_str!("../../../deploy/crds.yaml"), include_str!("../../../deploy/rbac.yaml")];

/// The default network is the recording delegate `alpha`; `red` and `blue` in `shop` are others.
pub(crate) struct Scene<C = TestApiServer> {
    pub(crate) api: C,
    pub(crate) node: Node,
    pub(crate) pod: Pod,
    pub(crate) conf: Value,
    pub(crate) token: String,
}

impl<C: Cluster> Scene<C> {
    /// A pod of this cluster that asks for these networks.
    pub(crate) fn on(api: C, networks: &str) -> Scene<C> {
        let node = Node::new();
        INSTALLED.iter().for_each(|manifests| api.load_yaml(manifests));
        api.load(&[pod_object("shop", "web", networks)]);
        for name in ["red", "blue"] {
            api.load(&[network_object("shop", name, &node.network(name, name))]);
        }
        let token = api.token(MULTUS);
        let mut conf = node.conf(json!([node.network("default", "alpha")]));
        let pod = node.pod(&sandbox()).named("shop", "web");
        conf["kubeconfig"] = json!(node.scratch("kubeconfig"));
        let scene = Scene { api, node, pod, conf, token };
        scene.kubeconfig(&scene.api.kubeconfig(Credential::Token(&scene.token)));
        scene
    }

    /// Writes the node's kubeconfig.
    pub(crate) fn kubeconfig(&self, text: &str) {
        fs::write(self.node.scratch("kubeconfig"), text).unwrap();
    }

    /// The next ADD is of another sandbox of the pod.
    pub(crate) fn new_sandbox(&mut self) {
        self.pod = self.node.pod(&sandbox()).named("shop", "web");
    }

    /// The pod's object is another.
    pub(crate) fn change_pod(&self, change: impl FnOnce(&mut Value)) {
        let mut pod = self.api.object("pods", "shop", "web").unwrap();
        change(&mut pod);
        self.api.load(&[pod]);
    }

    /// ADD succeeds; its result.
    pub(crate) fn attached(&self) -> Value {
        self.node.add(&self.pod, &self.conf).result()
    }

    /// ADD fails with this code and these words, and leaves nothing.
    pub(crate) fn failed(&self, code: u32, words: &[&str]) {
        let before = self.node.state();
        let answer = self.node.add(&self.pod, &self.conf);
        let error = answer.error();
        assert_eq!(error.code, code, "{answer}");
        let said = format!("{} {}", error.msg, error.details);
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in: {said}");
        self.node.state().must_equal(&before);
        assert_eq!(self.status(), None, "no status of a pod that failed");
    }

    /// DEL succeeds and leaves nothing.
    pub(crate) fn detached(&self) {
        self.node.del(&self.pod, &self.conf).succeeded();
        assert!(!self.node.path("leases").exists(), "no delegate holds anything");
    }

    /// The pod's network-status, at the server.
    pub(crate) fn status(&self) -> Option<Value> {
        let pod = self.api.object("pods", "shop", "web")?;
        let text = pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"].as_str()?.to_owned();
        Some(serde_json::from_str(&text).unwrap())
    }

    /// The pod's events, in the order of the alphabet: `Normal AddedInterface Add eth0 …`.
    pub(crate) fn events(&self) -> Vec<String> {
        let word = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let shown = |event: &Value| ["type", "reason", "message"].map(|key| word(event, key)).join(" ");
        let mut events: Vec<String> = self.api.objects("events", "shop").iter().map(shown).collect();
        events.sort();
        events
    }

    /// The pod's UID at the server.
    pub(crate) fn uid(&self) -> String {
        self.api.object("pods", "shop", "web").unwrap()["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// The kubelet names the pod's UID, too.
    pub(crate) fn with_uid(&mut self, uid: &str) {
        self.pod.args.push_str(&format!(";K8S_POD_UID={uid}"));
    }
}

impl Scene {
    /// A pod of the double's that asks for these networks.
    pub(crate) fn asking(networks: &str) -> Scene {
        Scene::on(TestApiServer::https().with_rbac().without_definitions(), networks)
    }

    /// The node's kubeconfig calls the server by this name.
    pub(crate) fn server_at(&self, host: &str) {
        let url = self.api.url_by_name(host);
        self.kubeconfig(&self.api.kubeconfig_at(&url, Credential::Token(&self.token)));
    }

    /// What was asked, without events, in the order of the alphabet: requests go side by side.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.api.briefs();
        asked.retain(|request| !request.starts_with("CREATE events"));
        asked.sort();
        asked
    }
}

/// A name that no other sandbox of this test has.
fn sandbox() -> String {
    static SANDBOXES: AtomicUsize = AtomicUsize::new(0);
    format!("sandbox{}", SANDBOXES.fetch_add(1, Ordering::Relaxed))
}

/// GET of a definition in `shop`.
pub(crate) fn get(name: &str) -> String {
    format!("GET network-attachment-definitions shop/{name}")
}

pub(crate) const GET_POD: &str = "GET pods shop/web";
pub(crate) const PATCH_STATUS: &str = "PATCH pods/status shop/web";
