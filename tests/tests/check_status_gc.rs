//! CHECK, STATUS and GC of whole pods and nodes (CNI-07, 08, 09).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;

use multus_tests::{Node, Pod, ip, private};
use serde_json::{Value, json};

/// A pod with a list of two and a single conf, both with links, attached; the conf has its `prevResult`.
fn attached() -> (Node, Pod, Value) {
    let node = Node::new();
    let mut second = node.plugin("beta");
    second["recording"]["leases"] = json!(node.path("more-leases"));
    let mut first = node.plugin("alpha");
    first["link"] = json!(true);
    let list = json!({ "cniVersion": "1.0.0", "name": "list", "plugins": [first, second] });
    let mut red = node.network("red", "gamma");
    red["link"] = json!(true);
    red["address"] = json!("198.51.100.7/24");
    let mut conf = node.conf(json!([list, red]));
    let pod = node.pod("web");
    let result = node.add(&pod, &conf).result();
    conf["prevResult"] = result;
    node.forget_recorded();
    (node, pod, conf)
}

#[test]
fn check_asks_each_plugin_with_its_own_lists_result() {
    private(|| {
        let (node, pod, conf) = attached();
        let before = node.dump();
        assert!(node.check(&pod, &conf).succeeded().stdout.is_empty());
        assert_eq!(node.briefs(), ["CHECK alpha eth0", "CHECK beta eth0", "CHECK gamma net1"]);
        let addresses: Vec<_> = node
            .recorded()
            .iter()
            .map(|call| call.conf()["prevResult"]["ips"][0]["address"].clone())
            .collect();
        assert_eq!(addresses, ["192.0.2.1/24", "192.0.2.1/24", "198.51.100.7/24"]);
        assert_eq!(node.recorded()[0].conf()["prevResult"]["cniVersion"], "1.0.0");
        node.dump().must_equal(&before);
    });
}

