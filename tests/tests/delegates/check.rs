//! CHECK of what components made.

use multus_tests::{ip, private};
use serde_json::json;

use crate::scene::{Scene, lan, without_pod};

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
