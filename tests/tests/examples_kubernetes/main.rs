//! The files of `examples/kubernetes`, as they stand: the node's conf, and each definition with its pod, against the
//! API server's double and with this machine's CNI plugins.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod promises;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use multus_tests::{
    Credential, Dump, Heard, Module, Node, Pod, Protocol, TestApiServer, binaries, fresh_cni_folders,
    hear_for, in_the_machine, ip, kinds, left_out, private, visit,
};
use serde_json::{Value, json};

use promises::{EXAMPLES, Example, example};

const PLUGINS: [&str; 6] = ["bridge", "host-device", "host-local", "macvlan", "static", "tuning"];

/// The MAC of the node's `data0`.
const DATA0: &str = "0a:58:00:00:00:01";

/// What the bridges, their addresses and ports take of a node by components, and no binary.
const GRANTS: [&str; 12] = [
    "links=cni0",
    "links=br-*",
    "links=eth1",
    "defaultRoutes=true",
    "ipam=host-local",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
    "sysctls=net/ipv4/conf/br-*/route_localnet",
    "firewall=masquerade",
    "firewall=port-mapping",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == ending)).collect();
    files.sort();
    files
}

/// A node with `eth1` and `data0`, and an API server with everything in `deploy` and in the example.
struct Scene {
    node: Node,
    api: TestApiServer,
    conf: Value,
    pod: Pod,
}

impl Scene {
    /// `None` where this machine lacks a plugin.
    fn of(file: &str) -> Option<Scene> {
        let plugins = reference_plugins()?;
        fresh_cni_folders();
        for name in PLUGINS {
            symlink(plugins.join(name), Path::new("/opt/cni/bin").join(name)).unwrap();
        }
        // There is no dummy on every kernel, and veths have what a card has.
        ip("link add eth1 type veth peer name wire1");
        ip(&format!("link add data0 address {DATA0} type veth peer name wire0"));
        ["eth1", "wire1", "data0", "wire0"].iter().for_each(|link| drop(ip(&format!("link set {link} up"))));

        let api = TestApiServer::https().with_rbac().without_definitions();
        let manifests = files("deploy", "yaml").into_iter().map(|path| fs::read_to_string(path).unwrap());
        manifests.for_each(|text| api.load_yaml(&text));
        let folder = repository().join("examples/kubernetes");
        api.load_yaml(&fs::read_to_string(folder.join(format!("{file}.yaml"))).unwrap());

        let conf = fs::read(folder.join("00-multus.conf")).unwrap();
        let conf: Value = serde_json::from_slice(&conf).unwrap();
        let kubeconfig = Path::new(conf["kubeconfig"].as_str().unwrap());
        fs::create_dir_all(kubeconfig.parent().unwrap()).unwrap();
        let token = api.token("system:serviceaccount:kube-system:multus");
        fs::write(kubeconfig, api.kubeconfig(Credential::Token(&token))).unwrap();
        let node = Node::new();
        let pod = node.pod("sandbox").named("default", &format!("on-{file}"));
        Some(Scene { node, api, conf, pod })
    }

    /// The same by components, and no binary. What all rules share stays, and is there from the first pod on; the addresses
    /// begin anew.
    fn by_components(file: &str, further: &[Module]) -> Option<Scene> {
        let mut scene = Scene::of(file)?;
        ip("link set lo up");
        let modules = [
            Module::delegate(
                "bridge",
                &grants(&["links", "default", "ipam", "masquerade", "forward", "arp", "accept"]),
            ),
            Module::delegate("host-local", &["store=/var/lib/cni/networks"]),
        ];
        scene.conf["wasm"] = scene.node.modules("wasm", &[&modules[..], further].concat());
        scene.conf["exec"] = json!({ "allow": [] });
        let first = scene.node.pod("first").named("default", &format!("on-{file}"));
        scene.node.add(&first, &scene.conf).succeeded();
        scene.node.del(&first, &scene.conf).succeeded();
        scene.node.remove_netns("first");
        fs::remove_dir_all("/var/lib/cni/networks").unwrap();
        Some(scene)
    }

