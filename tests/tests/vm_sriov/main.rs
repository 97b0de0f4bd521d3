//! Virtual functions of real cards, which the virtual machine emulates: what pods get of them, what the card says, and
//! that everything is as before afterwards. Judged by `ip` alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod card;
mod crash;
mod device;
mod lost;
mod programs;
mod readme;
mod table;
mod traffic;

use std::time::Instant;

use multus_tests::{Answer, Module, Node, Pod, in_the_machine, ip};
use serde_json::{Value, json};

use card::Card;
use table::Seen;

const NEEDS: &str = "a network card with virtual functions";
/// What the card emulated here has, and Debian's driver of it.
const MAC: &str = "02:00:00:00:77:01";

/// What the component may do in these stories.
const GRANTS: [&str; 9] = [
    "sriov=pf*",
    "sriov=enp*",
    "ipam=static",
    "ipam=host-local",
    "names=north*",
    "defaultRoutes=true",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/*/ndisc_notify",
    "sysctls=net/ipv6/conf/*/disable_ipv6",
];

/// An emulated processor waits for an emulated card.
fn be_patient(node: &Node) {
    node.edit_catalog("wasm", |catalog| {
        for (_, module) in catalog["modules"].as_object_mut().unwrap() {
            module["limits"] = json!({ "timeout": "10s" });
        }
    });
}

struct Scene {
    node: Node,
    card: Card,
    wasm: Value,
    seen: Seen,
}

impl Scene {
    fn new(card: Card) -> Scene {
        let node = Node::new();
        let modules = [Module::delegate("sriov", &GRANTS), Module::delegate("static", &[])];
        let wasm = node.modules("wasm", &modules);
        be_patient(&node);
        Scene { node, card, wasm, seen: Seen::default() }
    }

    /// A conf with one network by a virtual function. No binary may run.
    fn conf(&self, own: &Value) -> Value {
        let mut network = json!({ "cniVersion": "1.1.0", "name": "fast", "type": "sriov" });
        network.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let mut conf = self.node.conf(json!([network]));
        conf["wasm"] = self.wasm.clone();
        conf["exec"] = json!({ "allow": [] });
        conf
    }

    fn attached(&self, name: &str, own: &Value) -> (Pod, Value, Answer) {
        let (pod, conf) = (self.node.pod(name), self.conf(own));
        let answer = self.node.add(&pod, &conf);
        answer.succeeded();
        (pod, conf, answer)
    }

    fn checked(&self, pod: &Pod, conf: &Value) -> Answer {
        let mut conf = conf.clone();
        conf["prevResult"] = json!({ "cniVersion": "1.1.0" });
        self.node.check(pod, &conf)
    }

    fn ends(&self, pod: &Pod, conf: &Value) {
        self.node.del(pod, conf).succeeded();
        ip(&format!("netns del {}", pod.container_id));
    }
}

fn addresses(address: &str) -> Value {
    json!({ "type": "static", "addresses": [{ "address": address }] })
}

/// What is told of a card.
type Story = fn(&Scene);

/// The card is one, so these stories are told one after the other.
#[test]
fn virtual_functions_are_the_pods_for_a_while() {
    if !in_the_machine(NEEDS) {
        return;
    }
    let scene = Scene::new(Card::with_functions("pf0", 7, ""));
    let stories: [(&str, Story); 13] = [
        ("each key is so, and then as it was", each_key),
        ("what the card refuses", refusals),
        ("a pod whose namespace is gone", gone),
        ("a conf of 2018 takes any function that is free", of_2018),
        ("a function is one pod's at a time", one_at_a_time),
        ("a device by its address on the bus", device::by_bus_address),
        ("a VLAN's pods are among themselves", traffic::vlans),
        ("neighbours are told of an address's new function", traffic::told),
        ("as many pods at once as there are functions", traffic::seven_at_once),
        ("functions that nobody brings home", lost::and_found),
        ("the pod of the first README", readme::pod),
        ("an ADD that is killed at each step", crash::add_at_each_step),
        ("a DEL that is killed in between", crash::del_in_between),
    ];
    for (what, story) in stories {
        let before = scene.card.state();
        timed(what, || story(&scene));
        assert_eq!(scene.card.state(), before, "{what}");
    }
    scene.seen.is_on_the_page(&scene.card);
    // Links that get other numbers: home where theirs is taken, or made anew by a driver that gets its function back.
    let stories: [(&str, Story); 4] = [
        ("a function of which its pod left nothing as it was", changed),
        ("functions that programs would have, without an IOMMU", programs::without_iommu),
        ("functions that programs have", programs::with_iommu),
        ("an ADD for programs that is killed between two drivers", programs::killed),
    ];
    for (what, story) in stories {
        timed(what, || story(&scene));
    }
}

fn timed(what: &str, story: impl FnOnce()) {
    let began = Instant::now();
    story();
    println!("{what}: {:.1} s", began.elapsed().as_secs_f64());
}

