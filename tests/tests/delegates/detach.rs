//! DEL, by the record alone.

use std::fs;

use multus_tests::{Dump, Module, Pod, RECORDING, in_the_machine, ip, kinds, left_out, private};
use serde_json::{Value, json};

use crate::scene::{Scene, has_all, lan, named_addresses, without_pod};

/// Attaches a pod, lets something happen, detaches it twice; what is left beside the pod's namespace.
fn after(scene: &Scene, conf: &Value, happens: impl FnOnce(&Pod)) -> Dump {
    let (pod, _) = scene.attached("web", conf);
    happens(&pod);
    scene.node.del(&pod, conf).succeeded();
    let left = without_pod(&scene.state(), "web");
    scene.node.del(&pod, conf).succeeded();
    without_pod(&scene.state(), "web").must_equal(&left);
    left
}

fn two_networks(scene: &Scene) -> Value {
    let mut further = lan("lab1", "10.2.0.0/24");
    further["isDefaultGateway"] = json!(false);
    further["ipMasq"] = json!(true);
    scene.conf(json!([lan("lab0", "10.1.0.0/24"), further]))
}

#[test]
fn the_namespace_is_gone() {
    private(|| {
        let scene = Scene::new();
        let conf = two_networks(&scene);
        let before = scene.warmed_up(&conf);
        after(&scene, &conf, |_| scene.node.remove_netns("web")).must_equal(&before);
    });
}

#[test]
fn the_path_leads_to_another_namespace_by_now() {
    private(|| {
        let scene = Scene::new();
        let conf = two_networks(&scene);
        let before = scene.warmed_up(&conf);
        let left = after(&scene, &conf, |_| {
            scene.node.remove_netns("web");
            scene.node.netns("web");
            // Somebody else's, under the same name.
            ip("-n web link add eth0 type veth peer name other");
        });
        left.must_equal(&before);
        has_all(&scene.node.dump(), &[&["netns web: link eth0 kind veth"]]);
    });
}

#[test]
fn the_pod_renamed_its_link() {
    private(|| {
        let scene = Scene::new();
        let conf = two_networks(&scene);
        let before = scene.warmed_up(&conf);
        let left = after(&scene, &conf, |_| {
            ip("-n web link set eth0 down");
            ip("-n web link set eth0 name hidden");
        });
        left.must_equal(&before);
        assert!(!scene.node.dump().has(&["netns web: link hidden"]), "{}", scene.node.dump());
    });
}

#[test]
fn somebody_else_has_the_name_of_the_nodes_end() {
    private(|| {
        let scene = Scene::new();
        let conf = two_networks(&scene);
        let before = scene.warmed_up(&conf);
        let left = after(&scene, &conf, |_| {
            let name = end_of(&scene.node.dump(), "lab0");
            ip("-n web link del eth0");
            ip(&format!("link add {name} type veth peer name peer0"));
        });
        let theirs =
            |dump: &Dump| dump.without(|line| line.contains("link veth") || line.contains("link peer0"));
        theirs(&left).must_equal(&theirs(&before));
        has_all(&left, &[&["netns host: link veth", "kind veth"], &["netns host: link peer0"]]);
    });
}

/// The port of a bridge.
fn end_of(dump: &Dump, bridge: &str) -> String {
    let master = format!("master {bridge} ");
    let line = dump.lines().find(|line| line.contains(&master)).unwrap();
    line.split_whitespace().nth(3).unwrap().to_owned()
}

/// What becomes of the modules while the pod runs.
type Meddling = fn(&Scene);
const MODULES: &[(&str, Meddling)] = &[
    ("revoked", |scene| {
        scene.node.edit_catalog("wasm", |catalog| catalog["modules"] = json!({}));
    }),
    ("without their grants", |scene| {
        scene.node.edit_catalog("wasm", |catalog| {
            for module in catalog["modules"].as_object_mut().unwrap().values_mut() {
                module["grants"] = json!({});
            }
        });
    }),
    ("without artifacts", |scene| fs::remove_dir_all(scene.node.path("wasm/cache")).unwrap()),
    ("with a catalog that is none", |scene| fs::write(scene.node.path("wasm/catalog.json"), "{").unwrap()),
    ("all gone", |scene| fs::remove_dir_all(scene.node.path("wasm")).unwrap()),
];

