//! CHECK of what components made.

use multus_tests::{Module, RECORDING, in_the_machine, ip, private};
use serde_json::{Value, json};

use crate::scene::{CLAIMS, Scene, bridge, host_local, lan, without_pod};

/// What is done to a pod's network, and words of the complaint.
const DAMAGE: &[(&str, &str, &[&str])] = &[
    ("its address is removed", "-n web addr del 10.1.0.2/24 dev eth0", &["10.1.0.2/24", "eth0"]),
    ("its link is deleted", "-n web link del eth0", &["eth0", "gone"]),
    ("its default route is removed", "-n web route del default", &["default", "10.1.0.1"]),
];

#[test]
fn each_kind_of_damage_is_found_and_named() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        for (what, damage, words) in DAMAGE {
            let _ = std::fs::remove_dir_all(crate::scene::CLAIMS);
            let (pod, _) = scene.attached("web", &conf);
            scene.checked(&pod, &conf).succeeded();
            ip(damage);
            let error = scene.checked(&pod, &conf).error();
            let said = format!("{} {}", error.msg, error.details);
            assert!(words.iter().all(|word| said.contains(word)), "{what}: {words:?} in {said}");
            assert!(said.contains("network net-lab0 (eth0)"), "{what}: {said}");
            // Whatever is damaged can be taken back.
            scene.node.del(&pod, &conf).succeeded();
            let left = scene.node.dump();
            assert!(!left.has(&["netns web: link eth0"]) && !left.has(&["master lab0"]), "{what}: {left}");
            scene.node.remove_netns("web");
        }
    });
}

/// The pod's link and all that it has are there; nothing gets to it or from it.
#[test]
fn an_end_that_left_its_bridge_is_found() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let (pod, _) = scene.attached("web", &conf);
        let ports = ip("-br link show master lab0");
        let end = ports.split('@').next().unwrap();
        ip(&format!("link set {end} nomaster"));
        let error = scene.checked(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(said.contains(end) && said.contains("was given"), "{said}");
        scene.node.del(&pod, &conf).succeeded();
    });
}

/// Whoever asks for an address next would get the pod's.
#[test]
fn an_address_that_others_could_get_is_found() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let claim = format!("{CLAIMS}/net-lab0/10.1.0.2");
        let (pod, _) = scene.attached("web", &conf);
        scene.checked(&pod, &conf).succeeded();
        let content = std::fs::read_to_string(&claim).unwrap();
        let complains = |what: &str| {
            let error = scene.checked(&pod, &conf).error();
            let said = format!("{} {}", error.msg, error.details);
            let words = ["10.1.0.2", "net-lab0", CLAIMS, "not claimed for this attachment", "delete the pod"];
            assert!(words.iter().all(|word| said.contains(word)), "{what}: {said}");
            assert_eq!(error.code, 3, "{what}");
        };
        std::fs::write(&claim, content.replace("web", "other")).unwrap();
        complains("another pod has it");
        std::fs::write(&claim, &content).unwrap();
        scene.checked(&pod, &conf).succeeded();
        std::fs::remove_file(&claim).unwrap();
        complains("nobody has it");
        std::fs::remove_dir_all(CLAIMS).unwrap();
        complains("the folder is gone");
        scene.node.del(&pod, &conf).succeeded();
    });
}

/// As the reference `bridge` asks its IPAM (CNI-18): with what it was given at ADD, and the list's result.
#[test]
fn a_binary_that_a_component_had_run_is_asked() {
    private(|| {
        let scene = Scene::with(&[bridge()]);
        scene.node.install("host-local", RECORDING);
        let network = |misbehave: Value| {
            let mut network = lan("lab0", "10.1.0.0/24");
            network["recording"] = scene.node.recording();
            network["result"] = json!({ "cniVersion": "1.1.0",
                "ips": [{ "address": "10.1.0.7/24", "gateway": "10.1.0.1" }] });
            network["misbehave"] = misbehave;
            scene.mixed(json!([network]))
        };
        let conf = network(json!({}));
        let (pod, answer) = scene.attached("web", &conf);
        scene.node.forget_recorded();
        scene.checked(&pod, &conf).succeeded();
        let [call] = scene.node.recorded().try_into().unwrap();
        assert_eq!(call.brief(), "CHECK host-local eth0");
        assert_eq!(call.conf()["prevResult"], answer.result(), "the list's result");
        assert_eq!((&call.conf()["type"], &call.conf()["bridge"]), (&json!("bridge"), &json!("lab0")));
        scene.node.del(&pod, &conf).succeeded();

        let refuses = network(json!({ "CHECK": { "fail": { "code": 117, "msg": "no such lease" } } }));
        let (pod, _) = scene.attached("other", &refuses);
        let error = scene.checked(&pod, &refuses).error();
        assert_eq!(error.code, 117, "the plugin's own");
        let words = ["network net-lab0 (eth0)", "plugin bridge", "host-local", "no such lease"];
        assert!(words.iter().all(|word| error.msg.contains(word)), "{error:?}");
        scene.node.del(&pod, &refuses).succeeded();
    });
}

/// On its own it can be reached by whom the vrf was to keep away.
#[test]
fn vm_a_link_that_left_its_vrf_is_found() {
    if !in_the_machine("vrf") {
        return;
    }
    private(|| {
        let vrf = Module::delegate("vrf", &["names=blue", "defaultRoutes=true"]);
        let scene = Scene::with(&[bridge(), host_local(), vrf]);
        // Without addresses: routes that go with the vrf would be missed first.
        let first = json!({ "type": "bridge", "bridge": "lab0" });
        let conf = scene.conf(json!([{ "cniVersion": "1.0.0", "name": "apart",
            "plugins": [first, { "type": "vrf", "vrfname": "blue" }] }]));
        let (pod, _) = scene.attached("web", &conf);
        scene.checked(&pod, &conf).succeeded();
        ip("-n web link set eth0 nomaster");
        let error = scene.checked(&pod, &conf).error();
        assert!(error.msg.contains("eth0") && error.msg.contains("plugin vrf"), "{error:?}");
        scene.node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn check_changes_nothing() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let (pod, _) = scene.attached("web", &conf);
        let before = scene.node.dump();
        scene.checked(&pod, &conf).succeeded();
        without_pod(&scene.node.dump(), "nobody").must_equal(&before);
    });
}
