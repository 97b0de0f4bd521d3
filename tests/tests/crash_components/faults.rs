//! The disk refuses: full, broken or read-only, once or from a moment on.

use multus_tests::private;
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
    let places = counted.iter().flat_map(|(name, times)| (1..=*times).map(move |at| (name, at)));
    let places: Vec<_> = places.flat_map(|(name, at)| ERRORS.map(|error| (name, at, error))).collect();
    let (ways, mut refused) = (places.len(), 0);
    for (name, at, error) in strace::some(places, 8, 24) {
        let story = format!("{verb}, {error} at {name} {}", number(at));
        then(&story, false);
        let answer = strace::strike(scene, verb, conf, name, &format!("error={error}"), &number(at));
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
    println!("{verb}: {refused} calls were refused; {ways} ways in all");
    assert!(refused > 0, "{verb}: nothing was refused");
}

/// A verb at its calls to the disk; `then` is done before and after each.
fn refused(
    verb: &str,
    names: &str,
    number: impl Fn(usize) -> String,
    then: impl Fn(&Scene, &Value, &str, bool),
) {
    if !strace::is_there() {
        return;
    }
    let scene = Scene::new();
    let conf = scene.conf(Networks::All);
    at_each_call(&scene, verb, &conf, names, number, |story, after| then(&scene, &conf, story, after));
}

fn del_afterwards(scene: &Scene, conf: &Value, story: &str, after: bool) {
    if after {
        scene.del_succeeds(conf, story);
    }
}

/// Without the refusals DEL gives everything back, whatever became of the ADD.
#[test]
fn add_refused_once_by_the_disk() {
    private(|| refused("ADD", ON_DISK, |at| at.to_string(), del_afterwards));
}

/// A disk that takes nothing any more: the ADD fails, and is taken back without any room.
#[test]
fn add_refused_by_a_disk_from_a_moment_on() {
    private(|| refused("ADD", "fsync,fdatasync", |at| format!("{at}+"), del_afterwards));
}

#[test]
fn del_refused_by_the_disk() {
    private(|| {
        let then = |scene: &Scene, conf: &Value, story: &str, after: bool| {
            if !after {
                scene.add_succeeds(conf, story);
            }
            del_afterwards(scene, conf, story, after);
        };
        refused("DEL", ON_DISK, |at| at.to_string(), then);
    });
}

/// Out of reach for a moment is not gone: a device would be lost with the pod, and addresses free that its links have.
#[test]
fn a_namespace_out_of_reach_is_not_taken_for_gone() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        for errno in ["EMFILE", "ENOMEM", "EACCES"] {
            scene.add_succeeds(&conf, errno);
            let answer = strace::without_path(&scene, "DEL", &conf, &scene.pod.netns, errno);
            assert!(answer.error().msg.contains("/run/netns/web"), "{errno}: {answer}");
            scene.no_address_is_free_and_in_use(errno);
            scene.del_cleans(&conf, errno);
        }
    });
}
