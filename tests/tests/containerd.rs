//! A real container runtime calls the plugin: pods as containerd starts and stops them, told by the interface that
//! the kubelet uses. Delegates are the reference plugins, objects are at an API server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::Instant;

use multus_tests::{
    Containerd, Credential, Dump, Node, Sandbox, TestApiServer, ip, network_object, pod_object,
    private_runtime,
};
use serde_json::{Value, json};

/// The plugins that the conf and the definitions name.
const PLUGINS: [&str; 3] = ["bridge", "host-local", "ptp"];

/// A cluster, its node, and the node's runtime. The default network is `cluster`; `shop/storage` and `shop/direct`
/// are others.
struct Scene {
    api: TestApiServer,
    node: Node,
    containerd: Containerd,
}

impl Scene {
    /// Without a conf; multus may do what `deploy/rbac.yaml` lets it. `None`, after saying so, where the machine lacks a part.
    fn set() -> Option<Scene> {
        let node = Node::new();
        if !node.install_reference(&PLUGINS) {
            return None;
        }
        let api = TestApiServer::https().with_rbac();
        api.load_yaml(include_str!("../../deploy/rbac.yaml"));
        for network in ["storage", "direct"] {
            api.load(&[network_object("shop", network, &network_conf(network))]);
        }
        let token = api.token("system:serviceaccount:kube-system:multus");
        std::fs::write(node.scratch("kubeconfig"), api.kubeconfig(Credential::Token(&token))).unwrap();
        let containerd = Containerd::start(&node)?;
        Some(Scene { api, node, containerd })
    }

    /// With a conf that names the API server.
    fn configured() -> Option<Scene> {
        let scene = Scene::set()?;
        let mut conf = scene.conf("cluster");
        conf["kubeconfig"] = json!(scene.node.scratch("kubeconfig"));
        scene.containerd.configure(&conf);
        Some(scene)
    }

    /// Debian's containerd does not know version 1.1.0.
    fn conf(&self, default: &str) -> Value {
        let mut conf = self.node.conf(json!([network_conf(default)]));
        conf["cniVersion"] = json!("1.0.0");
        conf
    }

    /// Runs the sandbox of a pod in `shop`, and says how long that took.
    fn run(&self, name: &str) -> Result<String, String> {
        let began = Instant::now();
        let id = self.containerd.run(&Sandbox::of("shop", name));
        println!("RunPodSandbox {name}: {:.0?}", began.elapsed());
        id
    }

    fn end(&self, id: &str) {
        let began = Instant::now();
        self.containerd.stop(id).unwrap();
        println!("StopPodSandbox: {:.0?}", began.elapsed());
        self.containerd.remove(id).unwrap();
    }

    /// The network-status of a pod in `shop`, as its networks' addresses by name.
    fn told(&self, name: &str) -> BTreeMap<String, String> {
        let pod = self.api.object("pods", "shop", name).unwrap();
        let text = pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"].as_str().unwrap();
        let status: Vec<Value> = serde_json::from_str(text).unwrap();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        status.iter().map(|entry| (word(&entry["interface"]), word(&entry["ips"][0]))).collect()
    }

    /// The node without what plugins and runtime keep for the next pod on purpose.
    fn state(&self) -> Dump {
        self.node.state().without(|line| KEPT.iter().any(|kept| line.contains(kept)))
    }
}

const KEPT: [&str; 6] = [
    " br-",
    "folder /var/lib/cni (",
    "folder /var/lib/cni/results (",
    "folder /var/lib/cni/networks",
    "/last_reserved_ip.0 (",
    "/lock (",
];

fn network_conf(name: &str) -> Value {
    let subnets = ["cluster", "storage", "direct", "other"];
    let third = 60 + subnets.iter().position(|subnet| *subnet == name).unwrap();
    let plugin = if name == "direct" { "ptp" } else { "bridge" };
    let mut conf = json!({
        "cniVersion": "1.0.0", "name": name, "type": plugin,
        "ipam": { "type": "host-local", "subnet": format!("10.{third}.0.0/24") },
    });
    if plugin == "bridge" {
        conf["bridge"] = json!(format!("br-{name}"));
        conf["isGateway"] = json!(true);
    }
    conf
}

/// The IPv4 addresses in a namespace by interface, seen by `ip`.
fn seen(netns: &Path) -> BTreeMap<String, String> {
    let name = netns.file_name().unwrap().to_str().unwrap();
    let links: Vec<Value> = serde_json::from_str(&ip(&format!("-n {name} -j -4 addr show"))).unwrap();
    let others = links.iter().filter(|link| link["ifname"] != "lo");
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    others.map(|link| (word(&link["ifname"]), word(&link["addr_info"][0]["local"]))).collect()
}

