//! The README's table of what is stricter than upstream: each row's last column, seen.

use std::fs;

use multus_tests::{Answer, Kubelet, Module, Node, network_object, pod_object, private};
use serde_json::{Value, json};

use crate::cluster::new_sandbox;
use crate::section::repository;

/// The first column of a row, and what holds here.
type Row = (&'static str, fn());

const ROWS: [Row; 9] = [
    ("a selection with an unknown key, or with `ips` or a `mac` that no plugin takes", wishes),
    ("a selection that is not valid", invalid),
    ("two networks that want one interface name", names),
    ("the pod is gone", gone),
    ("a definition's device that the pod did not request", device),
    ("`namespaceIsolation`", isolation),
    ("the runtime's port mappings", ports),
    ("a component's key in another case, as `vlanid`", letter_case),
    ("a DEL that a plugin fails", failed_del),
];

/// A pod `shop/web` with the default network `alpha`, `red` and `blue` in `shop`, and `red` in `bank`.
struct Scene {
    node: Node,
    objects: Vec<Value>,
    conf: Value,
}

impl Scene {
    fn selecting(networks: &str) -> Scene {
        let node = Node::new();
        let mut objects = vec![pod_object("shop", "web", networks)];
        for (namespace, name) in [("shop", "red"), ("shop", "blue"), ("bank", "red")] {
            objects.push(network_object(namespace, name, &node.network(name, name)));
        }
        let conf = node.conf(json!([node.network("cluster", "alpha")]));
        let mut scene = Scene { node, objects, conf };
        scene.write();
        scene
    }

    fn write(&mut self) {
        self.conf["manifests"] = json!(self.node.manifests(&self.objects));
    }

    fn add(&self) -> Answer {
        let pod = new_sandbox(&self.node).named("shop", "web");
        self.node.forget_recorded();
        self.node.add(&pod, &self.conf)
    }

    /// Refused with this code and these words, before anything ran.
    fn refused(&self, code: u32, words: &str) {
        let error = self.add().error();
        assert!(
            error.code == code && format!("{} {}", error.msg, error.details).contains(words),
            "{error:?}"
        );
        assert!(self.node.briefs().is_empty(), "{:?}", self.node.briefs());
    }

    /// Attached by these delegates; what was logged.
    fn attached(&self, adds: &[&str]) -> String {
        let answer = self.add();
        answer.succeeded();
        assert_eq!(self.node.briefs(), adds);
        answer.stderr
    }
}

fn wishes() {
    for wish in [r#""colour": "green""#, r#""ips": ["192.0.2.7/24"]"#, r#""mac": "0a:00:00:00:00:07""#] {
        let mut scene = Scene::selecting(&format!(r#"[{{"name": "red", {wish}}}]"#));
        scene.refused(7, "network");
        scene.conf["compat"] = json!("upstream");
        let logged = scene.attached(&["ADD alpha eth0", "ADD red net1"]);
        assert!(logged.contains("passed over"), "{logged}");
    }
}

fn invalid() {
    let mut scene = Scene::selecting("red@much-too-long-a-name");
    scene.refused(7, "much-too-long-a-name");
    scene.conf["onInvalidSelection"] = json!("ignore");
    let logged = scene.attached(&["ADD alpha eth0"]);
    assert!(logged.contains("ignored"), "{logged}");
}

fn names() {
    Scene::selecting("red@net2,blue").refused(7, "both want the interface `net2`");
}

fn gone() {
    let mut scene = Scene::selecting("red");
    scene.objects.remove(0);
    scene.write();
    scene.refused(11, "shop/web");
}

fn device() {
    let mut scene = Scene::selecting("red");
    scene.objects[1]["metadata"]["annotations"] =
        json!({ "k8s.v1.cni.cncf.io/resourceName": "vendor.example/nic" });
    scene.write();
    let socket = scene.node.scratch("kubelet.sock");
    let _kubelet = Kubelet::listen(&socket);
    scene.conf["devices"] = json!({ "podResources": socket });
    scene.refused(7, "was not requested by the pod");
}

fn isolation() {
    for annotation in ["k8s.v1.cni.cncf.io/networks", "v1.multus-cni.io/default-network"] {
        let mut scene = Scene::selecting("");
        scene.objects[0]["metadata"]["annotations"] = json!({ annotation: "bank/red" });
        scene.write();
        scene.conf["namespaceIsolation"] = json!(true);
        scene.refused(7, "bank");
    }
}

fn ports() {
    let mut scene = Scene::selecting("red");
    let mapping = json!({ "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }] });
    let capable = json!({ "portMappings": true });
    let mut red = scene.node.network("red", "red");
    red["capabilities"] = capable.clone();
    scene.objects[1] = network_object("shop", "red", &red);
    scene.write();
    scene.conf["delegates"][0]["capabilities"] = capable;
    scene.conf["runtimeConfig"] = mapping.clone();
    scene.attached(&["ADD alpha eth0", "ADD red net1"]);
    let given: Vec<Value> =
        scene.node.recorded().iter().map(|call| call.conf()["runtimeConfig"].clone()).collect();
    assert_eq!(given[0]["portMappings"], mapping["portMappings"]);
    assert!(given[1]["portMappings"].is_null(), "{given:?}");
}

/// As one of upstream's own examples spells it.
fn letter_case() {
    let mut scene = Scene::selecting("upper");
    let grants = ["links=eth*", "ipam=static", "sysctls=net/ipv4/conf/*/arp_notify"];
    let modules = [Module::delegate("vlan", &grants), Module::delegate("static", &[])];
    scene.conf["wasm"] = scene.node.modules("wasm", &modules);
    let vlan = json!({ "cniVersion": "1.0.0", "name": "upper", "type": "vlan", "master": "eth0", "vlanid": 100,
                       "ipam": { "type": "static", "addresses": [{ "address": "10.1.0.2/24" }] } });
    scene.objects.push(network_object("shop", "upper", &vlan));
    scene.write();
    let error = scene.add().error();
    assert!(error.code == 7 && error.msg.contains("`vlanid`") && error.msg.contains("`vlanId`"), "{error:?}");
}

fn failed_del() {
    let mut scene = Scene::selecting("");
    let trouble = scene.node.scratch("trouble");
    fs::write(&trouble, "").unwrap();
    let fails = json!({ "while": trouble, "fail": { "code": 100, "msg": "not now" } });
    scene.conf["delegates"][0]["misbehave"] = json!({ "DEL": fails });
    let pod = new_sandbox(&scene.node).named("shop", "web");
    scene.node.add(&pod, &scene.conf).succeeded();
    let error = scene.node.del(&pod, &scene.conf).error();
    assert!(error.msg.contains("not now"), "{error:?}");
    assert!(scene.node.record(&pod).exists(), "it is not forgotten");
    fs::remove_file(&trouble).unwrap();
    scene.node.del(&pod, &scene.conf).succeeded();
    assert!(!scene.node.record(&pod).exists());
}

fn rows_of_the_readme() -> Vec<String> {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, table) = readme.split_once("\n| | upstream | here |\n").expect("the README has the table");
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.split('|').nth(1).unwrap().trim().to_owned()).collect()
}

#[test]
fn every_row_of_the_table_holds() {
    assert_eq!(rows_of_the_readme(), ROWS.map(|(row, _)| row));
    private(|| {
        for (row, holds) in ROWS {
            println!("{row}");
            holds();
        }
    });
}
