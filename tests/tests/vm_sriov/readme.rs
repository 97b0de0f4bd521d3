//! The pod of the README of 2018, with its files as they stand in `examples/2018`: flannel's network as eth0, one function
//! with an address, another one in a VLAN. Our own README shows what came out.

use std::fs;
use std::path::Path;

use multus_tests::{Module, Node, ip};
use serde_json::{Value, json};

use crate::card::{Card, wait_until};
use crate::{GRANTS, Scene, be_patient};

/// What the README's cards are called.
const NAMES: [&str; 2] = ["enp12s0f1", "enp2s0"];
const FILES: [&str; 5] = [
    "crdnetwork.yaml",
    "flannel-network.yaml",
    "sriov-network.yaml",
    "sriov-vlanid-l2enable-network.yaml",
    "pod-multi-network.yaml",
];
/// What the transform may change, as its README has it.
const MAY_CHANGE: [&str; 10] = [
    "/type",
    "/ipam",
    "/mtu",
    "/ipMasq",
    "/isGateway",
    "/delegate",
    "/subnetFile",
    "/dataDir",
    "/isDefaultGateway",
    "/bridge",
];
const OF_BRIDGE: [&str; 9] = [
    "links=cni0",
    "defaultRoutes=true",
    "ipam=host-local",
    "firewall=masquerade",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
    "sysctls=net/ipv6/conf/*/disable_ipv6",
];
const SUBNET: &str =
    "FLANNEL_NETWORK=192.168.0.0/16\nFLANNEL_SUBNET=192.168.42.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
/// What is shown of it.
const SHOWN: [&str; 2] = ["-netns pod -brief address", "link show enp2s0"];

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn modules(node: &Node) -> Value {
    let flannel = Module::transform("flannel", json!({}), &MAY_CHANGE)
        .option("--match-type", "flannel")
        .option("--input", "subnet=/run/flannel/subnet.env")
        .option("--input-from", "subnet=/subnetFile");
    let wasm = node.modules(
        "wasm",
        &[
            flannel,
            Module::delegate("bridge", &OF_BRIDGE),
            Module::delegate("sriov", &GRANTS),
            Module::delegate("host-local", &["store=/var/lib/cni/networks"]),
        ],
    );
    be_patient(node);
    wasm
}

/// The conf that has the cluster's objects from a folder, where the README's asks an API server.
fn conf(node: &Node, wasm: Value) -> Value {
    let examples = repository().join("examples/2018");
    let shelf = node.path("manifests");
    fs::create_dir_all(&shelf).unwrap();
    for name in FILES {
        fs::copy(examples.join(name), shelf.join(name)).unwrap();
    }
    let mut conf: Value =
        serde_json::from_slice(&fs::read(examples.join("kubeconfig.conf")).unwrap()).unwrap();
    conf.as_object_mut().unwrap().remove("kubeconfig");
    conf["manifests"] = json!(shelf);
    conf["cniDir"] = json!(node.cni_dir());
    conf["binDir"] = json!(node.bin_dir());
    conf["exec"] = json!({ "allow": [] });
    conf["wasm"] = wasm;
    conf
}

/// The names of the cards' links for as long as the story lasts.
pub(crate) fn pod(scene: &Scene) {
    let north = Card::with_functions("pf1", 4, "north");
    north.rename(NAMES[1]);
    scene.card.rename(NAMES[0]);
    let before = north.state();
    told(&scene.card, &north);
    assert_eq!(north.state(), before);
    scene.card.rename("pf0");
    north.rename("pf1");
    north.without_functions();
}

fn told(south: &Card, north: &Card) {
    fs::create_dir_all("/run/flannel").unwrap();
    fs::write("/run/flannel/subnet.env", SUBNET).unwrap();
    let node = Node::new();
    let conf = conf(&node, modules(&node));
    let pod = node.pod("pod").named("default", "multus-multi-net-poc");
    node.add(&pod, &conf).succeeded();

    let status = fs::read(node.path("manifests/network-status/default/multus-multi-net-poc.json")).unwrap();
    let status: Value = serde_json::from_slice(&status).unwrap();
    let told: Vec<_> =
        status.as_array().unwrap().iter().map(|one| (&one["name"], &one["interface"])).collect();
    // Results of that version name no links, so this tells what the plugins were asked for.
    let expected = [
        ("default/flannel-conf", "eth0"),
        ("default/sriov-conf", "net0"),
        ("default/sriov-vlanid-l2enable-conf", "net1"),
    ];
    for ((name, interface), (expected, link)) in told.iter().zip(expected) {
        assert_eq!((*name, *interface), (&json!(expected), &json!(link)), "{status}");
    }
    assert_eq!(told.len(), expected.len());
    for (key, value) in [("eth0", "192.168.42.2/24"), ("net0", "10.56.217.171/24")] {
        assert!(ip(&format!("-n pod address show {key}")).contains(value), "{key}");
    }
    assert_eq!(north.function(0)["vlan_list"][0]["vlan"], 210);
    assert!(!south.function(0).to_string().contains("210"), "{}", south.function(0));
    // Functions have a carrier some time after they came up.
    for link in ["net0", "north"] {
        let is_up = || {
            let told = ip(&format!("-n pod -brief address show {link}"));
            told.contains(" UP ") && told.contains("fe80:")
        };
        wait_until("a carrier in the pod", is_up);
    }
    let transcript: String = SHOWN.iter().map(|words| format!("$ ip {words}\n{}", ip(words))).collect();
    println!("{transcript}");
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let shown = readme.split("```").find(|block| block.contains(&format!("$ ip {}", SHOWN[1])));
    let shown = shown.expect("the README shows the pod").trim_start_matches("text\n");
    assert_eq!(
        steady(&transcript),
        steady(shown),
        "the README shows something else than came out:\n{transcript}"
    );

    node.del(&pod, &conf).succeeded();
    ip("link del cni0");
    ip("netns del pod");
    south.await_function(0);
    north.await_function(0);
}

/// Lines without what is another one each time: addresses of hardware, and numbers of links.
fn steady(text: &str) -> Vec<String> {
    let is_hardware = |word: &str| word.split(':').count() == 6;
    let word = |word: &str| match () {
        () if word.starts_with("fe80:") => "LINK-LOCAL".to_owned(),
        () if is_hardware(word.trim_end_matches(',')) => "MAC".to_owned(),
        () if word.trim_end_matches(':').parse::<u32>().is_ok() && word.ends_with(':') => "#:".to_owned(),
        () => word.split("@if").next().unwrap_or(word).to_owned(),
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).filter(|line| !line.is_empty()).collect()
}