/// What is changed before CHECK, its code, and words of its message.
type Broken = (&'static str, fn(&Node, &mut Value), u32, &'static [&'static str]);

const BROKEN: &[Broken] = &[
    (
        "the link is gone",
        |_, _| drop(ip("-n web link del net1")),
        3,
        &["network red (net1)", "`net1` is gone"],
    ),
    ("no prevResult", |_, conf| drop(conf.as_object_mut().unwrap().remove("prevResult")), 7, &["prevResult"]),
    ("version 0.3.1", |_, conf| conf["cniVersion"] = json!("0.3.1"), 1, &["CHECK", "0.4.0"]),
    (
        "a plugin's own code",
        |node, _| drop(fs::remove_file(node.path("leases/red,web,net1"))),
        101,
        &["container web", "network red (net1)", "plugin gamma"],
    ),
    ("the namespace is gone", |node, _| node.remove_netns("web"), 8, &["/run/netns/web"]),
    (
        "the namespace is another",
        |node, _| {
            node.remove_netns("web");
            node.netns("web");
        },
        8,
        &["not the namespace that was attached"],
    ),
    (
        "no record",
        |node, _| drop(fs::remove_dir_all(node.cni_dir().join("attachments"))),
        3,
        &["nothing is recorded"],
    ),
];

#[test]
fn check_tells_what_is_wrong() {
    private(|| {
        for (what, change, code, words) in BROKEN {
            let (node, pod, mut conf) = attached();
            change(&node, &mut conf);
            let error = node.check(&pod, &conf).error();
            assert_eq!(error.code, *code, "{what}: {error:?}");
            assert!(words.iter().all(|word| error.msg.contains(word)), "{what}: {error:?}");
            let _ = std::process::Command::new("ip").args(["netns", "del", "web"]).output();
        }
    });
}

#[test]
fn check_goes_by_the_record_and_not_by_todays_conf() {
    private(|| {
        let (node, pod, mut conf) = attached();
        conf["delegates"] = json!([node.network("other", "delta")]);
        node.check(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["CHECK alpha eth0", "CHECK beta eth0", "CHECK gamma net1"]);
    });
}

#[test]
fn check_leaves_out_who_asked_for_it_or_is_too_old() {
    private(|| {
        let node = Node::new();
        let mut silent = node.network("silent", "alpha");
        silent["disableCheck"] = json!(true);
        let mut old = node.network("old", "beta");
        old["cniVersion"] = json!("0.3.1");
        let mut conf = node.conf(json!([node.network("red", "gamma"), silent, old]));
        let pod = node.pod("web");
        conf["prevResult"] = node.add(&pod, &conf).result();
        node.forget_recorded();
        node.check(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["CHECK gamma eth0"]);
    });
}

/// A node that could serve an ADD: default network with an IPAM of its own, manifests.
fn serving() -> (Node, Pod, Value) {
    let node = Node::new();
    let mut red = node.network("red", "alpha");
    red["ipam"] = json!({ "type": "ipam" });
    drop(node.plugin("ipam"));
    let mut conf = node.conf(json!([red, node.network("blue", "beta")]));
    conf["manifests"] = json!(node.manifests(&[]));
    let pod = node.pod("any");
    (node, pod, conf)
}

#[test]
fn status_asks_the_default_network_and_its_ipam() {
    private(|| {
        let (node, pod, conf) = serving();
        assert!(node.call("STATUS", &pod, &conf).succeeded().stdout.is_empty());
        assert_eq!(node.briefs(), ["STATUS alpha ", "STATUS ipam "]);
        assert_eq!(node.recorded()[0].conf()["name"], "red");
    });
}

const UNABLE: &[Broken] = &[
    (
        "the plugin is missing",
        |node, _| fs::remove_file(node.bin_dir().join("alpha")).unwrap(),
        50,
        &["network red", "alpha"],
    ),
    (
        "its IPAM is missing",
        |node, _| fs::remove_file(node.bin_dir().join("ipam")).unwrap(),
        50,
        &["network red", "ipam"],
    ),
    (
        "the manifests are missing",
        |node, _| fs::remove_dir_all(node.path("manifests")).unwrap(),
        50,
        &["manifests"],
    ),
    (
        "it is not allowed",
        |_, conf| conf["exec"] = json!({ "allow": ["ipam"] }),
        50,
        &["`alpha` is not allowed"],
    ),
    (
        "a plugin's own code",
        |_, conf| {
            conf["delegates"][0]["misbehave"] =
                json!({ "STATUS": { "fail": { "code": 51, "msg": "no addresses" } } });
        },
        51,
        &["network red", "alpha", "no addresses"],
    ),
    (
        "the modules' catalog is missing",
        |node, conf| {
            let [catalog, modules, cache] = ["catalog.json", "modules", "cache"].map(|name| node.path(name));
            conf["wasm"] = json!({ "catalog": catalog, "moduleDir": modules, "cacheDir": cache });
        },
        50,
        &["catalog.json"],
    ),
    ("version 1.0.0", |_, conf| conf["cniVersion"] = json!("1.0.0"), 1, &["STATUS", "1.1.0"]),
];

#[test]
fn status_tells_why_no_pod_could_be_attached() {
    private(|| {
        for (what, change, code, words) in UNABLE {
            let (node, pod, mut conf) = serving();
            let before = node.state();
            change(&node, &mut conf);
            let error = node.call("STATUS", &pod, &conf).error();
            assert_eq!(error.code, *code, "{what}: {error:?}");
            assert!(words.iter().all(|word| error.msg.contains(word)), "{what}: {error:?}");
            let new: Vec<_> = node
                .state()
                .since(&before)
                .lines()
                .filter(|line| line.starts_with("+ file"))
                .map(str::to_owned)
                .collect();
            assert!(new.is_empty(), "{what}: {new:?}");
            ip("netns del any");
        }
    });
}

/// Two pods of the outer network `node`, one of `other`, each with two networks.
fn three_pods() -> (Node, Pod, Value) {
    let node = Node::new();
    let conf = node.conf(json!([node.network("red", "alpha"), node.network("blue", "beta")]));
    let mut other = conf.clone();
    other["name"] = json!("other");
    for name in ["stays", "goes"] {
        node.add(&node.pod(name), &conf).succeeded();
    }
    node.add(&node.pod("foreign"), &other).succeeded();
    node.forget_recorded();
    (
        node,
        Pod { container_id: String::new(), netns: "/".into(), ifname: String::new(), args: String::new() },
        conf,
    )
}

fn valid(conf: &Value, attachments: &[[&str; 2]]) -> Value {
    let list: Vec<_> =
        attachments.iter().map(|[id, ifname]| json!({ "containerID": id, "ifname": ifname })).collect();
    let mut conf = conf.clone();
    conf["cni.dev/valid-attachments"] = json!(list);
    conf
}

#[test]
fn gc_gives_back_what_the_runtime_no_longer_lists() {
    private(|| {
        let (node, nobody, conf) = three_pods();
        node.call("GC", &nobody, &valid(&conf, &[["stays", "eth0"]])).succeeded();
        let dump = node.dump();
        assert!(!dump.has(&["state/", "goes"]), "{dump}");
        for kept in [
            "leases/red,stays,eth0",
            "leases/blue,stays,net1",
            "leases/red,foreign,eth0",
            "leases/blue,foreign,net1",
        ] {
            assert!(dump.has(&[kept]), "{kept}: GC of `node` judges nobody of `other`\n{dump}");
        }
        assert_eq!(node.briefs()[..2], ["DEL beta net1", "DEL alpha eth0"]);
    });
}

#[test]
fn each_delegates_gc_gets_a_list_of_its_own() {
    private(|| {
        let (node, nobody, conf) = three_pods();
        node.call("GC", &nobody, &valid(&conf, &[["stays", "eth0"]])).succeeded();
        let lists: BTreeMap<_, _> = node
            .recorded()
            .iter()
            .filter(|call| call.verb == "GC")
            .map(|call| (call.plugin.clone(), call.conf()["cni.dev/valid-attachments"].clone()))
            .collect();
        let of = |ifname: &str| json!([{ "containerID": "foreign", "ifname": ifname }, { "containerID": "stays", "ifname": ifname }]);
        assert_eq!(lists, BTreeMap::from([("alpha".into(), of("eth0")), ("beta".into(), of("net1"))]));
    });
}

#[test]
fn gc_forgets_a_lease_that_no_record_knows() {
    private(|| {
        let (node, nobody, conf) = three_pods();
        fs::write(node.path("leases/blue,unknown,net1"), "").unwrap();
        node.call("GC", &nobody, &valid(&conf, &[["stays", "eth0"]])).succeeded();
        assert!(!node.dump().has(&["leases/blue,unknown"]));
    });
}

#[test]
fn gc_goes_on_after_a_failure_and_tells_all_of_them() {
    private(|| {
        let node = Node::new();
        let refuse = |name: &str, verb: &str, code: u32| {
            let mut network = node.network(name, name);
            network["misbehave"] =
                json!({ verb: { "fail": { "code": code, "msg": format!("no {verb} of {name}") } } });
            network
        };
        let conf =
            node.conf(json!([refuse("a", "DEL", 101), refuse("b", "GC", 102), node.network("c", "c")]));
        node.add(&node.pod("web"), &conf).succeeded();
        node.forget_recorded();
        let error = node.call("GC", &node.pod("nobody"), &valid(&conf, &[])).error();
        assert_eq!(error.code, 101, "{error:?}");
        for word in ["container web (eth0)", "no DEL of a", "no GC of b"] {
            assert!(error.msg.contains(word), "{word} in {error:?}");
        }
        let briefs = node.briefs();
        assert!(
            ["DEL c net2", "DEL b net1", "GC a ", "GC c "]
                .iter()
                .all(|call| briefs.contains(&(*call).to_owned())),
            "{briefs:?}"
        );
        assert!(
            node.dump().has(&["state/cni/attachments/web@eth0"]),
            "what could not be undone stays recorded"
        );
    });
}

/// A change of the conf, and whether a GC still does anything, or its error code.
type Asked = (&'static str, fn(&mut Value), Result<bool, u32>);

const GC_ROWS: &[Asked] = &[
    ("as it is", |_| (), Ok(true)),
    ("disableGC", |conf| conf["disableGC"] = json!(true), Ok(false)),
    ("disableGC as text", |conf| conf["disableGC"] = json!("true"), Ok(false)),
    ("too old", |conf| conf["cniVersion"] = json!("1.0.0"), Err(1)),
    ("no list", |conf| drop(conf.as_object_mut().unwrap().remove("cni.dev/valid-attachments")), Err(7)),
    ("no list but text", |conf| conf["cni.dev/valid-attachments"] = json!("all"), Err(7)),
];

#[test]
fn gc_does_nothing_unless_it_is_asked_properly() {
    private(|| {
        for (what, change, expected) in GC_ROWS {
            let node = Node::new();
            let mut conf = valid(&node.conf(json!([node.network("red", "alpha")])), &[]);
            let pod = node.pod("web");
            node.add(&pod, &conf).succeeded();
            change(&mut conf);
            let answer = node.call("GC", &pod, &conf);
            let done = !node.dump().has(&["leases/red,web,eth0"]);
            match expected {
                Ok(expected) => {
                    assert_eq!((answer.is_success(), done), (true, *expected), "{what}: {answer}");
                }
                Err(code) => assert_eq!((answer.error().code, done), (*code, false), "{what}: {answer}"),
            }
            ip("netns del web");
        }
    });
}

#[test]
fn a_delegate_that_wants_no_gc_gets_none() {
    private(|| {
        let node = Node::new();
        let mut silent = node.network("silent", "alpha");
        silent["disableGC"] = json!(true);
        let mut old = node.network("old", "beta");
        old["cniVersion"] = json!("1.0.0");
        let conf = node.conf(json!([node.network("red", "gamma"), silent, old]));
        node.call("GC", &node.pod("any"), &valid(&conf, &[])).succeeded();
        assert_eq!(node.briefs(), ["GC gamma "]);
    });
}

#[test]
fn gc_of_a_network_that_left_the_conf_still_reaches_its_survivors() {
    private(|| {
        let (node, nobody, mut conf) = three_pods();
        conf["delegates"] = json!([node.network("red", "alpha")]);
        fs::write(node.path("leases/blue,unknown,net1"), "").unwrap();
        node.call("GC", &nobody, &valid(&conf, &[["stays", "eth0"]])).succeeded();
        let dump = node.dump();
        assert!(!dump.has(&["leases/blue,unknown"]) && dump.has(&["leases/blue,stays,net1"]), "{dump}");
    });
}
