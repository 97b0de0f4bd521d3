//! What the operator sees: the plan, the state, the record in words, and taking it back by hand.

use multus_tests::private;
use serde_json::json;

use crate::scene::{Scene, lan, said, without_pod};

#[test]
fn the_plan_names_components() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let text = said(&scene.multusctl(&["explain"], &conf));
        assert!(text.contains("component bridge (sha256:"), "{text}");
        let plan = said(&scene.multusctl(&["explain", "--output", "json"], &conf));
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        let step = &plan["attachments"][0]["plugins"][0];
        assert_eq!(
            (&step["type"], &step["implementation"]["component"]["module"]),
            (&json!("bridge"), &json!("bridge")),
            "{plan}"
        );
    });
}

#[test]
fn status_is_that_of_the_modules() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let pod = scene.node.pod("web");
        scene.node.call("STATUS", &pod, &conf).succeeded();
        std::fs::remove_dir_all(scene.node.path("wasm/cache")).unwrap();
        let error = scene.node.call("STATUS", &pod, &conf).error();
        assert_eq!(error.code, 50);
        assert!(error.msg.contains("multusctl module compile"), "{error:?}");
    });
}

#[test]
fn the_record_tells_in_words_what_was_done() {
    private(|| {
        let scene = Scene::new();
        let mut network = lan("lab0", "10.1.0.0/24");
        network["ipMasq"] = json!(true);
        network["macspoofchk"] = json!(true);
        let conf = scene.conf(json!([network]));
        scene.attached("web", &conf);
        let text = said(&scene.multusctl(&["journal", "show", "web"], &conf));
        for words in [
            "bridge lab0 on the node",
            "veth eth0 in the pod with veth",
            "10.1.0.2 claimed in /var/lib/cni/networks/net-lab0",
            "address 10.1.0.2/24 on eth0 in the pod",
            "address 10.1.0.1/24 on lab0 on the node",
            "route default via 10.1.0.1 by eth0 in the pod",
            "10.1.0.2 leaves 10.1.0.0/24 with the node's address",
            "net/ipv4/ip_forward = 1 on the node",
            "given back",
            "deleted",
            "stays",
        ] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
    });
}

#[test]
fn a_pod_that_may_be_running_is_undone_by_force_alone() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        let before = scene.warmed_up(&conf);
        scene.attached("web", &conf);
        let attached = scene.node.dump();
        let refused = scene.multusctl(&["journal", "undo", "web"], &conf);
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && why.contains("--force"), "{why}");
        scene.node.dump().must_equal(&attached);
        said(&scene.multusctl(&["journal", "undo", "web", "--force"], &conf));
        without_pod(&scene.state(), "web").must_equal(&before);
        assert!(!scene.node.dump().has(&["netns web: link eth0"]), "{}", scene.node.dump());

        scene.node.remove_netns("web");
        scene.attached("web", &conf);
        scene.node.remove_netns("web");
        said(&scene.multusctl(&["journal", "undo", "web"], &conf));
        scene.state().must_equal(&before);
    });
}

#[test]
fn what_a_dead_node_left_is_swept() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([lan("lab0", "10.1.0.0/24")]));
        scene.warmed_up(&conf);
        let text = said(&scene.multusctl(&["journal", "sweep"], &conf));
        assert!(!text.contains("web"), "{text}");
    });
}
