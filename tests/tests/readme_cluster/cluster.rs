//! A cluster of one node: the API server's double, and what stands in for the controllers, the kubelet and its runtime.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use multus_tests::{Answer, Node, Pod, TestApiServer, binaries, fresh_cni_folders, left_out};
use serde_json::{Value, json};

/// A sandbox whose name no other of this test has.
pub(crate) fn new_sandbox(node: &Node) -> Pod {
    static SANDBOXES: AtomicUsize = AtomicUsize::new(0);
    node.pod(&format!("sandbox{}", SANDBOXES.fetch_add(1, Ordering::Relaxed)))
}

/// Who multus is for the server.
pub(crate) const MULTUS: &str = "system:serviceaccount:kube-system:multus";

/// Where the runtime finds plugins and confs.
const PLUGINS: &str = "/opt/cni/bin";
const CONFS: &str = "/etc/cni/net.d";

pub(crate) struct Cluster {
    pub(crate) api: TestApiServer,
    pub(crate) node: Node,
}

impl Cluster {
    /// A server with RBAC and what every cluster has, and a node that has the reference CNI plugins. `None`, after saying so,
    /// where this machine has not.
    pub(crate) fn new() -> Option<Cluster> {
        fresh_cni_folders();
        let api = TestApiServer::https().with_rbac().without_definitions();
        for name in ["default", "kube-system"] {
            api.load(&[json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })]);
        }
        // The runtime starts what a conf's `type` says.
        let node = Node::judging(&Path::new(PLUGINS).join("multus"));
        let Some(plugins) = binaries::reference_plugins() else {
            left_out("the README's cluster needs the reference CNI plugins");
            return None;
        };
        for entry in fs::read_dir(plugins).unwrap().map(|entry| entry.unwrap()) {
            symlink(entry.path(), Path::new(PLUGINS).join(entry.file_name())).unwrap();
        }
        Some(Cluster { api, node })
    }

    /// Runs a story while the controllers and the kubelet are at work.
    pub(crate) fn attended<T>(&self, story: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        thread::scope(|threads| {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    self.fill_token_secrets();
                    self.start_pods();
                    thread::sleep(Duration::from_millis(10));
                }
            });
            // However the story ends, the others have to.
            let _end = End(&over);
            story()
        })
    }

    /// What the token controller does.
    fn fill_token_secrets(&self) {
        for mut secret in self.api.objects("secrets", "") {
            let wanted = secret["type"] == "kubernetes.io/service-account-token";
            if !wanted || !secret["data"].is_null() {
                continue;
            }
            let namespace = secret["metadata"]["namespace"].as_str().unwrap();
            let account =
                secret["metadata"]["annotations"]["kubernetes.io/service-account.name"].as_str().unwrap();
            let token = self.api.token(&format!("system:serviceaccount:{namespace}:{account}"));
            let parts = [
                ("token", token.as_str()),
                ("ca.crt", self.api.authority().unwrap()),
                ("namespace", namespace),
            ];
            let data = parts.map(|(key, text)| (key.to_owned(), json!(BASE64_STANDARD.encode(text))));
            secret["data"] = Value::Object(data.into_iter().collect());
            self.api.load(&[secret]);
        }
    }

    /// What the kubelet does about pods that have no sandbox yet: it tries once.
    fn start_pods(&self) {
        for pod in self.api.objects("pods", "").iter().filter(|pod| pod["status"]["conditions"].is_null()) {
            let metadata = |key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
            let sandbox = self.sandbox(&metadata("namespace"), &metadata("name"));
            let answer = self.call("ADD", &sandbox);
            // With what the status says by now.
            let mut pod = self.api.object("pods", &metadata("namespace"), &metadata("name")).unwrap();
            let ready = if answer.is_success() { "True" } else { "False" };
            pod["status"] = json!({ "conditions": [{ "type": "Ready", "status": ready }] });
            self.api.load(&[pod]);
            if !answer.is_success() {
                println!("{answer}");
            }
        }
    }

    /// The sandbox of a pod, named as the kubelet names it.
    pub(crate) fn sandbox(&self, namespace: &str, name: &str) -> Pod {
        let uid = self.api.object("pods", namespace, name).unwrap()["metadata"]["uid"].clone();
        let netns = PathBuf::from("/run/netns").join(name);
        let netns = if netns.exists() { netns } else { self.node.netns(name) };
        let pod = Pod { container_id: name.to_owned(), netns, ifname: "eth0".into(), args: String::new() };
        let mut pod = pod.named(namespace, name);
        pod.args.push_str(&format!(";K8S_POD_UID={}", uid.as_str().unwrap()));
        pod
    }

    /// What the runtime does: the first conf by file name, the plugin of its `type`.
    pub(crate) fn call(&self, verb: &str, pod: &Pod) -> Answer {
        let mut confs: Vec<PathBuf> =
            fs::read_dir(CONFS).unwrap().map(|entry| entry.unwrap().path()).collect();
        confs.retain(|path| path.extension().is_some_and(|ending| ending == "conf"));
        confs.sort();
        let conf: Value = serde_json::from_slice(&fs::read(&confs[0]).unwrap()).unwrap();
        assert_eq!(conf["type"], "multus", "{}", confs[0].display());
        self.node.calling(verb, pod, &conf).with("CNI_PATH", PLUGINS).answer()
    }

    /// The pod's network-status.
    pub(crate) fn status(&self, namespace: &str, name: &str) -> Value {
        let pod = self.api.object("pods", namespace, name).unwrap();
        let text = pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"].as_str();
        serde_json::from_str(text.expect("a network-status")).unwrap()
    }
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