fn each_key(scene: &Scene) {
    let own = json!({
        "deviceID": scene.card.address(0), "vlan": 100, "vlanQoS": 3, "mac": MAC, "max_tx_rate": 300,
        "spoofchk": "off", "trust": "on", "mtu": 1400, "ipam": addresses("10.5.0.1/24"),
    });
    let (pod, conf, answer) = scene.attached("keys", &own);
    let link = &answer.result()["interfaces"][0];
    let expected = json!({ "name": "eth0", "mac": MAC, "mtu": 1400, "sandbox": pod.netns, "pciID": scene.card.address(0) });
    assert_eq!(*link, expected);
    let told = scene.card.function(0);
    let inside = ip("-n keys address show eth0");
    for (key, is, value) in [
        ("mac", &told["address"], json!(MAC)),
        ("vlan", &told["vlan_list"][0]["vlan"], json!(100)),
        ("vlanQoS", &told["vlan_list"][0]["qos"], json!(3)),
        ("spoofchk", &told["spoofchk"], json!(false)),
        ("trust", &told["trust"], json!(true)),
        ("max_tx_rate", &told["rate"]["max_tx"], json!(300)),
        ("mtu", &json!(inside.contains("mtu 1400")), json!(true)),
    ] {
        assert_eq!(*is, value, "{key}: {told}, {inside}");
        scene.seen.taken(key);
    }
    for word in [MAC, "10.5.0.1/24", "UP"] {
        assert!(inside.contains(word), "{word} is not in {inside}");
    }
    scene.checked(&pod, &conf).succeeded();
    ip("link set pf0 vf 0 vlan 5");
    let error = scene.checked(&pod, &conf).error();
    assert!(error.msg.contains("has VLAN 5") && error.msg.contains("was given VLAN 100"), "{error:?}");
    ip("link set pf0 vf 0 vlan 100 qos 3");
    scene.ends(&pod, &conf);
}

/// This card has no lower bounds of rates, no service tags and no link states.
fn refusals(scene: &Scene) {
    for (key, own, words) in [
        ("vlanProto", json!({ "vlan": 7, "vlanProto": "802.1ad" }), "does not take this VLAN"),
        ("min_tx_rate", json!({ "min_tx_rate": 10 }), "does not take this rate"),
        ("link_state", json!({ "link_state": "disable" }), "does not take a link state"),
    ] {
        let before = scene.card.state();
        let mut own = own;
        own["deviceID"] = scene.card.address(0).into();
        own["spoofchk"] = "off".into();
        own["mac"] = MAC.into();
        let (pod, conf) = (scene.node.pod("refused"), scene.conf(&own));
        let error = scene.node.add(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(said.contains(words) && said.contains(&scene.card.address(0)), "{said}");
        assert_eq!(error.code, 5, "{error:?}");
        scene.seen.refused(key, &error);
        assert_eq!(scene.card.state(), before, "{own}");
        ip("netns del refused");
    }
}

fn gone(scene: &Scene) {
    let own = json!({ "deviceID": scene.card.address(1), "vlan": 100, "mac": MAC, "ipam": addresses("10.5.0.1/24") });
    let (pod, conf, _) = scene.attached("gone", &own);
    // It comes home under the name that it has in the pod, unless that is somebody else's.
    ip("link add eth0 type dummy");
    ip("-n gone link set eth0 down");
    ip("netns del gone");
    scene.card.await_function(1);
    scene.node.del(&pod, &conf).succeeded();
    ip("link del eth0");
}

/// It comes home by itself, under another name, number and address than anybody knows.
fn changed(scene: &Scene) {
    let home = scene.card.await_function(5);
    let index = std::fs::read_to_string(format!("/sys/class/net/{home}/ifindex")).unwrap();
    let own = json!({ "deviceID": scene.card.address(5), "vlan": 100, "trust": "on" });
    let (pod, conf, _) = scene.attached("changed", &own);
    ip("-n changed link set eth0 down");
    ip("-n changed link set eth0 name mine address 02:00:00:00:99:05");
    ip(&format!("link add squatter index {} type dummy", index.trim()));
    ip("netns del changed");
    assert_eq!(scene.card.await_function(5), "mine");
    scene.node.del(&pod, &conf).succeeded();
    assert_eq!(scene.card.await_function(5), home);
    assert!(scene.card.function(5)["vlan_list"][0]["vlan"].is_null());
    ip("link del squatter");
}

fn of_2018(scene: &Scene) {
    let own = json!({ "if0": "pf0", "if0name": "north0", "l2enable": true, "vlan": 210 });
    let (pod, conf, answer) = scene.attached("old", &own);
    let link = &answer.result()["interfaces"][0];
    assert_eq!((&link["name"], &link["pciID"]), (&json!("north0"), &json!(scene.card.address(0))));
    assert_eq!(scene.card.function(0)["vlan_list"][0]["vlan"], 210);
    scene.ends(&pod, &conf);
}

/// As on most nodes, its link is up.
fn one_at_a_time(scene: &Scene) {
    let is_up = || ip("link show vf0").contains(",UP");
    ip("link set vf0 up");
    let own = json!({ "deviceID": scene.card.address(0) });
    let (pod, conf, _) = scene.attached("first", &own);
    let late = scene.node.pod("late");
    let error = scene.node.add(&late, &conf).error();
    assert_eq!(error.code, 11, "{error:?}");
    assert!(error.msg.contains("container first has it as eth0"), "{error:?}");
    ip("netns del late");
    scene.checked(&pod, &conf).succeeded();
    let claim = format!("/var/lib/cni/sriov/multus/{}", scene.card.address(0));
    let content = std::fs::read(&claim).unwrap();
    std::fs::remove_file(&claim).unwrap();
    let error = scene.checked(&pod, &conf).error();
    assert!(error.msg.contains("is not claimed for this attachment"), "{error:?}");
    std::fs::write(&claim, content).unwrap();
    scene.ends(&pod, &conf);
    assert!(is_up());
    ip("link set vf0 down");
}
