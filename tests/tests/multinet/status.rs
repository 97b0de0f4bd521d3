//! NP-27 to NP-34: what is told of a pod's networks.

use std::fs;

use multus_tests::{Checks, Kubelet, network_object};
use serde_json::{Value, json};

use crate::scene::{Scene, with};

/// The status of a pod whose network `red` gave this result.
fn status_of(result: Value) -> Value {
    let version = result["cniVersion"].clone();
    let scene = Scene::new().asking("red").network("red", json!({ "cniVersion": version, "result": result }));
    scene.attached();
    scene.status().unwrap()
}

pub(crate) fn list(row: &mut Checks) {
    row.check("a JSON list with a map of each attachment, in their order", || {
        let scene = Scene::new().asking("red,blue").network("red", json!({})).network("blue", json!({}));
        scene.attached();
        let status = scene.status().unwrap();
        let names: Vec<_> = status.as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
        assert_eq!(names, ["default", "shop/red", "shop/blue"]);
        assert!(status.as_array().unwrap().iter().all(Value::is_object), "{status}");
    });
    row.check("of a pod without a selection, too", || {
        let scene = Scene::new();
        scene.attached();
        assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 1);
    });
}

fn interfaces() -> Value {
    json!({ "cniVersion": "1.0.0",
        "interfaces": [
            { "name": "br0", "mac": "0a:00:00:00:00:01" },
            { "name": "net1", "mac": "0a:00:00:00:00:02", "sandbox": "/run/netns/x" },
            { "name": "net1.7", "mac": "0a:00:00:00:00:03", "sandbox": "/run/netns/x" }],
        "ips": [
            { "address": "10.1.2.3/24", "interface": 1 },
            { "address": "fd00::3/64", "interface": 1 },
            { "address": "10.7.2.3/24", "interface": 2 },
            { "address": "10.8.2.3/24", "interface": 0 }] })
}

pub(crate) fn first_interface(row: &mut Checks) {
    row.check("one entry, of the first interface in the pod", || {
        let status = status_of(interfaces());
        assert_eq!(status.as_array().unwrap().len(), 2);
        assert_eq!(status[1]["interface"], "net1");
        assert_eq!(status[1]["mac"], "0a:00:00:00:00:02");
    });
    row.check("a minimal map of an empty result", || {
        assert_eq!(status_of(json!({ "cniVersion": "1.0.0" }))[1]["name"], "shop/red");
    });
    row.check("what can be built of a result before 0.3.0", || {
        let result =
            json!({ "cniVersion": "0.2.0", "ip4": { "ip": "10.1.2.3/24" }, "ip6": { "ip": "fd00::3/64" } });
        assert_eq!(status_of(result)[1]["ips"], json!(["10.1.2.3", "fd00::3"]));
    });
}

pub(crate) fn default_entry(row: &mut Checks) {
    for result in [json!({ "cniVersion": "1.0.0" }), interfaces()] {
        row.check(format!("exactly one entry is the default one ({result:.40})"), || {
            let scene = Scene::new()
                .asking("red")
                .network("red", json!({ "cniVersion": "1.0.0", "result": interfaces() }));
            let further = json!({ "cniVersion": "1.0.0", "result": result });
            let default = with(&scene.node.network("default", "alpha"), &further);
            let scene = scene.default_network(&default);
            scene.attached();
            let status = scene.status().unwrap();
            let flags: Vec<_> =
                status.as_array().unwrap().iter().map(|entry| entry["default"].clone()).collect();
            assert_eq!(flags, [true, false]);
        });
    }
}

pub(crate) fn name(row: &mut Checks) {
    row.check("the definition's with its namespace, and the default network's", || {
        let status = status_of(json!({ "cniVersion": "1.0.0" }));
        assert_eq!([&status[0]["name"], &status[1]["name"]], ["default", "shop/red"]);
    });
    row.check("with its namespace, if the default network is a definition", || {
        let scene = Scene::new();
        let wide = scene.node.network("wide", "wide");
        let mut scene = scene.definition("kube-system", "wide", &wide).set("clusterNetwork", json!("wide"));
        scene.conf.as_object_mut().unwrap().remove("delegates");
        scene.attached();
        assert_eq!(scene.status().unwrap()[0]["name"], "kube-system/wide");
    });
}

pub(crate) fn addresses(row: &mut Checks) {
    row.check("those of the first interface in the pod, without prefixes", || {
        let status = status_of(interfaces());
        assert_eq!(status[1]["ips"], json!(["10.1.2.3", "fd00::3"]));
    });
    row.check("without an interface in the pod those that belong to none, and no mac", || {
        let result = json!({ "cniVersion": "1.0.0", "interfaces": [{ "name": "br0", "mac": "0a:00:00:00:00:01" }],
            "ips": [{ "address": "10.8.2.3/24", "interface": 0 }, { "address": "10.1.2.3/24" }] });
        let status = status_of(result);
        assert_eq!(status[1]["ips"], json!(["10.1.2.3"]));
        assert_eq!(status[1]["mac"], Value::Null);
    });
    row.check("mac and interface stand together", || {
        for result in [interfaces(), json!({ "cniVersion": "1.0.0" })] {
            let status = status_of(result);
            let alone = |entry: &Value| !entry["mac"].is_null() && entry["interface"].is_null();
            assert!(!status.as_array().unwrap().iter().any(alone), "{status}");
        }
    });
    row.check("of both families before 0.3.0", || {
        let result =
            json!({ "cniVersion": "0.1.0", "ip4": { "ip": "10.1.2.3/24" }, "ip6": { "ip": "fd00::3/64" } });
        assert_eq!(status_of(result)[1]["ips"], json!(["10.1.2.3", "fd00::3"]));
    });
}

pub(crate) fn default_flag(row: &mut Checks) {
    row.check("a boolean in every entry", || {
        let scene = Scene::new().asking("red,red").network("red", json!({}));
        scene.attached();
        let status = scene.status().unwrap();
        assert!(status.as_array().unwrap().iter().all(|entry| entry["default"].is_boolean()), "{status}");
    });
}

pub(crate) fn device_info(row: &mut Checks) {
    let told = json!({ "type": "pci", "version": "1.1.0", "pci": { "pci-address": "0000:03:02.1" } });
    row.check("what a device plugin tells of the attachment's device, in its entry alone", || {
        let scene = Scene::new().asking("red,blue").network("blue", json!({}));
        let mut red = network_object("shop", "red", &scene.node.network("red", "red"));
        red["metadata"]["annotations"] = json!({ "k8s.v1.cni.cncf.io/resourceName": "vendor.example/red" });
        let socket = scene.node.scratch("kubelet.sock");
        let files = scene.node.scratch("devinfo");
        fs::create_dir_all(files.join("dp")).unwrap();
        fs::write(files.join("dp/vendor.example-red-0000:03:02.1-device.json"), told.to_string()).unwrap();
        let kubelet = Kubelet::listen(&socket);
        kubelet.give("shop", "web", "main", "vendor.example/red", &["0000:03:02.1"]);
        let scene = scene.object(red).set("devices", json!({ "podResources": socket, "deviceInfo": files }));
        scene.attached();
        let status = scene.status().unwrap();
        let found = [0, 1, 2].map(|at| status[at]["device-info"].clone());
        assert_eq!(found, [Value::Null, told, Value::Null]);
    });
}
