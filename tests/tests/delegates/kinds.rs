//! Links on links of the pod, links of kinds that a kernel may lack, and a vrf that networks share.

use std::process::Command;

use multus_tests::{Heard, Module, hear, in_the_machine, ip, kinds, left_out, private};
use serde_json::{Value, json};

use crate::scene::{Scene, address, bridge, has_all, host_local, lan, named_addresses};

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

/// What the pod sends in the VLANs of its trunk gets to the node's ends in these, and to none in another.
#[test]
fn vm_a_trunk_carries_its_vlans_and_no_other() {
    if !in_the_machine("bridges that tell VLANs apart") {
        return;
    }
    private(|| {
        let scene = Scene::with(&modules("names=eth*"));
        let conf = scene
            .conf(json!([{ "cniVersion": "1.0.0", "name": "trunk", "type": "bridge", "bridge": "lab0",
                                       "vlanTrunk": [{ "id": 5 }, { "minID": 7, "maxID": 8 }] }]));
        let (pod, _) = scene.attached("web", &conf);
        for vlan in [5, 6, 8] {
            let mut own = Command::new("bridge");
            own.args(["vlan", "add", "dev", "lab0", "self", "vid"]).arg(vlan.to_string());
            assert!(own.status().unwrap().success());
            for (place, link, last) in [("-n web ", "eth0", 2), ("", "lab0", 1)] {
                ip(&format!("{place}link add {link}.{vlan} link {link} type vlan id {vlan}"));
                ip(&format!("{place}addr add 10.9.{vlan}.{last}/24 dev {link}.{vlan}"));
                ip(&format!("{place}link set {link}.{vlan} up"));
            }
        }
        let heard = |vlan: u8| hear("web", "", address(&format!("10.9.{vlan}.1")));
        let own = |vlan: u8| Heard::Answered(address(&format!("10.9.{vlan}.2")));
        assert_eq!([5, 8].map(heard), [5, 8].map(own));
        assert_eq!(heard(6), Heard::Nothing);
        scene.node.del(&pod, &conf).succeeded();
    });
}
