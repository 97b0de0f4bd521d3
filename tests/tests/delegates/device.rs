//! A device of the node that is the pod's for a while.

use multus_tests::{Dump, ip, private};
use serde_json::{Value, json};

use crate::scene::{Scene, has_all, host_device, named_addresses};

/// One end of a cable; nothing here has hardware.
fn device() {
    ip("link add dev0 address 02:00:00:00:00:05 mtu 1450 type veth peer name cable");
}

fn network(device: &Value) -> Value {
    let mut network = json!({ "cniVersion": "1.0.0", "name": "hardware", "type": "host-device",
        "ipam": { "type": "static", "addresses": [{ "address": "10.5.0.2/24" }] } });
    network.as_object_mut().unwrap().extend(device.as_object().unwrap().clone());
    network
}

/// Attaches, lets something happen to the pod, detaches; the node before and after.
fn around(device: &Value, happens: impl FnOnce(&Scene)) -> (Dump, Dump) {
    let scene = Scene::with(&[host_device(), named_addresses()]);
    self::device();
    let conf = scene.conf(json!([network(device)]));
    let before = scene.state();
    let (pod, answer) = scene.attached("web", &conf);
    let result = answer.result();
    assert_eq!(result["interfaces"][0]["mac"], "02:00:00:00:00:05", "{result}");
    let during = scene.node.dump();
    has_all(
        &during,
        &[
            &["netns web: link eth0 kind veth mtu 1450", "address 02:00:00:00:00:05", "UP"],
            &["netns web: address 10.5.0.2/24 dev eth0"],
        ],
    );
    assert!(!during.has(&["netns host: link dev0"]), "{during}");
    scene.checked(&pod, &conf).succeeded();
    happens(&scene);
    scene.node.del(&pod, &conf).succeeded();
    let left = |dump: Dump| dump.without(|line| line.starts_with("netns web: "));
    (left(before), left(scene.state()))
}

#[test]
fn it_comes_home_as_it_was() {
    private(|| {
        for device in [json!({ "device": "dev0" }), json!({ "hwaddr": "02:00:00:00:00:05" })] {
            let (before, after) = around(&device, |_| ());
            after.must_equal(&before);
            ip("link del dev0");
            ip("netns del web");
        }
    });
}

#[test]
fn it_comes_home_under_its_name_whatever_the_pod_did_with_it() {
    private(|| {
        let (before, after) = around(&json!({ "device": "dev0" }), |_| {
            ip("-n web link set eth0 down");
            ip("-n web link set eth0 name other0");
            ip("-n web link set other0 mtu 1300");
            ip("-n web link set other0 alias mine");
            ip("-n web link set other0 up");
        });
        // What the pod wrote on it is not ours to wipe.
        let written = |dump: &Dump| dump.without(|line| line.contains("link dev0"));
        written(&after).must_equal(&written(&before));
        has_all(&after, &[&["netns host: link dev0 kind veth mtu 1450", "address 02:00:00:00:00:05"]]);
    });
}

#[test]
fn with_the_namespace_a_virtual_device_ends_and_del_succeeds() {
    private(|| {
        let (before, after) = around(&json!({ "device": "dev0" }), |scene| scene.node.remove_netns("web"));
        let difference = after.since(&before);
        let of_the_cable = |line: &str| line.contains("link dev0") || line.contains("link cable");
        assert!(difference.lines().all(of_the_cable), "{difference}");
    });
}

#[test]
fn a_device_that_the_operator_did_not_name_stays() {
    private(|| {
        let scene = Scene::with(&[host_device(), named_addresses()]);
        ip("link add uplink type veth peer name cable");
        let pod = scene.node.pod("web");
        let conf = scene.conf(json!([network(&json!({ "device": "uplink" }))]));
        scene.refused(&pod, &conf, 100, &["network hardware (eth0)", "uplink", "`links`"]);
    });
}