#[test]
fn whatever_became_of_the_modules() {
    private(|| {
        for (what, happens) in MODULES {
            println!("{what}");
            let _ = fs::remove_dir_all(crate::scene::CLAIMS);
            let scene = Scene::new();
            let conf = two_networks(&scene);
            let apart = |dump: &Dump| dump.without(|line| line.contains("state/wasm"));
            let before = apart(&scene.warmed_up(&conf));
            apart(&after(&scene, &conf, |_| happens(&scene))).must_equal(&before);
            scene.node.remove_netns("web");
        }
    });
}

/// The record says who did what: nobody looks for a binary of a module's name, or runs one.
#[test]
fn whatever_became_of_the_modules_nobody_is_asked_in_their_place() {
    private(|| {
        for (what, happens) in MODULES {
            println!("{what}");
            let _ = fs::remove_dir_all(crate::scene::CLAIMS);
            let scene = Scene::new();
            let conf = two_networks(&scene);
            let (pod, _) = scene.attached("web", &conf);
            scene.node.install("bridge", RECORDING);
            happens(&scene);
            let mut valid = conf.clone();
            valid["cni.dev/valid-attachments"] = json!([{ "containerID": "web", "ifname": "eth0" }]);
            let before = scene.node.dump();
            let answer = scene.node.call("GC", &pod, &valid);
            if !answer.status.success() {
                let error = answer.error();
                assert!(
                    error.msg.contains("catalog") && !error.msg.contains("GC of network"),
                    "{what}: {error:?}"
                );
            }
            scene.checked(&pod, &conf).succeeded();
            assert_eq!(scene.node.briefs(), [""; 0], "{what}");
            scene.node.dump().must_equal(&before);
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns("web");
        }
    });
}

/// What a module's own CHECK and DEL do, words of what CHECK answers then, and of what DEL logs.
const LATE: &[(&str, &[&str], &[&str])] = &[
    ("refuse", &["not today"], &["DEL by the module late did not work", "not today"]),
    ("panic", &["late, and on purpose"], &["DEL by the module late did not work", "late, and on purpose"]),
    ("loop", &["late", "200 ms"], &["DEL by the module late did not work", "200 ms"]),
    ("grow", &["late", "16 MiB"], &["DEL by the module late did not work", "16 MiB"]),
    ("undo", &["may not change `eth0`"], &["DEL by the module late did not work", "may not change `eth0`"]),
    ("flood", &[], &["line 0"]),
];

/// A module may have work of its own at CHECK and DEL. Whatever becomes of that, the record is played backwards.
#[test]
fn whatever_a_modules_own_check_and_del_do() {
    private(|| {
        let component = multus_tests::binaries::components().join("hostile/late_delegate.wasm");
        let late = Module::delegate("late", &[]).from_file(component).option("--timeout", "200ms");
        let scene = Scene::with(&[late]);
        for (what, checked, deleted) in LATE {
            println!("{what}");
            let network = json!({ "cniVersion": "1.1.0", "name": "late", "type": "late", "later": what });
            let conf = scene.conf(json!([network]));
            let before = without_pod(&scene.state(), "web");
            let (pod, _) = scene.attached("web", &conf);
            let answer = scene.checked(&pod, &conf);
            if checked.is_empty() {
                answer.succeeded();
            } else {
                let error = answer.error();
                let said = format!("{} {}", error.msg, error.details);
                assert!(checked.iter().all(|word| said.contains(word)), "{what}: {checked:?} in {said}");
            }
            let answer = scene.node.del(&pod, &conf);
            answer.succeeded();
            assert!(
                deleted.iter().all(|word| answer.stderr.contains(word)),
                "{what}: {deleted:?} in {answer}"
            );
            without_pod(&scene.state(), "web").must_equal(&before);
            scene.node.remove_netns("web");

            // The runtime forgot it: GC asks no module, either, whether it may go on.
            let (pod, _) = scene.attached("web", &conf);
            let mut valid = conf.clone();
            valid["cni.dev/valid-attachments"] = json!([]);
            scene.node.call("GC", &pod, &valid).succeeded();
            without_pod(&scene.state(), "web").must_equal(&before);
            scene.node.remove_netns("web");
        }
    });
}

