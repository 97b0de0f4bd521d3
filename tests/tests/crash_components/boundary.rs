//! A kill at each system call with an effect, of ADD, of DEL, of GC and of a rollback.

use multus_tests::{is_the_machine, private};
use serde_json::{Value, json};

use crate::scene::{Networks, Scene};
use crate::strace::{self, EFFECTS};

/// No network that there is.
const NOWHERE: &str = "nowhere";

/// For some such calls: `prepare`, the killed call, then `recover`, and the node has to be as before.
fn at_each_call(scene: &Scene, verb: &str, conf: &Value, prepare: impl Fn(&str), recover: impl Fn(&str)) {
    at_each_call_of(scene, verb, conf, None, prepare, recover);
}

/// The same of a call that nobody kills and that is refused with this word, or succeeds.
fn at_each_call_of(
    scene: &Scene,
    verb: &str,
    conf: &Value,
    refused: Option<&str>,
    prepare: impl Fn(&str),
    recover: impl Fn(&str),
) {
    prepare("counting");
    let (answer, counted) = strace::counted_in(scene, verb, conf, EFFECTS);
    match refused {
        Some(word) => assert!(answer.error().msg.contains(word), "counting {verb}: {answer}"),
        None => assert!(answer.is_success(), "counting {verb}: {answer}"),
    }
    recover("counting");
    let places = counted.iter().flat_map(|(name, times)| (1..=*times).map(move |at| (name, at, times)));
    let (mut kills, mut struck) = (0, 0);
    for (name, at, times) in strace::some(places.collect(), 8, 24) {
        let story = format!("{verb} killed at {name} {at} of {times}");
        prepare(&story);
        let answer = strace::strike(scene, verb, conf, name, "signal=SIGKILL", &at.to_string());
        struck += 1;
        kills += usize::from(answer.status.code().is_none());
        scene.no_address_is_free_and_in_use(&story);
        recover(&story);
        scene.must_be_clean(&story);
    }
    println!("{verb}: killed {kills} times at system calls, of which there are {counted:?}");
    let enough = if is_the_machine() { 2 } else { 5 };
    assert!(struck > enough && 2 * kills >= struck, "{verb}: too few kills to say anything");
}

#[test]
fn add_killed_at_each_system_call() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        at_each_call(&scene, "ADD", &conf, |_| {}, |story| scene.del_succeeds(&conf, story));
    });
}

#[test]
fn add_killed_at_each_system_call_and_tried_again() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        let again = |story: &str| {
            scene.add_ends_attached(&conf, story);
            scene.del_succeeds(&conf, story);
        };
        at_each_call(&scene, "ADD", &conf, |_| {}, again);
    });
}

#[test]
fn del_killed_at_each_system_call() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        let add = |story: &str| drop(scene.add_succeeds(&conf, story));
        at_each_call(&scene, "DEL", &conf, add, |story| scene.del_succeeds(&conf, story));
    });
}

/// What a killed GC did not give back, the next one does.
#[test]
fn gc_killed_at_each_system_call() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let mut conf = scene.conf(Networks::All);
        conf["cni.dev/valid-attachments"] = json!([{ "containerID": "survivor", "ifname": "eth0" }]);
        let add = |story: &str| drop(scene.add_succeeds(&conf, story));
        let gc = |story: &str| {
            let answer = scene.node.call("GC", &scene.pod, &conf);
            assert!(answer.is_success(), "{story}: {answer}");
        };
        at_each_call(&scene, "GC", &conf, add, gc);
    });
}

/// An ADD whose last network can't be had is killed while it takes the others back, too.
#[test]
fn a_rollback_killed_at_each_system_call() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let mut conf = scene.conf(Networks::All);
        let last = conf["delegates"].as_array_mut().unwrap().last_mut().unwrap();
        last["plugins"][0]["ipam"] = json!({ "type": "host-local", "ranges": [[{ "subnet": NOWHERE }]] });
        let answer = scene.node.add(&scene.pod, &conf);
        assert!(answer.error().msg.contains(NOWHERE), "{answer}");
        let del = |story: &str| scene.del_succeeds(&conf, story);
        at_each_call_of(&scene, "ADD", &conf, Some(NOWHERE), |_| {}, del);
    });
}