    /// The links that the pod has, without `lo`.
    fn links(&self) -> Vec<String> {
        let links: Value = serde_json::from_str(&ip("-n sandbox -j link show")).unwrap();
        let names = links.as_array().unwrap().iter().map(|link| link["ifname"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.filter(|name| name != "lo").collect();
        // Their numbers, and so their order, are chosen by chance.
        names.sort();
        names
    }

    fn status(&self, pod: &str) -> Value {
        let pod = self.api.object("pods", "default", pod).unwrap();
        let text =
            pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"].as_str().unwrap().to_owned();
        serde_json::from_str(&text).unwrap()
    }
}

/// Those of these kinds.
fn grants(kinds: &[&str]) -> Vec<&'static str> {
    GRANTS.into_iter().filter(|grant| kinds.iter().any(|kind| grant.contains(kind))).collect()
}

fn portmap() -> Module {
    Module::delegate("portmap", &grants(&["port-mapping", "localnet"]))
}

fn sbr() -> Module {
    Module::delegate("sbr", &["defaultRoutes=true"])
}

fn ptp() -> Module {
    Module::delegate("ptp", &grants(&["default", "ipam", "masquerade", "forward", "accept"]))
}

fn reference_plugins() -> Option<PathBuf> {
    let folder = binaries::reference_plugins().unwrap_or_default();
    let missing = PLUGINS.iter().find(|name| !folder.join(name).is_file());
    if let Some(name) = missing {
        left_out(&format!("this machine has no CNI plugin {name:?} for the examples"));
    }
    missing.is_none().then_some(folder)
}

/// What plugins keep on purpose: bridges with what belongs to them, and host-local's memory of the last address. A
/// device that `host-device` gives back is down, with its name as an alias. The kernel makes the rule by which packets find a
/// vrf's table with a namespace's first vrf, and keeps it.
fn lasting(line: &str) -> bool {
    let shared = [
        "netns host: link data0 ",
        "cni0",
        "br-storage",
        "br-chained",
        "br-way-out",
        "br-ports",
        "br-default",
        "br-limited",
        "br-vlans",
        "last_reserved_ip",
        "/lock (",
        " all l3mdev ",
    ];
    line.starts_with("folder ") || shared.iter().any(|word| line.contains(word))
}

fn state(node: &Node) -> Dump {
    node.state().without(lasting)
}

fn attach_check_detach(file: &str) {
    let example = example(file);
    if let Some(scene) = Scene::of(example.file) {
        attach_check_detach_in(&scene, example, || {});
    }
}

/// `attached` looks at the pod in between.
fn attach_check_detach_in(scene: &Scene, example: &Example, attached: impl Fn()) {
    let before = state(&scene.node);
    let result = scene.node.add(&scene.pod, &scene.conf).result();
    assert_eq!(result["ips"][0]["address"], example.cluster, "{result}");
    let vrf = scene.links().into_iter().filter(|name| name != "storage").collect::<Vec<_>>();
    assert_eq!(vrf, if example.link == "eth0" { &["eth0"][..] } else { &["eth0", "net1"] });
    what_the_file_promises(example, scene);
    attached();
    let mut checked = scene.conf.clone();
    checked["prevResult"] = result;
    scene.node.check(&scene.pod, &checked).succeeded();

    scene.api.forget_requests();
    scene.node.del(&scene.pod, &scene.conf).succeeded();
    assert_eq!(scene.api.briefs(), [""; 0], "a DEL asks nobody");
    assert_eq!(scene.links(), [""; 0]);
    state(&scene.node).must_equal(&before);
    assert!(scene.node.dump().has(&["netns host: link data0 kind veth", DATA0]));
}

fn what_the_file_promises(example: &Example, scene: &Scene) {
    let dump = scene.node.dump();
    for words in example.pod {
        assert!(dump.has(&[&["netns sandbox: "], *words].concat()), "{words:?} is not in\n{dump}");
    }
    for words in example.node {
        assert!(dump.has(&[&["netns host: "], *words].concat()), "{words:?} is not in\n{dump}");
    }
    let defaults: Value = serde_json::from_str(&ip("-n sandbox -j route show default")).unwrap();
    let ways: Vec<_> =
        defaults.as_array().unwrap().iter().map(|it| json!([it["gateway"], it["dev"]])).collect();
    assert_eq!(ways, [json!([example.way_out.0, example.way_out.1])]);

    let status = scene.status(&format!("on-{}", example.file));
    let all = status.as_array().unwrap();
    assert_eq!(all.len(), if example.link == "eth0" { 1 } else { 2 }, "{status}");
    let of_link = all.last().unwrap();
    assert_eq!(of_link["name"], format!("default/{}", example.file));
    let addresses = if example.addresses.is_empty() { Value::Null } else { json!(example.addresses) };
    assert_eq!(of_link["ips"], addresses, "{status}");
    for (name, value) in example.sysctls {
        assert_eq!(sysctl(name), *value, "{name}");
    }
    let mac = of_link["mac"].as_str().unwrap();
    let link = format!("netns sandbox: link {} ", example.link);
    assert!(dump.has(&[&link, mac]), "{mac} is not in\n{dump}");
}

/// A setting as a process in the pod reads it.
fn sysctl(name: &str) -> String {
    let path = format!("/proc/sys/{name}");
    let output = Command::new("nsenter").args(["--net=/run/netns/sandbox", "cat", &path]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_bridge_with_an_address_and_a_mac_of_the_pods_choice() {
    private(|| attach_check_detach("bridge"));
}

#[test]
fn two_plugins_in_a_row_are_a_bridge_and_a_sysctl() {
    private(|| attach_check_detach("chained"));
}

#[test]
fn the_way_out_is_by_the_other_network() {
    private(|| attach_check_detach("default-route"));
}

#[test]
fn a_device_of_the_node_moves_into_the_pod_and_back() {
    private(|| attach_check_detach("host-device"));
}

#[test]
fn a_macvlan_of_the_nodes_uplink() {
    private(|| attach_check_detach("macvlan"));
}

/// The first address of the node on the way is the bridge's.
#[test]
fn a_port_of_the_node_leads_to_a_pod_by_components() {
    private(|| {
        let Some(scene) = Scene::by_components("ports", &[portmap()]) else { return };
        attach_check_detach_in(&scene, example("ports"), || {
            let patience = Duration::from_secs(2);
            let to = "127.0.0.1:8080".parse().unwrap();
            let heard = visit(patience, Protocol::Tcp, "", to, "sandbox", 80);
            assert_eq!(heard, Heard::Answered("10.86.0.1".parse().unwrap()));
        });
    });
}

#[test]
fn a_link_of_its_own_to_the_node_and_a_limit_of_the_pods_sockets() {
    private(|| {
        let tuning = Module::delegate("tuning", &["sysctls=net/core/somaxconn"]);
        let Some(scene) = Scene::by_components("ptp-tuned", &[ptp(), tuning]) else { return };
        attach_check_detach_in(&scene, example("ptp-tuned"), || {
            let status = scene.status("on-ptp-tuned");
            assert_eq!(status[1]["dns"]["nameservers"], json!(["10.93.0.1"]), "{status}");
        });
    });
}

#[test]
fn a_port_of_the_node_leads_to_a_pod_with_a_link_of_its_own() {
    private(|| {
        // The node's end has another name for each pod.
        let portmap =
            Module::delegate("portmap", &["firewall=port-mapping", "sysctls=net/ipv4/conf/*/route_localnet"]);
        let Some(scene) = Scene::by_components("ptp-ports", &[ptp(), portmap]) else { return };
        attach_check_detach_in(&scene, example("ptp-ports"), || {
            let to = "127.0.0.1:8082".parse().unwrap();
            let heard = visit(Duration::from_secs(2), Protocol::Tcp, "", to, "sandbox", 80);
            assert_eq!(heard, Heard::Answered("10.94.0.1".parse().unwrap()));
        });
    });
}

#[test]
fn by_components_two_plugins_in_a_row_are_a_bridge_and_a_sysctl() {
    private(|| {
        let tuning = Module::delegate("tuning", &["sysctls=net/ipv4/conf/*/arp_filter"]);
        let Some(scene) = Scene::by_components("chained", &[tuning]) else { return };
        attach_check_detach_in(&scene, example("chained"), || {});
    });
}

#[test]
fn by_components_a_macvlan_has_the_address_and_the_mac_of_the_pods_choice() {
    private(|| {
        let grants = ["links=eth1", "ipam=static", "sysctls=net/ipv4/conf/*/arp_notify"];
        let macvlan = Module::delegate("macvlan", &grants);
        // It wants some setting granted, and makes none here.
        let tuning = Module::delegate("tuning", &["sysctls=net/ipv4/conf/*/arp_filter"]);
        let further = [macvlan, Module::delegate("static", &[]), tuning];
        let Some(scene) = Scene::by_components("macvlan-tuned", &further) else { return };
        attach_check_detach_in(&scene, example("macvlan-tuned"), || {});
    });
}

/// What it sends waits in the detour, what it receives on the node's end; and it answers from the address that was asked.
#[test]
fn four_plugins_in_a_row_map_limit_and_route() {
    private(|| {
        if let Some(kind) = ["ifb", "limit", "redirect"].into_iter().find(|kind| kinds::lacks(kind)) {
            return left_out(&format!("the example limited: this kernel has no `{kind}`"));
        }
        let further = [portmap(), Module::delegate("bandwidth", &[]), sbr()];
        let Some(scene) = Scene::by_components("limited", &further) else { return };
        attach_check_detach_in(&scene, example("limited"), || {
            let queues = Command::new("tc").args(["qdisc", "show"]).output().unwrap();
            let queues = String::from_utf8_lossy(&queues.stdout).into_owned();
            assert_eq!(queues.matches("qdisc tbf").count(), 2, "{queues}");
            let rules = ip("-n sandbox rule show");
            assert!(rules.contains("from 10.87.0.2 lookup 100"), "{rules}");
            let to = "127.0.0.1:8081".parse().unwrap();
            let heard = visit(Duration::from_secs(2), Protocol::Tcp, "", to, "sandbox", 80);
            assert_eq!(heard, Heard::Answered("10.87.0.1".parse().unwrap()));
        });
    });
}

#[test]
fn a_macvlan_has_the_address_and_the_mac_of_the_pods_choice() {
    private(|| attach_check_detach("macvlan-tuned"));
}

#[test]
fn another_network_than_the_clusters_is_the_default_one() {
    private(|| attach_check_detach("default-network"));
}

#[test]
fn vm_an_ipvlan_is_in_a_table_of_its_own() {
    if !in_the_machine("ipvlan and vrf") {
        return;
    }
    private(|| {
        let ipvlan = Module::delegate("ipvlan", &grants(&["links=eth1", "ipam", "arp"]));
        let further = [ipvlan, Module::delegate("vrf", &["names=storage"])];
        let Some(scene) = Scene::by_components("ipvlan-vrf", &further) else { return };
        attach_check_detach_in(&scene, example("ipvlan-vrf"), || {
            let routes = ip("-n sandbox route show vrf storage");
            assert!(routes.contains("10.90.0.0/24 dev net1"), "{routes}");
        });
    });
}

#[test]
fn vm_the_node_is_the_gateway_of_a_vlan() {
    if !in_the_machine("bridges that tell VLANs apart") {
        return;
    }
    private(|| {
        let Some(scene) = Scene::by_components("vlan-gateway", &[sbr()]) else { return };
        attach_check_detach_in(&scene, example("vlan-gateway"), || {
            // From the node: what the pod itself begins without a source goes by `sbr`'s choice, the other way.
            let heard = hear_for(Duration::from_secs(4), "", "sandbox", "10.92.0.2".parse().unwrap());
            assert_eq!(heard, Heard::Answered("10.92.0.1".parse().unwrap()));
        });
    });
}

#[test]
fn every_file_is_one_of_these() {
    let names: Vec<String> = files("examples/kubernetes", "yaml")
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        BTreeSet::from_iter(names.iter().map(String::as_str)),
        BTreeSet::from(EXAMPLES.map(|example| example.file))
    );
    let table = fs::read_to_string(repository().join("examples/kubernetes/README.md")).unwrap();
    for name in names {
        assert!(table.contains(&format!("| `{name}.yaml` |")), "{name} is not in the table");
    }
}

#[test]
fn validate_finds_nothing_wrong_with_any_file() {
    let folders = [("examples/kubernetes", "yaml"), ("examples/kubernetes", "conf"), ("deploy", "yaml")];
    let files: Vec<PathBuf> = folders.iter().flat_map(|(folder, ending)| files(folder, ending)).collect();
    let output = Command::new(binaries::multusctl()).arg("validate").args(&files).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("0 errors, 0 warnings"), "{said}");
}
