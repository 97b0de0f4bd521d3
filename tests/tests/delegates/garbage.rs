//! GC: of the shared things, only what we made and nobody uses any more.

use multus_tests::{in_the_machine, ip, private};
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

/// The node's own ends in a bridge's VLANs use nothing: they go with the bridge.
#[test]
fn vm_a_gateways_end_in_a_vlan_goes_once_no_pod_is_on_its_bridge() {
    if !in_the_machine("bridges that tell VLANs apart") {
        return;
    }
    private(|| {
        let scene = Scene::new();
        let of = |vlan: u16, subnet: &str| {
            let mut network = lan("lab0", subnet);
            network["vlan"] = json!(vlan);
            scene.conf(json!([network]))
        };
        let (one, two) = (of(100, "10.1.0.0/24"), of(200, "10.2.0.0/24"));
        let (stays, _) = scene.attached("stays", &one);
        let (goes, _) = scene.attached("goes", &two);
        let dump = scene.node.dump();
        for words in [["address 10.1.0.1/24", "lab0.100"], ["address 10.2.0.1/24", "lab0.200"]] {
            assert!(dump.has(&words), "{words:?} in\n{dump}");
        }
        scene.node.del(&goes, &two).succeeded();
        let end = |name: &str| scene.node.dump().has(&[&format!("link {name} kind veth")]);
        scene.node.call("GC", &stays, &valid(&one, &["stays"])).succeeded();
        assert!(end("lab0.100") && end("lab0.200"), "a pod is on the bridge:\n{}", scene.node.dump());
        scene.checked(&stays, &one).succeeded();
        scene.node.del(&stays, &one).succeeded();
        scene.node.call("GC", &stays, &valid(&one, &[])).succeeded();
        let dump = scene.node.dump();
        assert!(!dump.lines().any(|line| line.contains("link lab0")), "{dump}");
    });
}
