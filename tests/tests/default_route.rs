//! `default-route` (NP-22, NP-23, NP-33): the kernel's routing tables, the result, what is recorded of it and the
//! network-status agree, with the reference plugins as delegates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use multus_tests::{Dump, Node, Pod, ip, network_object, pod_object, private};
use serde_json::{Value, json};

const PLUGINS: [&str; 5] = ["bridge", "macvlan", "ptp", "host-local", "static"];
const DEFAULT_NETWORK: &str = "v1.multus-cni.io/default-network";

/// Which delegates make default routes of both families by themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Made {
    Nobody,
    Everybody,
    Only(&'static str),
}

impl Made {
    fn by(self, interface: &str) -> bool {
        match self {
            Made::Nobody => false,
            Made::Everybody => true,
            Made::Only(one) => one == interface,
        }
    }
}

/// What IPAM hands out on `eth0` (10.0.0.0/24, fd00::/64) and on `net1` (10.1.0.0/24, fd01::/64), and its routes.
fn ipam(kind: &str, interface: &str, made: Made) -> Value {
    let number = u8::from(interface != "eth0");
    let (v4, v6) = (format!("10.{number}.0"), format!("fd0{number}::"));
    let mut ipam = match kind {
        "static" => json!({ "type": "static", "addresses": [
            { "address": format!("{v4}.2/24"), "gateway": format!("{v4}.1") },
            { "address": format!("{v6}2/64"), "gateway": format!("{v6}1") },
        ] }),
        _ => json!({ "type": "host-local", "ranges": [
            [{ "subnet": format!("{v4}.0/24") }], [{ "subnet": format!("{v6}/64") }],
        ] }),
    };
    ipam["routes"] = json!([{ "dst": format!("10.9{number}.0.0/16"), "gw": format!("{v4}.1") }]);
    if made.by(interface) {
        ipam["routes"]
            .as_array_mut()
            .unwrap()
            .extend([json!({ "dst": "0.0.0.0/0" }), json!({ "dst": "::/0" })]);
    }
    ipam
}

/// A list of a reference plugin and one that remembers what it was given.
fn list(node: &Node, name: &str, plugin: &str, ipam: Value) -> Value {
    let first = json!({ "type": plugin, "bridge": format!("br-{name}"), "master": "uplink", "ipam": ipam });
    let seen = node.plugin(&format!("seen-{name}"));
    json!({ "cniVersion": "1.0.0", "name": name, "plugins": [first, seen] })
}

/// A node and a pod `ns/web` with `eth0` on the default network and `net1` on `ns/red`; `net1` is of this plugin and
/// this IPAM. `key` is the `default-route` on the selection of `carrier`.
struct Scene {
    node: Node,
    pod: Pod,
    conf: Value,
}

impl Scene {
    fn new(name: &str, net1: (&str, &str), made: Made, carrier: &str, key: Option<&[&str]>) -> Option<Scene> {
        let node = Node::new();
        if !node.install_reference(&PLUGINS) {
            return None;
        }
        let default = list(&node, "default", "bridge", ipam("host-local", "eth0", made));
        let red = list(&node, "red", net1.0, ipam(net1.1, "net1", made));
        let element = |network: &str, interface: &str| {
            let mut element = json!({ "name": network });
            if let Some(key) = key.filter(|_| carrier == interface) {
                element["default-route"] = json!(key);
            }
            json!([element]).to_string()
        };
        let mut object = pod_object("ns", "web", &element("red", "net1"));
        if carrier == "eth0" {
            object["metadata"]["annotations"][DEFAULT_NETWORK] = json!(element("default", "eth0"));
        }
        let mut conf = node.conf(json!([default]));
        let objects =
            [object, network_object("ns", "red", &red), network_object("kube-system", "default", &default)];
        conf["manifests"] = json!(node.manifests(&objects));
        let pod = node.pod(name).named("ns", "web");
        Some(Scene { node, pod, conf })
    }

    /// The node without what the plugins keep between pods.
    fn state(&self) -> Dump {
        let kept = |line: &str| {
            line.contains("br-default") || line.contains("br-red") || line.contains("/var/lib/cni")
        };
        self.node.state().without(kept)
    }

