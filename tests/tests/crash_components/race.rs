//! Two calls for one container at once, and a namespace that goes meanwhile.

use std::thread::sleep;
use std::time::Duration;

use multus_tests::{Answer, Random, effort, private};
use serde_json::Value;

use crate::scene::{Networks, Scene};

/// Any end but a panic or a silent one.
#[track_caller]
fn ended_well(answer: &Answer, story: &str) {
    assert!(answer.is_success() || answer.try_error().is_ok(), "{story}: {answer}");
    assert!(!answer.stderr.contains("panicked"), "{story}: {answer}");
}

/// Starts both, the second after a while.
fn both(scene: &Scene, verbs: [&str; 2], conf: &Value, random: &mut Random) -> [Answer; 2] {
    let first = scene.node.calling(verbs[0], &scene.pod, conf).start();
    sleep(Duration::from_micros(random.below(40_000)));
    let second = scene.node.calling(verbs[1], &scene.pod, conf).start();
    [first.wait(), second.wait()]
}

#[test]
fn del_beside_add() {
    private(|| {
        let scene = Scene::new();
        let (conf, mut random) = (scene.conf(Networks::All), Random::of_this_run());
        let mut stopped = 0;
        for round in 0..effort().rounds(5, 25, 1000) {
            let story = format!("DEL beside ADD, round {round}");
            let [add, del] = both(&scene, ["ADD", "DEL"], &conf, &mut random);
            ended_well(&add, &story);
            assert!(del.is_success(), "{story}: {del}");
            stopped += usize::from(!add.is_success());
            scene.del_cleans(&conf, &story);
        }
        println!("{stopped} ADDs made way");
    });
}

#[test]
fn add_beside_add() {
    private(|| {
        let scene = Scene::new();
        let (conf, mut random) = (scene.conf(Networks::All), Random::of_this_run());
        for round in 0..effort().rounds(5, 20, 1000) {
            let story = format!("two ADDs, round {round}");
            let answers = both(&scene, ["ADD", "ADD"], &conf, &mut random);
            answers.iter().for_each(|answer| ended_well(answer, &story));
            let successes = answers.iter().filter(|answer| answer.is_success()).count();
            assert_eq!(successes, 1, "{story}: {} {}", answers[0], answers[1]);
            scene.del_cleans(&conf, &story);
        }
    });
}

/// The pod is killed by its runtime while it is attached or detached.
#[test]
fn a_namespace_that_goes_meanwhile() {
    private(|| {
        let scene = Scene::new();
        let (conf, mut random) = (scene.conf(Networks::Virtual), Random::of_this_run());
        for round in 0..effort().rounds(5, 25, 1000) {
            let verb = *random.pick(&["ADD", "DEL"]);
            let reused = random.below(2) == 0;
            let story = format!("namespace gone during {verb}, reused: {reused}, round {round}");
            if verb == "DEL" {
                scene.add_succeeds(&conf, &story);
            }
            let call = scene.node.calling(verb, &scene.pod, &conf).start();
            sleep(Duration::from_micros(random.below(40_000)));
            scene.node.remove_netns("web");
            if reused {
                scene.node.netns("web");
            }
            ended_well(&call.wait(), &story);
            scene.del_succeeds(&conf, &story);
            if !reused {
                scene.node.netns("web");
            }
            scene.must_be_clean(&story);
        }
    });
}
