//! What is told of a device, to plugins and in the status (NP-34, device-info specification 1.1.0).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use multus_tests::{network_object, private, wait_for};
use serde_json::{Value, json};

use super::scene::{RED, Scene};

fn pci(address: &str) -> Value {
    json!({ "type": "pci", "version": "1.1.0", "pci": { "pci-address": address, "pf-pci-address": "0000:03:00.0" } })
}

/// Makes the delegate `kind` a script: `body` runs with the file of the device information as `$FILE`, before the
/// recording delegate does its work.
fn script(scene: &Scene, kind: &str, body: &str) {
    let file = scene.info("cni/ns-red-sandbox_net1");
    let binary = scene.node.bin_dir().join(kind);
    let real = scene.node.bin_dir().join(format!("{kind}-itself"));
    fs::rename(&binary, &real).unwrap();
    let text = format!("#!/bin/sh\nFILE='{}'\n{body}\nexec '{}'\n", file.display(), real.display());
    fs::write(&binary, text).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn np_34_what_the_device_plugin_tells_goes_to_the_plugins_and_into_the_status() {
    private(|| {
        let scene = Scene::changed("red", |red| red["capabilities"] = json!({ "CNIDeviceInfoFile": true }));
        let told = pci("0000:03:02.1");
        let from = scene.info("dp/vendor.example-red-0000:03:02.1-device.json");
        fs::write(&from, told.to_string()).unwrap();
        let seen = scene.node.scratch("seen");
        script(&scene, "beta", &format!("[ $CNI_COMMAND = ADD ] && cp \"$FILE\" '{}'", seen.display()));
        let before = scene.node.state();
        scene.kubelet_with(&[(RED, "0000:03:02.1")], || {
            scene.add().succeeded();
        });
        let read: Value = serde_json::from_slice(&fs::read(&seen).unwrap()).unwrap();
        assert_eq!(read, told, "it is there before the plugin runs");
        let file = scene.info("cni/ns-red-sandbox_net1");
        let conf = scene.node.recorded()[1].conf();
        assert_eq!(conf["runtimeConfig"], json!({ "CNIDeviceInfoFile": file }));
        assert_eq!(scene.status()[1]["device-info"], told);
        assert_eq!(scene.status()[0]["device-info"], Value::Null);

        scene.node.del(&scene.pod, &scene.conf).succeeded();
        assert!(!file.exists() && from.exists(), "the copy is ours, the original is not");
        scene.node.state().must_equal(&before);
    });
}

#[test]
fn np_34_what_a_plugin_tells_itself_goes_into_the_status() {
    private(|| {
        let told = json!({ "type": "memif", "version": "1.1.0",
            "memif": { "role": "master", "path": "/run/memif.sock", "mode": "ethernet" } });
        // No resource: a software network makes its own device.
        let mut scene = Scene::new("red");
        let mut red = scene.node.network("red", "beta");
        red["capabilities"] = json!({ "CNIDeviceInfoFile": true });
        scene.objects[1] = network_object("ns", "red", &red);
        scene.node.manifests(&scene.objects);
        script(&scene, "beta", &format!("[ $CNI_COMMAND = ADD ] && echo '{told}' > \"$FILE\""));
        let before = scene.node.state();
        scene.add().succeeded();
        assert_eq!(scene.status()[1]["device-info"], told);
        scene.node.del(&scene.pod, &scene.conf).succeeded();
        scene.node.state().must_equal(&before);
    });
}

#[test]
fn what_is_no_device_information_is_told_and_left_out() {
    private(|| {
        let scene = Scene::new("red");
        let from = scene.info("dp/vendor.example-red-r1-device.json");
        fs::write(from, r#"{ "type": "pci", "version": "1.1.0" }"#).unwrap();
        scene.kubelet_with(&[(RED, "r1")], || {
            let answer = scene.add();
            answer.succeeded();
            assert!(answer.stderr.contains("vendor.example-red-r1-device.json"), "{}", answer.stderr);
            assert!(answer.stderr.contains("`pci` is missing"), "{}", answer.stderr);
        });
        assert_eq!(scene.status()[1]["device-info"], Value::Null);
    });
}

#[test]
fn an_add_that_fails_leaves_no_device_information() {
    private(|| {
        let scene = Scene::changed("red", |red| {
            red["misbehave"] = json!({ "ADD": { "when": "after", "fail": { "code": 100, "msg": "no" } } });
        });
        fs::write(scene.info("dp/vendor.example-red-r1-device.json"), pci("r1").to_string()).unwrap();
        let before = scene.node.state();
        scene.kubelet_with(&[(RED, "r1")], || {
            assert_eq!(scene.add().error().code, 100);
        });
        assert_eq!(
            scene.node.briefs(),
            ["ADD alpha eth0", "ADD beta net1", "DEL beta net1", "DEL alpha eth0"]
        );
        scene.node.state().must_equal(&before);
    });
}

#[test]
fn an_add_that_was_killed_leaves_no_device_information_once_it_is_detached() {
    private(|| {
        let scene = Scene::changed("red", |red| {
            red["misbehave"] = json!({ "ADD": { "touch": "/run/begun", "sleepMs": 500 } });
        });
        fs::write(scene.info("dp/vendor.example-red-r1-device.json"), pci("r1").to_string()).unwrap();
        let before = scene.node.state();
        scene.kubelet_with(&[(RED, "r1")], || {
            let mut running = scene.node.calling("ADD", &scene.pod, &scene.conf).start();
            wait_for("/run/begun".as_ref());
            running.kill();
            drop(running);
        });
        fs::remove_file("/run/begun").unwrap();
        let file = scene.info("cni/ns-red-sandbox_net1");
        assert!(file.exists(), "killed at the first plugin");
        scene.node.del(&scene.pod, &scene.conf).succeeded();
        assert!(!file.exists());
        scene.node.state().must_equal(&before);
    });
}

#[test]
fn a_pod_that_upstream_attached_leaves_no_device_information_either() {
    private(|| {
        let scene = Scene::changed("red", |red| red["capabilities"] = json!({ "CNIDeviceInfoFile": true }));
        fs::write(scene.info("dp/vendor.example-red-r1-device.json"), pci("r1").to_string()).unwrap();
        scene.kubelet_with(&[(RED, "r1")], || {
            scene.add().succeeded();
        });
        let file = scene.info("cni/ns-red-sandbox_net1");
        assert!(file.exists());
        // What is left then is what upstream leaves: libcni's cache and the scratch file.
        fs::remove_file(scene.node.record(&scene.pod)).unwrap();
        scene.node.del(&scene.pod, &scene.conf).succeeded();
        assert!(!file.exists());
    });
}

#[test]
fn a_device_id_never_leads_out_of_the_folder() {
    private(|| {
        let scene = Scene::new("red");
        let secret = scene.node.path("secret-device.json");
        fs::write(&secret, pci("secret").to_string()).unwrap();
        scene.kubelet_with(&[(RED, "/../../../secret")], || {
            scene.add().succeeded();
        });
        assert_eq!(scene.status()[1]["device-info"], Value::Null);
        assert_eq!(fs::read_dir(scene.info("cni")).unwrap().count(), 0);
    });
}