#[test]
fn three_pods_at_once_get_three_networks_each_and_leave_nothing() {
    private_runtime(|| {
        let Some(scene) = Scene::configured() else { return };
        let pods = ["web", "db", "cache"];
        for pod in pods {
            scene.api.load(&[pod_object("shop", pod, "storage, direct@point0")]);
        }
        let before = scene.state();
        let run = |pod| scene.run(pod).unwrap();
        let ids = thread::scope(|scope| {
            let running = pods.map(|pod| scope.spawn(move || run(pod)));
            running.map(|thread| thread.join().unwrap())
        });
        let mut addresses = BTreeSet::new();
        for (pod, id) in pods.iter().zip(&ids) {
            let status = scene.containerd.status(id);
            let seen = seen(&status.netns);
            assert!(status.ready, "{pod}");
            assert_eq!(
                status.ips,
                [seen["eth0"].clone()],
                "{pod}: the pod's address is its default network's"
            );
            assert_eq!(scene.told(pod), seen, "{pod}");
            let networks = [("eth0", "10.60.0."), ("net1", "10.61.0."), ("point0", "10.62.0.")];
            assert_eq!(seen.len(), networks.len(), "{pod}: {seen:?}");
            assert!(networks.iter().all(|(link, subnet)| seen[*link].starts_with(subnet)), "{pod}: {seen:?}");
            addresses.extend(seen.into_values());
        }
        assert_eq!(addresses.len(), 9, "no address twice: {addresses:?}");

        thread::scope(|scope| {
            for id in &ids {
                scope.spawn(|| scene.end(id));
            }
        });
        assert_eq!(scene.containerd.sandboxes(), [""; 0]);
        scene.state().must_equal(&before);
    });
}

#[test]
fn a_pod_that_is_refused_is_told_why_and_leaves_nothing() {
    private_runtime(|| {
        let Some(scene) = Scene::configured() else { return };
        scene.api.load(&[pod_object("shop", "web", "storage, nowhere")]);
        let before = scene.state();
        let error = scene.run("web").unwrap_err();
        for words in ["plugin type=\"multus\"", "shop/web", "shop/nowhere"] {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert_eq!(scene.containerd.sandboxes(), [""; 0]);
        scene.state().must_equal(&before);

        scene.api.load(&[pod_object("shop", "web", "storage")]);
        let id = scene.run("web").expect("the kubelet tries again, and what was wrong has been mended");
        scene.end(&id);
        scene.state().must_equal(&before);
    });
}

#[test]
fn pods_stop_while_the_api_server_is_down() {
    private_runtime(|| {
        let Some(mut scene) = Scene::configured() else { return };
        for pod in ["web", "db"] {
            scene.api.load(&[pod_object("shop", pod, "storage, direct")]);
        }
        let before = scene.state();
        let [web, db] = ["web", "db"].map(|pod| scene.run(pod).unwrap());
        scene.api.stop();
        scene.end(&web);
        scene.api.restart();
        // It takes connections, and never answers.
        scene.api.freeze();
        scene.end(&db);
        assert_eq!(scene.containerd.sandboxes(), [""; 0]);
        scene.state().must_equal(&before);
    });
}

#[test]
fn the_network_is_ready_with_the_conf_and_pods_end_with_the_one_they_began_with() {
    private_runtime(|| {
        let Some(scene) = Scene::set() else { return };
        let mut conf = scene.conf("cluster");
        let objects = [
            pod_object("shop", "web", "storage"),
            pod_object("shop", "db", ""),
            network_object("shop", "storage", &network_conf("storage")),
        ];
        conf["manifests"] = json!(scene.node.manifests(&objects));
        let before = scene.state();
        let lacking = "cni plugin not initialized";
        assert!(scene.containerd.network_ready().unwrap_err().contains(lacking));
        assert!(scene.run("web").unwrap_err().contains(lacking));

        scene.containerd.configure(&conf);
        assert_eq!(scene.containerd.network_ready(), Ok(()));
        for id in scene.containerd.sandboxes() {
            // The one that never got a network.
            scene.end(&id);
        }
        scene.state().must_equal(&before);
        let web = scene.run("web").unwrap();
        assert!(scene.containerd.status(&web).ips[0].starts_with("10.60.0."));

        conf["delegates"] = json!([network_conf("other")]);
        scene.containerd.configure(&conf);
        let db = scene.run("db").unwrap();
        assert!(scene.containerd.status(&db).ips[0].starts_with("10.63.0."));
        scene.end(&web);
        scene.end(&db);
        scene.state().must_equal(&before);
    });
}
