//! Servers that are slow, wrong or gone.

use std::time::Duration;

use multus_tests::{Fault, private};
use serde_json::json;

use crate::scene::{PATCH_STATUS, Scene};

/// Longer than a few questions may take, and shorter than an ADD may: past it, a call hangs.
const BOUND: Duration = Duration::from_secs(40);

/// More often than anybody asks.
const MANY: usize = 1_000_000;

/// What is wrong with the server, and whether delegates were called before it showed.
type Trouble = (&'static str, fn(&mut Scene), bool);

const LASTING: [Trouble; 8] = [
    ("it is down", |scene| scene.api.stop(), false),
    ("it takes connections and says nothing", |scene| scene.api.freeze(), false),
    ("nobody knows its name", |scene| scene.server_at("nowhere.invalid"), false),
    ("it does not answer for the pod", |scene| scene.api.fail("GET pods", MANY, Fault::Hang), false),
    ("it has no time for the pod", |scene| scene.api.fail("GET pods", MANY, Fault::Status(503)), false),
    (
        "it does not answer for a definition",
        |scene| scene.api.fail("GET network-attachment-definitions", MANY, Fault::Hang),
        false,
    ),
    ("it does not take the status", |scene| scene.api.fail("PATCH", MANY, Fault::Status(500)), true),
    ("it does not answer for the status", |scene| scene.api.fail("PATCH", MANY, Fault::Hang), true),
];

/// All of them at the same time: each takes as long as its question may.
#[test]
fn what_lasts_fails_an_add_in_bounded_time_with_nothing_left_and_del_does_not_care() {
    private(|| {
        let mut scenes: Vec<Scene> = LASTING.iter().map(|_| Scene::asking("red")).collect();
        let mut calls = Vec::new();
        for (scene, (_, happens, _)) in scenes.iter_mut().zip(LASTING) {
            scene.conf["api"] = json!({ "timeout": "2s", "deadline": "5s" });
            happens(scene);
            calls.push(scene.node.calling("ADD", &scene.pod, &scene.conf).start());
        }
        for ((call, scene), (what, _, called)) in calls.into_iter().zip(&scenes).zip(LASTING) {
            let answer = call.wait();
            let error = answer.try_error().unwrap_or_else(|problem| panic!("{what}: {problem}: {answer}"));
            assert_eq!(error.code, 11, "{what}: {answer}");
            assert!(error.msg.contains("shop/web"), "{what}: {answer}");
            assert!(answer.took < BOUND, "{what}: {answer}");
            assert_eq!(!scene.node.briefs().is_empty(), called, "{what}: {:?}", scene.node.briefs());
            assert!(!scene.node.path("leases").exists(), "{what}: all is given back");
            assert!(!scene.node.record(&scene.pod).exists(), "{what}: nothing stays recorded");
            scene.detached();
        }
    });
}

#[test]
fn del_does_not_wait_for_a_server_that_says_nothing() {
    private(|| {
        let mut scene = Scene::asking("red");
        let before = scene.node.state();
        scene.attached();
        scene.api.freeze();
        scene.detached();
        scene.node.state().must_equal(&before);
    });
}

#[test]
fn a_server_far_away_is_near_enough() {
    private(|| {
        let scene = Scene::asking("red,blue");
        scene.api.delay("", Duration::from_millis(700));
        scene.attached();
        assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 3);
        scene.detached();
    });
}

/// What goes wrong, how often, and with which request.
const PASSING: [(&str, usize, Fault); 9] = [
    ("GET pods", 1, Fault::Status(503)),
    ("GET pods", 2, Fault::Status(500)),
    ("GET pods", 1, Fault::Status(429)),
    ("GET pods", 1, Fault::Reset),
    ("GET network-attachment-definitions", 2, Fault::Status(503)),
    ("GET network-attachment-definitions", 1, Fault::Reset),
    ("PATCH", 2, Fault::Status(503)),
    ("PATCH", 1, Fault::Status(409)),
    ("PATCH", 1, Fault::AnswerLost),
];

#[test]
fn what_passes_is_waited_for() {
    private(|| {
        for (request, times, fault) in PASSING {
            let scene = Scene::asking("red");
            scene.api.fail(request, times, fault);
            let answer = scene.node.add(&scene.pod, &scene.conf);
            assert!(answer.is_success(), "{request} {times} {fault:?}: {answer}");
            assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 2, "{request} {times} {fault:?}");
            let asked = scene.asked();
            let again = asked.iter().filter(|asked| asked.starts_with(request)).count();
            assert_eq!(again, times + 1, "{request} {times} {fault:?}: {asked:?}");
            scene.detached();
        }
    });
}

#[test]
fn a_status_that_must_not_be_written_takes_everything_back() {
    private(|| {
        let scene = Scene::asking("red");
        scene.api.fail("PATCH", MANY, Fault::Status(403));
        scene.failed(11, &["shop/web", "network-status"]);
        assert_eq!(scene.node.briefs(), ["ADD alpha eth0", "ADD red net1", "DEL red net1", "DEL alpha eth0"]);
        let tried = scene.api.briefs().iter().filter(|asked| *asked == PATCH_STATUS).count();
        assert_eq!(tried, 1, "what is forbidden stays so");
    });
}

#[test]
fn an_answer_that_is_no_answer_is_an_error_that_shows_it() {
    private(|| {
        let scene = Scene::asking("red");
        scene.api.fail("GET pods", MANY, Fault::Garbage);
        scene.failed(11, &["shop/web"]);
        assert!(scene.node.briefs().is_empty());
    });
}