#[test]
fn the_addresses_are_free_only_once_the_links_are_gone() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/29")]));
        for round in 0..12 {
            let (pod, answer) = scene.attached("web", &conf);
            let address = answer.result()["ips"][0]["address"].as_str().unwrap().to_owned();
            scene.node.del(&pod, &conf).succeeded();
            let dump = scene.node.dump();
            assert!(!dump.has(&[&address]), "round {round}: {address} in\n{dump}");
            scene.node.remove_netns("web");
        }
    });
}

/// A pod may change what is in its namespace: the number and the kind tell the link.
fn with_another_hardware_address(kind: &str) {
    if kinds::lacks(kind) {
        left_out(&format!("another hardware address of a {kind}: this kernel has none"));
        return;
    }
    let scene = Scene::with(&[
        Module::delegate(kind, &["links=dev*", "ipam=static", "sysctls=net/ipv4/conf/*/arp_notify"]),
        named_addresses(),
    ]);
    ip("link add dev0 type veth peer name dev1");
    let ipam = json!({ "type": "static", "addresses": [{ "address": "10.5.0.2/24" }] });
    let mut network = json!({ "cniVersion": "1.0.0", "name": "alone", "type": kind, "ipam": ipam });
    if kind != "dummy" {
        network["master"] = json!("dev0");
    }
    let conf = scene.conf(json!([network]));
    let before = scene.warmed_up(&conf);
    let left = after(&scene, &conf, |_| drop(ip("-n web link set eth0 address 02:00:00:00:00:66")));
    left.must_equal(&before);
    assert!(!ip("-n web -br link show").contains("eth0"), "the namespace lives on, without the link");
}

#[test]
fn the_pod_gave_its_macvlan_another_hardware_address() {
    private(|| with_another_hardware_address("macvlan"));
}

#[test]
fn vm_the_pod_gave_its_dummy_another_hardware_address() {
    if in_the_machine("dummies") {
        private(|| with_another_hardware_address("dummy"));
    }
}

/// The kubelet has given up the older sandbox, whose DEL may be long in coming.
#[test]
fn a_newer_sandbox_of_the_pod_gets_the_address_that_the_older_one_has() {
    private(|| {
        let scene = Scene::new();
        let mut network = lan("lab0", "10.1.0.0/24");
        network["args"] = json!({ "cni": { "ips": ["10.1.0.9"] } });
        let conf = scene.conf(json!([network]));
        scene.warmed_up(&conf);
        let of_pod = |name: &str, uid: &str| {
            let mut pod = scene.node.pod(name).named("shop", "web");
            pod.args.push_str(&format!(";K8S_POD_UID={uid}"));
            pod
        };
        let (older, newer) = (of_pod("older", "uid"), of_pod("newer", "uid"));
        scene.node.add(&older, &conf).succeeded();
        let stranger = of_pod("stranger", "another");
        let error = scene.node.add(&stranger, &conf).error();
        assert!(error.msg.contains("10.1.0.9"), "{error:?}");
        scene.node.add(&newer, &conf).succeeded();
        assert!(!scene.node.dump().has(&["netns older: link eth0"]), "{}", scene.node.dump());
        scene.node.del(&older, &conf).succeeded();
        has_all(&scene.node.dump(), &[&["netns newer: address 10.1.0.9/24"], &["10.1.0.9", "newer"]]);
        scene.node.del(&newer, &conf).succeeded();
    });
}
