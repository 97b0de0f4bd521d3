//! Files in `examples/kubernetes` as they stand, with the plugins that they name. That all of them are tried is held by
//! `examples_kubernetes`.

use std::fs;
use std::path::PathBuf;

use multus_tests::{Credential, Node, Pod, TestApiServer, ip, private};
use serde_json::{Value, json};

use crate::scene::{INSTALLED, MULTUS};

const PLUGINS: [&str; 6] = ["bridge", "macvlan", "host-device", "host-local", "static", "tuning"];

/// A node with `eth1` and `data0` in a cluster that one of the files was applied to. `None` where the machine lacks
/// the plugins.
struct Example {
    api: TestApiServer,
    node: Node,
    pod: Pod,
    conf: Value,
}

impl Example {
    fn of(name: &str) -> Option<Example> {
        let node = Node::new();
        if !node.install_reference(&PLUGINS) {
            return None;
        }
        let api = TestApiServer::https().with_rbac().without_definitions();
        INSTALLED.iter().for_each(|manifests| api.load_yaml(manifests));
        api.load_yaml(&text(&format!("{name}.yaml")));
        let kubeconfig = node.scratch("kubeconfig");
        fs::write(&kubeconfig, api.kubeconfig(Credential::Token(&api.token(MULTUS)))).unwrap();
        let mut conf: Value = serde_json::from_str(&text("00-multus.conf")).unwrap();
        conf["kubeconfig"] = json!(kubeconfig);
        conf["cniDir"] = json!(node.cni_dir());
        conf["binDir"] = json!(node.bin_dir());
        for link in ["eth1", "data0"] {
            ip(&format!("link add {link} type veth peer name {link}-peer"));
            ip(&format!("link set {link} up"));
        }
        let pod = node.pod("sandbox").named("default", &format!("on-{name}"));
        Some(Example { api, node, pod, conf })
    }

    /// The pod's network-status.
    fn status(&self) -> Value {
        let name = self.pod.args.split("K8S_POD_NAME=").nth(1).unwrap().split(';').next().unwrap();
        let pod = self.api.object("pods", "default", name).unwrap();
        let status = &pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"];
        serde_json::from_str(status.as_str().unwrap()).unwrap()
    }
}

fn text(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/kubernetes");
    fs::read_to_string(folder.join(file)).unwrap()
}

/// What `ip` says of the pod after these words.
fn shown(words: &str) -> String {
    ip(&format!("-n sandbox {words}"))
}

/// Attaches the example's pod, looks at it, and detaches it.
fn example(name: &str, look: impl FnOnce(&Example)) {
    let Some(example) = Example::of(name) else { return };
    let Example { node, pod, conf, .. } = &example;
    // What host-local and the bridge plugin keep on purpose is there after a first pod.
    node.add(pod, conf).succeeded();
    node.del(pod, conf).succeeded();
    let of_pod = |line: &str| !line.starts_with("netns sandbox: ");
    let before = node.state().without(of_pod);
    node.add(pod, conf).succeeded();
    let status = example.status();
    let names: Vec<_> = status.as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
    assert_eq!(names, [json!("cluster"), json!(format!("default/{name}"))], "{status}");
    assert_eq!(status[1]["interface"], "net1");
    look(&example);
    node.del(pod, conf).succeeded();
    assert!(!node.dump().has(&["netns sandbox: link net1"]));
    node.state().without(of_pod).must_equal(&before);
}

#[test]
fn bridge() {
    private(|| {
        example("bridge", |example| {
            assert!(shown("addr show dev net1").contains("inet 10.81.0.7/24"));
            assert!(shown("link show dev net1").contains("0a:58:0a:51:00:07"));
            assert_eq!(example.status()[1]["ips"], json!(["10.81.0.7"]));
        });
    });
}

#[test]
fn macvlan() {
    private(|| {
        example("macvlan", |_| {
            let link = shown("-d link show dev net1");
            assert!(link.contains("macvlan mode bridge"), "{link}");
            assert!(shown("addr show dev net1").contains("inet 10.82.0."));
        });
    });
}

#[test]
fn host_device() {
    private(|| {
        example("host-device", |example| {
            assert!(shown("-d link show dev net1").contains("veth"));
            assert!(!example.node.dump().has(&["netns host: link data0 "]), "it is the pod's now");
        });
    });
}

#[test]
fn chained() {
    private(|| {
        example("chained", |_| {
            let filter = ip("netns exec sandbox cat /proc/sys/net/ipv4/conf/net1/arp_filter");
            assert_eq!(filter.trim(), "1");
        });
    });
}

#[test]
fn default_route() {
    private(|| {
        example("default-route", |example| {
            let routes = shown("route show default");
            assert_eq!(routes.lines().count(), 1, "{routes}");
            assert!(routes.contains("via 10.85.0.1 dev net1"), "{routes}");
            assert_eq!(example.status()[1]["default-route"], json!(["10.85.0.1"]));
        });
    });
}
