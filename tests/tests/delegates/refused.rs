//! What the operator did not grant, no conf gets.

use multus_tests::{Module, Node, network_object, pod_object, private};
use serde_json::{Value, json};

use crate::scene::{Scene, bridge, host_local, lan};

/// `bridge` without one of its grants: what is taken away, the change of the conf that needs it, words of the refusal.
type Lacking = (&'static str, fn(&mut Value), &'static [&'static str]);

const LACKING: &[Lacking] = &[
    ("defaultRoutes", |_| (), &["default", "defaultRoutes"]),
    ("ipam", |_| (), &["host-local", "ipam"]),
    ("links", |_| (), &["lab0", "links"]),
    ("sysctls", |_| (), &["net/ipv4/ip_forward", "sysctls"]),
    ("firewall", |conf| conf["ipMasq"] = json!(true), &["masquerade", "firewall"]),
];

#[test]
fn a_grant_that_is_missing_is_named() {
    private(|| {
        let scene = Scene::new();
        for (grant, change, words) in LACKING {
            let mut network = lan("lab0", "10.1.0.0/24");
            change(&mut network);
            let conf = scene.conf(json!([network]));
            scene.node.edit_catalog("wasm", |catalog| {
                let grants = &mut catalog["modules"]["bridge"]["grants"];
                // A grant that is there and fits nothing: without it the module is not even loaded.
                grants[*grant] = match *grant {
                    "defaultRoutes" => json!(false),
                    "links" => json!(["other*"]),
                    "firewall" => json!(["spoof-check"]),
                    "sysctls" => json!([
                        "net/ipv6/conf/*/accept_ra",
                        "net/ipv6/conf/*/accept_dad",
                        "net/ipv4/conf/*/arp_notify"
                    ]),
                    _ => json!(["static"]),
                };
            });
            println!("{grant}");
            let pod = scene.node.pod("web");
            let before = scene.node.state();
            let error = scene.node.add(&pod, &conf).error();
            let said = format!("{} {}", error.msg, error.details);
            assert!(words.iter().all(|word| said.contains(word)), "{grant}: {words:?} in {said}");
            assert!(said.contains("network net-lab0 (eth0)"), "{said}");
            let left = scene.node.state().since(&before);
            assert!(!left.contains("netns web: link") && !left.contains("veth"), "{grant}: {left}");
            scene.node.remove_netns("web");
            scene.node.edit_catalog("wasm", |catalog| {
                let full = Scene::new();
                let path = full.node.path("wasm/catalog.json");
                *catalog = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            });
        }
    });
}

#[test]
fn a_module_that_imports_what_it_was_not_granted_is_not_loaded() {
    private(|| {
        let scene = Scene::new();
        scene.node.edit_catalog("wasm", |catalog| {
            drop(catalog["modules"]["bridge"]["grants"].as_object_mut().unwrap().remove("firewall"));
        });
        let pod = scene.node.pod("web");
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let before = scene.state();
        let error = scene.node.add(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(said.contains("bridge") && said.contains("firewall"), "{said}");
        scene.state().must_equal(&before);
        let error = scene.node.call("STATUS", &pod, &conf).error();
        assert_eq!(error.code, 50, "{error:?}");
    });
}

/// A tenant's own definition is hostile input to a module that the operator trusts.
#[test]
fn a_tenant_reaches_only_the_bridges_that_the_module_may_use() {
    private(|| {
        let scene = Scene::new();
        let mut conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let of = |node: &Node, bridge: &str| {
            let network = network_object("team", "own", &lan(bridge, "10.2.0.0/24"));
            node.manifests(&[pod_object("team", "web", "own"), network])
        };
        multus_tests::ip("link add uplink type bridge");
        conf["manifests"] = json!(of(&scene.node, "uplink"));
        let pod = scene.node.pod("web").named("team", "web");
        let before = scene.node.dump();
        let error = scene.node.add(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        for word in ["pod team/web", "network team/own (net1)", "uplink", "\"links\": [\"uplink\"]"] {
            assert!(said.contains(word), "{word} in {said}");
        }
        let left = scene.node.dump().since(&before);
        assert!(!left.contains("veth") && !left.contains("10.2.0"), "{left}");
    });
}

#[test]
fn the_binary_of_the_name_is_not_run_in_the_components_place() {
    private(|| {
        let scene = Scene::with(&[bridge(), host_local()]);
        scene.node.install("bridge", multus_tests::RECORDING);
        let conf = scene.mixed(json!([lan("lab0", "10.1.0.0/24")]));
        scene.attached("web", &conf);
        assert_eq!(scene.node.briefs(), [""; 0]);
    });
}

#[test]
fn a_claim_in_a_folder_that_was_not_granted_is_refused() {
    private(|| {
        let scene =
            Scene::with(&[bridge(), Module::delegate("host-local", &["store=/var/lib/cni/networks"])]);
        let mut network = lan("lab0", "10.1.0.0/24");
        network["ipam"]["dataDir"] = json!("/var/lib/other");
        let conf = scene.conf(json!([network]));
        let pod = scene.node.pod("web");
        let error = scene.node.add(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(said.contains("/var/lib/other") && said.contains("\"store\""), "{said}");
        assert!(!std::path::Path::new("/var/lib/other").exists());
    });
}
