//! Links on links of the pod, links of kinds that a kernel may lack, and a vrf that networks share.

use multus_tests::{Module, ip, kinds, left_out, private};
use serde_json::{Value, json};

use crate::scene::{Scene, bridge, has_all, host_local, lan, named_addresses};

fn of_kind(kind: &'static str, names: &'static str) -> Module {
    let grants =
        ["links=dev*", "ipam=host-local", "ipam=static", "sysctls=net/ipv4/conf/*/arp_notify", names];
    Module::delegate(kind, &grants)
}

fn modules(names: &'static str) -> Vec<Module> {
    let kinds = ["macvlan", "ipvlan", "vlan"].map(|kind| of_kind(kind, names));
    let vrf = Module::delegate("vrf", &["names=blue", "defaultRoutes=true"]);
    kinds.into_iter().chain([vrf, bridge(), host_local(), named_addresses()]).collect()
}

/// On `eth0`, the link of the network before.
fn on_eth0(kind: &str) -> Value {
    let addresses = json!([{ "address": "10.5.0.2/24" }]);
    let mut network = json!({ "cniVersion": "1.0.0", "name": "upper", "type": kind, "master": "eth0",
        "linkInContainer": true, "ipam": { "type": "static", "addresses": addresses } });
    if kind == "vlan" {
        network["vlanId"] = json!(100);
    }
    network
}

/// The first of these words that the kernel has no links of; said aloud.
fn lacking(words: &[&str], what: &str) -> bool {
    let missing = words.iter().find(|word| kinds::lacks(word));
    if let Some(word) = missing {
        left_out(&format!("{what}: this kernel has no `{word}`"));
    }
    missing.is_some()
}

#[test]
fn a_network_may_be_on_the_link_of_one_before_it() {
    private(|| {
        let scene = Scene::with(&modules("names=eth*"));
        for kind in ["macvlan", "ipvlan", "vlan"] {
            if lacking(&[kind], &format!("{kind} on a link of the pod")) {
                continue;
            }
            let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24"), on_eth0(kind)]));
            let before = scene.warmed_up(&conf);
            let (pod, _) = scene.attached("web", &conf);
            has_all(
                &scene.node.dump(),
                &[&["netns web: link net1", kind], &["netns web: address 10.5.0.2/24"]],
            );
            assert!(!ip("-br link show").contains("net1"), "it never was on the node");
            scene.checked(&pod, &conf).succeeded();
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns("web");
            scene.state().must_equal(&before);
        }
    });
}

/// What the operator did not name is another network's.
#[test]
fn a_link_of_another_network_takes_a_grant() {
    private(|| {
        let scene = Scene::with(&modules("names=net*"));
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24"), on_eth0("macvlan")]));
        scene.warmed_up(&scene.conf(json!([lan("lab0", "10.1.0.0/24")])));
        let pod = scene.node.pod("web");
        scene.refused(
            &pod,
            &conf,
            7,
            &["network upper (net1)", "make a link on `eth0`", "\"names\": [\"eth0\"]"],
        );
        let mut nowhere = on_eth0("macvlan");
        nowhere["master"] = json!("net7");
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24"), nowhere]));
        scene.refused(&pod, &conf, 100, &["the pod has no link `net7`", "has to come before this one"]);
    });
}

/// Two networks share a vrf, a third has one of its own: each goes with its last port.
#[test]
fn a_vrf_is_shared_by_name_and_goes_with_its_last_port() {
    private(|| {
        if lacking(&["vrf"], "vrfs that networks share") {
            return;
        }
        let scene = Scene::with(&modules("names=blue"));
        let chained = |bridge: &str, subnet: &str| {
            let mut first = lan(bridge, subnet);
            let mut list = json!({ "plugins": [] });
            for key in ["name", "cniVersion"] {
                list[key] = first.as_object_mut().unwrap().remove(key).unwrap();
            }
            list["plugins"] = json!([first, { "type": "vrf", "vrfname": "blue" }]);
            list
        };
        let conf = scene.conf(json!([chained("lab0", "10.1.0.0/24"), chained("lab1", "10.2.0.0/24")]));
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        let ports = ip("-n web -br link show master blue");
        assert!(ports.contains("eth0") && ports.contains("net1"), "{ports}");
        let routes = ip("-n web route show table 1");
        for route in ["default via 10.1.0.1 dev eth0", "10.2.0.0/24 dev net1"] {
            assert!(routes.contains(route), "{route} is not in\n{routes}");
        }
        assert_eq!(ip("-n web route show"), "", "none is left in the main table");
        scene.checked(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
        assert!(!ip("-n web -br link show").contains("blue"));
        scene.node.remove_netns("web");
        scene.state().must_equal(&before);
    });
}
