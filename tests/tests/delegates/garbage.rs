//! GC: of the shared things, only what we made and nobody uses any more.

use multus_tests::{ip, private};
use serde_json::{Value, json};

use crate::scene::{Scene, lan};

fn valid(conf: &Value, ids: &[&str]) -> Value {
    let list: Vec<_> = ids.iter().map(|id| json!({ "containerID": id, "ifname": "eth0" })).collect();
    let mut conf = conf.clone();
    conf["cni.dev/valid-attachments"] = json!(list);
    conf
}

#[test]
fn unused_bridges_go_and_used_ones_stay() {
    private(|| {
        let scene = Scene::new();
        let of = |bridge: &str, subnet: &str| scene.conf(json!([lan(bridge, subnet)]));
        let (used, unused) = (of("lab0", "10.1.0.0/24"), of("lab1", "10.2.0.0/24"));
        // A bridge that is not ours, and one of ours that somebody made anew.
        ip("link add lab9 type bridge");
        let theirs = of("lab9", "10.9.0.0/24");
        let (stays, _) = scene.attached("stays", &used);
        for (name, conf) in [("one", &unused), ("nine", &theirs)] {
            let (pod, _) = scene.attached(name, conf);
            scene.node.del(&pod, conf).succeeded();
            scene.node.remove_netns(name);
        }
        scene.node.call("GC", &stays, &valid(&used, &["stays"])).succeeded();
        let dump = scene.node.dump();
        assert!(dump.has(&["link lab0 kind bridge"]), "{dump}");
        assert!(dump.has(&["link lab9 kind bridge"]), "{dump}");
        assert!(!dump.has(&["link lab1 "]), "{dump}");
        scene.checked(&stays, &used).succeeded();
        // The next pod has it again.
        scene.attached("again", &unused);
    });
}

#[test]
fn a_pod_that_the_runtime_forgot_is_taken_back_and_then_its_bridge() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let (pod, _) = scene.attached("gone", &conf);
        scene.node.call("GC", &pod, &valid(&conf, &[])).succeeded();
        let dump = scene.node.dump();
        for word in ["link eth0", "link lab0", "10.1.0.2"] {
            let at = |line: &str| line.contains(word) && !line.contains("last_reserved_ip");
            assert!(!dump.lines().any(at), "{word} in\n{dump}");
        }
    });
}
