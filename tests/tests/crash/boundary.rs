//! A kill at each system call with an effect: `strace` puts SIGKILL in the place of the N-th one.

use std::process::Command;

use multus_tests::{Answer, effort, left_out, private};
use serde_json::{Value, json};

use crate::scene::Scene;

/// What changes the node or starts somebody who does. Creating a file is covered by the call after it.
const CALLS: &str =
    "write,rename,renameat2,unlink,mkdir,rmdir,symlink,fsync,fdatasync,ftruncate,flock,clone,clone3,vfork";

fn strace_is_there() -> bool {
    let there = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if there.is_ok_and(|status| status.success()) {
        return true;
    }
    left_out("there is no `strace` that may trace: install it to kill at each system call");
    false
}

/// Makes the call under `strace`, which kills `multus` as it enters its `number`-th system call of this name.
fn killed_at(scene: &Scene, verb: &str, conf: &Value, name: &str, number: usize) -> Answer {
    let inject = format!("inject={name}:signal=SIGKILL:when={number}");
    let strace = ["strace", "-qq", "-o", "/dev/null", "-e", &inject];
    scene.node.calling(verb, &scene.pod, conf).through(&strace).answer()
}

/// How often the call makes each of these system calls, children not counted.
fn counted(scene: &Scene, verb: &str, conf: &Value) -> Vec<(&'static str, usize)> {
    let log = scene.node.scratch("strace");
    let trace = format!("trace={CALLS}");
    let line = ["strace", "-qq", "-o", log.to_str().unwrap(), "-e", &trace];
    scene.node.calling(verb, &scene.pod, conf).through(&line).answer();
    let text = std::fs::read_to_string(&log).unwrap();
    let times = |name: &str| text.lines().filter(|line| line.starts_with(&format!("{name}("))).count();
    CALLS.split(',').map(|name| (name, times(name))).filter(|(_, times)| *times > 0).collect()
}

/// For each such call: `prepare`, the killed call, then `recover`, and the node has to be as before.
fn at_each_call(scene: &Scene, verb: &str, conf: &Value, prepare: impl Fn(&str), recover: impl Fn(&str)) {
    prepare("counting");
    let counted = counted(scene, verb, conf);
    recover("counting");
    let every = effort().rounds(7, 1, 1);
    let mut kills = 0;
    for (name, times) in &counted {
        for number in (1..=*times).step_by(every) {
            let story = format!("{verb} killed at {name} {number} of {times}");
            prepare(&story);
            let answer = killed_at(scene, verb, conf, name, number);
            kills += usize::from(answer.status.code().is_none());
            recover(&story);
            scene.must_be_clean(&story);
        }
    }
    println!("{verb}: killed at {kills} system calls of {counted:?}");
    let calls: usize = counted.iter().map(|(_, times)| times).sum();
    assert!(calls > 10 && 2 * kills * every >= calls, "{verb}: too few kills to say anything");
}

#[test]
fn add_killed_at_each_system_call() {
    private(|| {
        if !strace_is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf();
        at_each_call(&scene, "ADD", &conf, |_| {}, |story| scene.del_cleans(&conf, story));
    });
}

#[test]
fn add_killed_at_each_system_call_and_tried_again() {
    private(|| {
        if !strace_is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf();
        let again = |story: &str| {
            let answer = scene.node.add(&scene.pod, &conf);
            // Killed after its end was recorded: as good as done.
            let attached = answer.try_error().is_ok_and(|error| error.msg.contains("attached already"));
            assert!(attached || answer.is_success(), "{story}: {answer}");
            scene.del_cleans(&conf, story);
        };
        at_each_call(&scene, "ADD", &conf, |_| {}, again);
    });
}

#[test]
fn del_killed_at_each_system_call() {
    private(|| {
        if !strace_is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf();
        let add = |story: &str| scene.add_succeeds(&conf, story);
        at_each_call(&scene, "DEL", &conf, add, |story| scene.del_cleans(&conf, story));
    });
}

/// What a killed GC did not give back, the next one does.
#[test]
fn gc_killed_at_each_system_call() {
    private(|| {
        if !strace_is_there() {
            return;
        }
        let scene = Scene::new();
        let mut conf = scene.conf();
        conf["cni.dev/valid-attachments"] = json!([]);
        let add = |story: &str| scene.add_succeeds(&conf, story);
        let gc = |story: &str| {
            let answer = scene.node.call("GC", &scene.pod, &conf);
            assert!(answer.is_success(), "{story}: {answer}");
        };
        at_each_call(&scene, "GC", &conf, add, gc);
    });
}

/// An ADD that fails is killed while it takes back what it did, too.
#[test]
fn a_rollback_killed_at_each_system_call() {
    private(|| {
        if !strace_is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf_where("three", "ADD", &json!({ "while": scene.armed(), "fail": {} }));
        scene.arm();
        at_each_call(&scene, "ADD", &conf, |_| {}, |story| scene.del_cleans(&conf, story));
    });
}