    /// The default routes of the pod, as iproute2 tells: `10.1.0.9 net1`, with metric and all if it is not the usual.
    fn kernel(&self) -> Vec<String> {
        let mut routes = Vec::new();
        for (family, usual) in [("-4", 0), ("-6", 1024)] {
            let text = ip(&format!("-n {} -j {family} route show default", self.pod.container_id));
            let all: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
            for route in &all {
                let metric = route["metric"].as_u64().filter(|metric| *metric != usual);
                let metric = metric.map(|metric| format!(" {metric}")).unwrap_or_default();
                let several = route["nexthops"].as_array().cloned().unwrap_or(vec![route.clone()]);
                routes.extend(several.iter().map(|hop| {
                    format!(
                        "{} {}{metric}",
                        hop["gateway"].as_str().unwrap_or("-"),
                        hop["dev"].as_str().unwrap()
                    )
                }));
            }
        }
        routes
    }

    /// The status of `eth0` and of `net1`.
    fn status(&self) -> [Value; 2] {
        let text = fs::read(self.node.path("manifests/network-status/ns/web.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// What libcni's cache says of the result on an interface.
    fn cached(&self, interface: &str) -> Value {
        let network = if interface == "eth0" { "default" } else { "red" };
        let file = format!("results/{network}-{}-{interface}", self.pod.container_id);
        let text = fs::read(self.node.cni_dir().join(file)).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["result"].clone()
    }

    /// What the delegates got as `prevResult` of a verb on an interface.
    fn previous(&self, verb: &str, interface: &str) -> Value {
        let calls = self.node.recorded();
        let call = calls.iter().find(|call| call.verb == verb && call.variable("CNI_IFNAME") == interface);
        call.unwrap_or_else(|| panic!("no {verb} of {interface}")).conf()["prevResult"].clone()
    }
}

/// Where the default routes of a result lead, whatever its version.
fn told(result: &Value) -> Vec<String> {
    let mut gateways = Vec::new();
    let early = [&result["ip4"], &result["ip6"]];
    let places = if result["ip4"].is_null() { vec![result] } else { early.to_vec() };
    for place in places {
        for route in place["routes"].as_array().into_iter().flatten() {
            let dst = route["dst"].as_str().unwrap();
            if !matches!(dst, "0.0.0.0/0" | "::/0") {
                continue;
            }
            let of_family = |ip: &&Value| ip["address"].as_str().unwrap().contains(':') == (dst == "::/0");
            let ips = result["ips"].as_array().cloned().unwrap_or_default();
            let of_address = ips.iter().find(of_family).map_or(&place["gateway"], |ip| &ip["gateway"]);
            gateways.push(route["gw"].as_str().or(of_address.as_str()).unwrap_or("-").to_owned());
        }
    }
    gateways.sort();
    gateways
}

/// Those of the routes that lead over a link.
fn over(interface: &str, routes: &[&str]) -> Vec<String> {
    let words = routes.iter().map(|route| route.split(' ').collect::<Vec<_>>());
    let mut gateways: Vec<String> =
        words.filter(|words| words[1] == interface).map(|words| words[0].to_owned()).collect();
    gateways.sort();
    gateways
}

/// Carrier, `default-route`, who made default routes, and the default routes of the pod in the end.
type Row = (&'static str, &'static [&'static str], Made, &'static [&'static str]);

const ROWS: &[Row] = &[
    ("net1", &["10.1.0.9"], Made::Nobody, &["10.1.0.9 net1"]),
    ("net1", &["10.1.0.9"], Made::Everybody, &["10.1.0.9 net1", "fd01::1 net1"]),
    ("net1", &["fd01::9"], Made::Nobody, &["fd01::9 net1"]),
    ("net1", &["fd01::9"], Made::Everybody, &["10.1.0.1 net1", "fd01::9 net1"]),
    ("net1", &["10.1.0.9", "fd01::9"], Made::Nobody, &["10.1.0.9 net1", "fd01::9 net1"]),
    ("net1", &["10.1.0.9", "fd01::9"], Made::Everybody, &["10.1.0.9 net1", "fd01::9 net1"]),
    ("net1", &[], Made::Nobody, &[]),
    ("net1", &[], Made::Everybody, &["10.1.0.1 net1", "fd01::1 net1"]),
    ("eth0", &["10.0.0.9"], Made::Nobody, &["10.0.0.9 eth0"]),
    ("eth0", &["10.0.0.9"], Made::Everybody, &["10.0.0.9 eth0", "fd00::1 eth0"]),
    ("eth0", &["fd00::9"], Made::Nobody, &["fd00::9 eth0"]),
    ("eth0", &["fd00::9"], Made::Everybody, &["10.0.0.1 eth0", "fd00::9 eth0"]),
    ("eth0", &["10.0.0.9", "fd00::9"], Made::Nobody, &["10.0.0.9 eth0", "fd00::9 eth0"]),
    ("eth0", &["10.0.0.9", "fd00::9"], Made::Everybody, &["10.0.0.9 eth0", "fd00::9 eth0"]),
    ("eth0", &[], Made::Nobody, &[]),
    ("eth0", &[], Made::Everybody, &["10.0.0.1 eth0", "fd00::1 eth0"]),
    // The one without the key alone has some.
    ("net1", &[], Made::Only("eth0"), &[]),
    ("net1", &["10.1.0.9"], Made::Only("eth0"), &["10.1.0.9 net1"]),
    ("eth0", &["fd00::9"], Made::Only("net1"), &["fd00::9 eth0"]),
    // NP-23: the first gateway of a family has the lowest metric.
    (
        "net1",
        &["10.1.0.9", "fd01::9", "10.1.0.8", "fd01::8"],
        Made::Everybody,
        &["10.1.0.9 net1", "10.1.0.8 net1 1", "fd01::9 net1", "fd01::8 net1 1025"],
    ),
    // Only the link knows who is behind it.
    ("net1", &["fe80::9"], Made::Everybody, &["10.1.0.1 net1", "fe80::9 net1"]),
];

fn agree(number: usize, net1: (&str, &str), (carrier, key, made, expected): &Row) {
    let row = format!("row {number}: {carrier} {key:?} {made:?} {net1:?}");
    let Some(scene) = Scene::new(&format!("row-{number}"), net1, *made, carrier, Some(key)) else { return };
    let before = scene.state();
    let result = scene.node.add(&scene.pod, &scene.conf).result();

    assert_eq!(scene.kernel(), *expected, "{row}");
    assert_eq!(told(&result), over("eth0", expected), "{row}: {result}");
    let mut check = scene.conf.clone();
    check["prevResult"] = result;
    scene.node.check(&scene.pod, &check).succeeded();
    for (interface, status) in ["eth0", "net1"].iter().zip(scene.status()) {
        let gateways = over(interface, expected);
        assert_eq!(told(&scene.cached(interface)), gateways, "{row}: cache of {interface}");
        assert_eq!(told(&scene.previous("CHECK", interface)), gateways, "{row}: CHECK of {interface}");
        let sorted = |value: &Value| {
            let mut all: Vec<String> = serde_json::from_value(value.clone()).unwrap_or_default();
            all.sort();
            all
        };
        assert_eq!(sorted(&status["gateway"]), gateways, "{row}: {status}");
        assert_eq!(!status["default-route"].is_null(), interface == carrier, "{row}: {status}");
        if interface == carrier {
            assert_eq!(sorted(&status["default-route"]), gateways, "{row}: {status}");
        }
    }
    scene.node.del(&scene.pod, &scene.conf).succeeded();
    for interface in ["eth0", "net1"] {
        assert_eq!(
            told(&scene.previous("DEL", interface)),
            over(interface, expected),
            "{row}: DEL of {interface}"
        );
    }
    scene.state().must_equal(&before);
}

#[test]
fn np_22_np_23_np_33_kernel_result_record_and_status_agree() {
    private(|| ROWS.iter().enumerate().for_each(|(number, row)| agree(number, ("bridge", "static"), row)));
}

#[test]
fn np_22_a_point_to_point_link_gets_and_loses_its_default_routes_as_well() {
    private(|| {
        // Behind such a link there is nobody but its gateway.
        let rows: [Row; 3] = [
            ("net1", &["10.1.0.1"], Made::Nobody, &["10.1.0.1 net1"]),
            ("net1", &[], Made::Everybody, &["10.1.0.1 net1", "fd01::1 net1"]),
            ("eth0", &[], Made::Only("net1"), &[]),
        ];
        for (number, row) in rows.iter().enumerate() {
            agree(number, ("ptp", "host-local"), row);
        }
    });
}

#[test]
fn np_22_a_macvlan_on_the_nodes_link_gets_and_loses_its_default_routes_as_well() {
    private(|| {
        ip("link add uplink type veth peer name neighbour");
        for link in ["uplink", "neighbour"] {
            ip(&format!("link set {link} up"));
        }
        for number in [1, 7, 15] {
            agree(number, ("macvlan", "static"), &ROWS[number]);
        }
    });
}

#[test]
fn without_the_key_every_delegates_routes_and_results_are_its_own() {
    private(|| {
        let Some(scene) = Scene::new("plain", ("bridge", "static"), Made::Everybody, "net1", None) else {
            return;
        };
        let result = scene.node.add(&scene.pod, &scene.conf).result();
        let both = ["10.0.0.1 eth0", "10.1.0.1 net1", "fd00::1 eth0", "fd01::1 net1"];
        let mut kernel = scene.kernel();
        kernel.sort();
        assert_eq!(kernel, both);
        assert_eq!(told(&result), over("eth0", &both));
        assert_eq!(told(&scene.cached("net1")), over("net1", &both));
        let status = scene.status();
        assert!(status.iter().all(|status| status["default-route"].is_null()), "{status:?}");
        let record = fs::read_to_string(scene.node.record(&scene.pod)).unwrap();
        assert!(!record.contains("default-routes"), "{record}");
    });
}

#[test]
fn the_record_says_what_is_done_before_it_is_done() {
    private(|| {
        let key: &[&str] = &["10.1.0.9"];
        let Some(scene) = Scene::new("told", ("bridge", "static"), Made::Only("eth0"), "net1", Some(key))
        else {
            return;
        };
        scene.node.add(&scene.pod, &scene.conf).succeeded();
        let record = fs::read_to_string(scene.node.record(&scene.pod)).unwrap();
        let entries: Vec<Value> = record
            .lines()
            .map(|line| serde_json::from_str(line.split_once(' ').unwrap().1).unwrap())
            .collect();
        let at = |wanted: &dyn Fn(&Value) -> bool| entries.iter().position(wanted).unwrap();
        let intent = at(&|entry| !entry["intent"]["effect"]["default-routes"].is_null());
        let effect = &entries[intent]["intent"]["effect"]["default-routes"];
        let expected = json!({
            "delete": [
                "default via 10.0.0.1 dev eth0 proto boot",
                "default via fd00::1 dev eth0 proto boot metric 1024",
            ],
            "add": ["default via 10.1.0.9 dev net1 proto static"],
            "deaf": ["eth0"],
        });
        assert_eq!(*effect, expected);
        let sequence = &entries[intent]["intent"]["sequence"];
        let done = at(&|entry| entry["done"]["sequence"] == *sequence);
        assert_eq!((done, &entries[done]["done"]["outcome"]), (intent + 1, &json!("ok")));
        let results: Vec<&Value> =
            entries[done..].iter().filter(|entry| !entry["attached"].is_null()).collect();
        assert_eq!(results.len(), 2, "both results changed: {results:?}");
        assert!(at(&|entry| !entry["committed"].is_null()) > done);

        // Routers can't make `eth0` a way out again, and nothing else was told to be deaf.
        let setting = |link: &str| {
            let path = format!("/proc/sys/net/ipv6/conf/{link}/accept_ra_defrtr");
            ip(&format!("netns exec told cat {path}"))
        };
        assert_eq!([setting("eth0"), setting("net1")], ["0\n", "1\n"]);
    });
}

#[test]
fn a_gateway_out_of_reach_fails_the_add_and_everything_is_taken_back() {
    private(|| {
        let rows = [
            ("net1", "10.9.9.9", ["ns/red (net1)", "net1 has 10.1.0.2/24"]),
            ("net1", "10.0.0.1", ["ns/red (net1)", "its plugins tell of the gateways 10.1.0.1, fd01::1"]),
            ("net1", "10.1.0.2", ["ns/red (net1)", "an address of the namespace itself"]),
            ("net1", "fd99::1", ["ns/red (net1)", "fd01::2/64"]),
            ("eth0", "fd01::1", ["default (eth0)", "fd00::"]),
        ];
        for (number, (carrier, gateway, words)) in rows.iter().enumerate() {
            let name = format!("far-{number}");
            let net1 = ("bridge", "static");
            let Some(scene) = Scene::new(&name, net1, Made::Everybody, carrier, Some(&[gateway])) else {
                return;
            };
            let before = scene.state();
            let error = scene.node.add(&scene.pod, &scene.conf).error();
            let text = format!("{} {}", error.msg, error.details);
            assert_eq!(error.code, 7, "{text}");
            let named = format!("`default-route`: {gateway} can't be a gateway on {carrier}");
            assert!(text.contains(&named) && words.iter().all(|word| text.contains(word)), "{text}");
            let undone = ["DEL seen-red net1", "DEL seen-default eth0"];
            assert!(scene.node.briefs().ends_with(&undone.map(str::to_owned)), "{:?}", scene.node.briefs());
            scene.state().must_equal(&before);
        }
    });
}

#[test]
fn wishes_that_cannot_come_true_are_refused_before_anything_runs() {
    private(|| {
        let rows: [(&[&str], &str); 6] = [
            (&["0.0.0.0"], "0.0.0.0 is no address"),
            (&["10.1.0.1", "127.0.0.1"], "127.0.0.1 is the pod itself"),
            (&["224.0.0.1"], "224.0.0.1 is an address of many"),
            (&["255.255.255.255"], "255.255.255.255 is an address of many"),
            (&["ff02::1"], "ff02::1 is an address of many"),
            (&["::ffff:10.1.0.1"], "an IPv4 address in the form of IPv6"),
        ];
        for (number, (key, words)) in rows.iter().enumerate() {
            let name = format!("odd-{number}");
            let net1 = ("bridge", "static");
            let Some(scene) = Scene::new(&name, net1, Made::Nobody, "net1", Some(key)) else { return };
            let error = scene.node.add(&scene.pod, &scene.conf).error();
            assert!(error.code == 7 && error.msg.contains(words), "{key:?}: {error:?}");
            assert!(error.msg.contains("ns/red (net1)"), "{error:?}");
            assert_eq!(scene.node.briefs(), [""; 0]);
        }
        let Some(scene) = Scene::new("two", ("bridge", "static"), Made::Nobody, "eth0", Some(&[])) else {
            return;
        };
        let mut object = pod_object("ns", "web", r#"[{"name": "red", "default-route": ["10.1.0.9"]}]"#);
        object["metadata"]["annotations"][DEFAULT_NETWORK] =
            json!(r#"[{"name": "default", "default-route": []}]"#);
        let networks = ["default", "red"].map(|name| {
            let list = list(&scene.node, name, "bridge", ipam("static", "net1", Made::Nobody));
            network_object(if name == "red" { "ns" } else { "kube-system" }, name, &list)
        });
        scene.node.manifests(&[&[object], &networks[..]].concat());
        let error = scene.node.add(&scene.pod, &scene.conf).error();
        let both = "stands on network kube-system/default (eth0) and on network ns/red (net1)";
        assert!(error.code == 7 && error.msg.contains(both), "{error:?}");
        assert_eq!(scene.node.briefs(), [""; 0]);
    });
}

/// Outer version, carrier, key, and what the runtime gets as default routes of `eth0`.
const VERSIONS: &[(&str, &str, &[&str], &[&str])] = &[
    ("0.2.0", "net1", &[], &[]),
    ("0.2.0", "eth0", &["10.0.0.9"], &["10.0.0.9", "fd00::1"]),
    ("0.3.1", "eth0", &["10.0.0.9", "fd00::9"], &["10.0.0.9", "fd00::9"]),
    ("0.4.0", "net1", &["10.1.0.9"], &[]),
    ("1.0.0", "eth0", &[], &["10.0.0.1", "fd00::1"]),
    ("1.1.0", "net1", &["fd01::9"], &[]),
];

#[test]
fn the_runtime_sees_the_change_in_every_version() {
    private(|| {
        for inner in ["0.2.0", "0.3.1", "1.0.0"] {
            for (outer, carrier, key, expected) in VERSIONS {
                let name = format!("v{}-{}-{carrier}", outer.replace('.', ""), inner.replace('.', ""));
                let net1 = ("bridge", "static");
                let Some(mut scene) = Scene::new(&name, net1, Made::Everybody, carrier, Some(key)) else {
                    return;
                };
                let mut lists = ["default", "red"].map(|name| {
                    let interface = if name == "red" { "net1" } else { "eth0" };
                    list(&scene.node, name, "bridge", ipam("static", interface, Made::Everybody))
                });
                lists.iter_mut().for_each(|list| list["cniVersion"] = json!(inner));
                let text = fs::read(scene.node.path("manifests/objects.json")).unwrap();
                let mut objects: Value = serde_json::from_slice(&text).unwrap();
                for (at, list) in [(2, &lists[0]), (1, &lists[1])] {
                    objects["items"][at]["spec"]["config"] = json!(list.to_string());
                }
                scene.node.manifests(objects["items"].as_array().unwrap());
                scene.conf["cniVersion"] = json!(outer);
                scene.conf["delegates"] = json!([lists[0]]);

                let result = scene.node.add(&scene.pod, &scene.conf).result();
                assert_eq!(result["cniVersion"], *outer);
                assert_eq!(told(&result), *expected, "{inner} in {outer}: {result}");
                let link = if *carrier == "eth0" { "eth0" } else { "net1" };
                let mut kernel: Vec<String> =
                    scene.kernel().iter().map(|route| route.replace(&format!(" {link}"), "")).collect();
                kernel.sort();
                assert_eq!(told(&scene.cached(carrier)), kernel, "{inner} in {outer}");
                scene.node.del(&scene.pod, &scene.conf).succeeded();
            }
        }
    });
}
