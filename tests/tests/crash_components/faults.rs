//! The disk refuses: full, broken or read-only, once or from a moment on.

use multus_tests::{Random, effort, private};
use serde_json::Value;

use crate::scene::{Networks, Scene};
use crate::strace::{self, ON_DISK};

const ERRORS: [&str; 3] = ["ENOSPC", "EIO", "EROFS"];

/// Each call to the disk with each error: some of all these, as chance has it.
fn at_each_call(
    scene: &Scene,
    verb: &str,
    conf: &Value,
    names: &str,
    number: impl Fn(usize) -> String,
    then: impl Fn(&str, bool),
) {
    then("counting", false);
    let counted = strace::counted(scene, verb, conf, names);
    then("counting", true);
    let every = effort().rounds(20, 5, 1);
    let places = counted.iter().flat_map(|(name, times)| (1..=*times).map(move |at| (name, at)));
    let places: Vec<_> = places.flat_map(|(name, at)| ERRORS.map(|error| (name, at, error))).collect();
    let first = usize::try_from(Random::of_this_run().below(every as u64)).unwrap();
    let mut refused = 0;
    for (name, at, error) in places.iter().skip(first).step_by(every) {
        let story = format!("{verb}, {error} at {name} {}", number(*at));
        then(&story, false);
        let answer = strace::strike(scene, verb, conf, name, &format!("error={error}"), &number(*at));
        assert!(!answer.stderr.contains("panicked") && answer.status.code().is_some(), "{story}: {answer}");
        scene.no_address_is_free_and_in_use(&story);
        if !answer.is_success() {
            refused += 1;
            assert!(answer.try_error().is_ok() || name.as_str() == "write", "{story}: {answer}");
        }
        then(&story, true);
        // The status tells of the attachments, it is none of them: DEL does without the place where it stands, and says
        // so. A cluster's goes with the pod.
        let kept = answer.stderr.contains("network-status of pod default/web not removed");
        scene.must_be_clean_but(&story, |line| kept && line.contains("/network-status/default/web.json"));
    }
    println!("{verb}: {refused} calls were refused; {} ways in all, one of {every} tried", places.len());
    assert!(refused > 0, "{verb}: nothing was refused");
}

/// Without the refusals DEL gives everything back, whatever became of the ADD.
#[test]
fn add_refused_once_by_the_disk() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        at_each_call(
            &scene,
            "ADD",
            &conf,
            ON_DISK,
            |at| at.to_string(),
            |story, after| {
                if after {
                    scene.del_succeeds(&conf, story);
                }
            },
        );
    });
}

/// A disk that takes nothing any more: the ADD fails, and is taken back without any room.
#[test]
fn add_refused_by_a_disk_from_a_moment_on() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        at_each_call(
            &scene,
            "ADD",
            &conf,
            "fsync,fdatasync",
            |at| format!("{at}+"),
            |story, after| {
                if after {
                    scene.del_succeeds(&conf, story);
                }
            },
        );
    });
}

#[test]
fn del_refused_by_the_disk() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        at_each_call(
            &scene,
            "DEL",
            &conf,
            ON_DISK,
            |at| at.to_string(),
            |story, after| {
                if after {
                    scene.del_succeeds(&conf, story);
                } else {
                    scene.add_succeeds(&conf, story);
                }
            },
        );
    });
}
