//! A DEL that comes while an ADD of the same container runs.

use multus_tests::private;
use serde_json::json;

use crate::scene::{STEPS, Scene, until_del_waits};

/// The ADD makes way between two steps and takes back what it did; the DEL finds nothing and succeeds.
#[test]
fn del_stops_a_running_add_between_its_steps() {
    private(|| {
        let scene = Scene::new();
        let go_on = scene.node.scratch("go-on");
        for (place, step) in STEPS.into_iter().enumerate() {
            let order = json!({ "touch": scene.reached(), "while": scene.armed(), "waitFor": go_on });
            let conf = scene.conf_where(step, "ADD", &order);
            let (add, _) = scene.stopped("ADD", &conf);
            let del = scene.node.calling("DEL", &scene.pod, &conf).start();
            until_del_waits("web");
            std::fs::write(&go_on, "").unwrap();
            let (added, deleted) = (add.wait(), del.wait());
            deleted.succeeded();
            let adds = scene.node.briefs().iter().filter(|call| call.starts_with("ADD")).count();
            assert_eq!(adds, place + 1, "no step begins after {step}: {:?}", scene.node.briefs());
            if step == STEPS[STEPS.len() - 1] {
                // Nothing is left to stop: it succeeded, and was deleted.
                added.succeeded();
            } else {
                let error = added.error();
                assert_eq!(error.code, 11, "{error:?}");
                assert!(error.msg.contains("DEL"), "{error:?}");
            }
            scene.must_be_clean(&format!("DEL during {step}"));
            scene.disarm();
            std::fs::remove_file(&go_on).unwrap();
        }
    });
}

/// The mark of a DEL that was killed while it waited stops nobody.
#[test]
fn a_killed_del_does_not_stop_an_add() {
    private(|| {
        let scene = Scene::new();
        let go_on = scene.node.scratch("go-on");
        let order = json!({ "touch": scene.reached(), "while": scene.armed(), "waitFor": go_on });
        let conf = scene.conf_where("one", "ADD", &order);
        let (add, _) = scene.stopped("ADD", &conf);
        let mut del = scene.node.calling("DEL", &scene.pod, &conf).start();
        until_del_waits("web");
        del.kill();
        del.wait();
        std::fs::write(&go_on, "").unwrap();
        add.wait().succeeded();
        scene.del_cleans(&conf, "a DEL killed while it waited, then DEL");
    });
}
