//! Pods that are refused, and why.

use std::thread;
use std::time::{Duration, Instant};

use multus_tests::{pod_object, private};
use serde_json::json;

use crate::scene::{PATCH_STATUS, Scene};

/// Annotation, words of the error, which the event has, too.
const REFUSALS: [(&str, &str); 4] = [
    ("red@much-too-long-a-name", "much-too-long-a-name"),
    (r#"[{"name": "red", "mac": "web"}]"#, "mac"),
    (r#"[{"name": "red", "ips": ["10.1.2.3"]}]"#, "ips"),
    ("red@eth0", "eth0"),
];

#[test]
fn every_refusal_is_an_event() {
    private(|| {
        let mut scene = Scene::asking("");
        for (networks, word) in REFUSALS {
            scene.api.load(&[pod_object("shop", "web", networks)]);
            scene.new_sandbox();
            scene.failed(7, &["shop/web", word]);
            let events = scene.events();
            assert_eq!(events.len(), 1, "{networks}: {events:?}");
            assert!(events[0].starts_with("Warning ") && events[0].contains(word), "{networks}: {events:?}");
            let name =
                scene.api.objects("events", "shop")[0]["metadata"]["name"].as_str().unwrap().to_owned();
            scene.api.delete("events", "shop", &name);
        }
    });
}

#[test]
fn a_pod_that_was_replaced_meanwhile_keeps_its_own_status() {
    private(|| {
        let scene = Scene::asking("red");
        let before = scene.node.state();
        scene.api.delay("PATCH", Duration::from_millis(500));
        let call = scene.node.calling("ADD", &scene.pod, &scene.conf).start();
        let began = Instant::now();
        while !scene.api.briefs().contains(&PATCH_STATUS.to_owned()) {
            assert!(began.elapsed() < Duration::from_secs(30), "{:?}", scene.api.briefs());
            thread::sleep(Duration::from_millis(1));
        }
        scene.api.delete("pods", "shop", "web");
        let mut newer = pod_object("shop", "web", "blue");
        newer["metadata"]["uid"] = json!("uid-of-a-newer-web");
        scene.api.load(&[newer]);
        let error = call.wait().error();
        assert_eq!(error.code, 11, "{error:?}");
        assert!(error.msg.contains("replaced"), "{error:?}");
        assert_eq!(scene.status(), None);
        scene.node.state().must_equal(&before);
        let adds = scene.node.briefs();
        assert_eq!(adds[adds.len() - 2..], ["DEL red net1", "DEL alpha eth0"]);
    });
}
