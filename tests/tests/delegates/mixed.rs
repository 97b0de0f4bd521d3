//! Components and binaries in one list and beside each other: each gets what the one before it answered.

use multus_tests::{Heard, hear, private};
use serde_json::{Value, json};

use crate::scene::{Scene, address, bridge, chained, has_all, host_local, lan};

/// A list of these plugins.
fn list(plugins: Value) -> Value {
    json!({ "cniVersion": "1.0.0", "name": "listed", "plugins": plugins })
}

#[test]
fn ipam_by_a_binary_for_a_component() {
    private(|| {
        let scene = Scene::with(&[bridge()]);
        if !scene.node.install_reference(&["host-local"]) {
            return;
        }
        let mut network = lan("lab0", "10.1.0.0/24");
        // What Debian's binaries know.
        network["cniVersion"] = json!("1.0.0");
        let conf = scene.mixed(json!([network]));
        let before = scene.warmed_up(&conf);
        let (pod, answer) = scene.attached("web", &conf);
        assert_eq!(answer.result()["ips"][0]["address"], "10.1.0.3/24");
        assert_eq!(hear("web", "", address("10.1.0.1")), Heard::Answered(address("10.1.0.3")));
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}

#[test]
fn one_range_for_a_component_and_a_binary_at_the_same_time() {
    private(|| {
        let (ours, theirs) = (Scene::new(), Scene::with(&[bridge()]));
        if !theirs.node.install_reference(&["host-local"]) {
            return;
        }
        let mut network = json!([lan("lab0", "10.1.0.0/29")]);
        network[0]["cniVersion"] = json!("1.0.0");
        let (by_component, by_binary) = (ours.conf(network.clone()), theirs.mixed(network));
        let mut taken = Vec::new();
        for (name, scene, conf) in [
            ("a", &ours, &by_component),
            ("b", &theirs, &by_binary),
            ("c", &ours, &by_component),
            ("d", &theirs, &by_binary),
        ] {
            let (_, answer) = scene.attached(name, conf);
            taken.push(answer.result()["ips"][0]["address"].as_str().unwrap().to_owned());
        }
        assert_eq!(taken, ["10.1.0.2/29", "10.1.0.3/29", "10.1.0.4/29", "10.1.0.5/29"]);
    });
}

#[test]
fn a_binary_goes_on_from_what_a_component_made() {
    private(|| {
        let scene = Scene::new();
        if !scene.node.install_reference(&["tuning"]) {
            return;
        }
        let mut first = lan("lab0", "10.1.0.0/24");
        first.as_object_mut().unwrap().retain(|key, _| key != "name" && key != "cniVersion");
        let tuning =
            json!({ "type": "tuning", "mac": "02:00:00:00:00:07", "mtu": 1400, "dataDir": "/run/tuning" });
        let conf = scene.mixed(json!([list(json!([first, tuning, scene.node.plugin("watching")]))]));
        let before = scene.warmed_up(&conf);
        scene.node.forget_recorded();
        let (pod, answer) = scene.attached("web", &conf);
        let link = &answer.result()["interfaces"][2];
        assert_eq!((&link["name"], &link["mac"]), (&json!("eth0"), &json!("02:00:00:00:00:07")));
        let seen = scene.node.recorded()[0].conf();
        assert_eq!(seen["prevResult"]["ips"][0]["address"], "10.1.0.3/24");
        assert_eq!(seen["prevResult"]["interfaces"][2]["mac"], "02:00:00:00:00:07");
        has_all(&scene.node.dump(), &[&["netns web: link eth0", "mtu 1400", "address 02:00:00:00:00:07"]]);
        // The later plugin's values are the ones that CHECK asks for.
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}

#[test]
fn a_component_goes_on_from_what_a_binary_made() {
    private(|| {
        let scene = Scene::with(&[chained()]);
        if !scene.node.install_reference(&["bridge", "host-local"]) {
            return;
        }
        let mut first = lan("lab0", "10.1.0.0/24");
        first.as_object_mut().unwrap().retain(|key, _| key != "name" && key != "cniVersion");
        let second = json!({ "type": "chained", "mtu": 1300, "address": "10.7.0.1/24" });
        let conf = scene.mixed(json!([list(json!([first, second, scene.node.plugin("watching")]))]));
        let before = scene.warmed_up(&conf);
        scene.node.forget_recorded();
        let (pod, answer) = scene.attached("web", &conf);
        let result = answer.result();
        let addresses: Vec<_> = result["ips"].as_array().unwrap().iter().map(|ip| &ip["address"]).collect();
        assert_eq!(addresses, ["10.1.0.3/24", "10.7.0.1/24"]);
        assert_eq!(scene.node.recorded()[0].conf()["prevResult"]["ips"][1]["address"], "10.7.0.1/24");
        has_all(
            &scene.node.dump(),
            &[&["netns web: link eth0", "mtu 1300"], &["netns web: address 10.7.0.1/24 dev eth0"]],
        );
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}

#[test]
fn what_a_chained_component_changed_is_as_it_was_before_the_next_del_runs() {
    private(|| {
        let scene = Scene::with(&[chained()]);
        if !scene.node.install_reference(&["bridge", "host-local"]) {
            return;
        }
        let mut first = lan("lab0", "10.1.0.0/24");
        first.as_object_mut().unwrap().retain(|key, _| key != "name" && key != "cniVersion");
        let second = json!({ "type": "chained", "mtu": 1300, "address": "10.7.0.1/24" });
        let mut last = scene.node.plugin("failing");
        last["misbehave"] = json!({ "ADD": { "fail": { "code": 101, "msg": "on purpose" } } });
        let conf = scene.mixed(json!([list(json!([first, second, last]))]));
        let pod = scene.node.pod("web");
        assert_eq!(scene.node.add(&pod, &conf).error().code, 101);
        let dump = scene.node.dump();
        assert!(!dump.has(&["netns web: link eth0"]) && !dump.has(&["link", "master lab0"]), "{dump}");
    });
}

#[test]
fn a_network_by_a_component_beside_one_by_a_binary() {
    private(|| {
        let scene = Scene::with(&[bridge(), host_local()]);
        if !scene.node.install_reference(&["ptp"]) {
            return;
        }
        // Debian's ptp asks for host-local by exec, where the catalog counts for nothing.
        if !scene.node.install_reference(&["host-local"]) {
            return;
        }
        let beside = json!({ "cniVersion": "1.0.0", "name": "beside", "type": "ptp",
            "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.2.0.0/24" }]] } });
        let conf = scene.mixed(json!([lan("lab0", "10.1.0.0/24"), beside]));
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        has_all(
            &scene.node.dump(),
            &[&["netns web: address 10.1.0.3/24 dev eth0"], &["netns web: address 10.2.0.3/24 dev net1"]],
        );
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}
