//! A delegate leaves something running when it is killed: it holds the container's lock, and the next call waits.

use std::fs;

use multus_tests::{Recorded, Running, private};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::scene::{STEPS, Scene, until, until_del_waits};

/// An order that leaves a process behind and stops.
fn order(scene: &Scene) -> Value {
    let mut order = scene.stop("after");
    order["grandchild"] = json!(50);
    order
}

/// The process that a delegate started.
fn child_of(delegate: &Recorded) -> Pid {
    let path = format!("/proc/{0}/task/{0}/children", delegate.pid);
    until("the delegate's child", || {
        let children = fs::read_to_string(&path).unwrap();
        children.split_whitespace().next().map(|pid| Pid::from_raw(pid.parse().unwrap()))
    })
}

/// A call that is killed while its delegate has a child, which lives on.
fn orphaned(scene: &Scene, verb: &str, conf: &Value) -> (Running, Pid) {
    let (mut call, delegate) = scene.stopped(verb, conf);
    let orphan = child_of(&delegate);
    call.kill();
    until("the delegate's end with multus", || is_dead(delegate.pid).then_some(()));
    kill(orphan, None).expect("it lives on");
    scene.disarm();
    (call, orphan)
}

/// Gone, or dead and not yet reaped by whoever inherited it.
fn is_dead(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn release(orphan: Pid) {
    kill(orphan, Signal::SIGKILL).unwrap();
}

#[test]
fn del_waits_for_what_a_crashed_call_left_running() {
    private(|| {
        let scene = Scene::new();
        for (verb, step) in ["ADD", "DEL"].into_iter().flat_map(|verb| STEPS.map(|step| (verb, step))) {
            let story = format!("{verb} killed in {step}, its delegate's child lives on");
            let conf = scene.conf_where(step, verb, &order(&scene));
            if verb == "DEL" {
                scene.add_succeeds(&conf, &story);
            }
            let (killed, orphan) = orphaned(&scene, verb, &conf);
            scene.node.forget_recorded();
            let del = scene.node.calling("DEL", &scene.pod, &conf).start();
            until_del_waits("web");
            assert_eq!(
                scene.node.briefs(),
                Vec::<String>::new(),
                "{story}: a delegate ran beside the orphan"
            );
            release(orphan);
            del.wait().succeeded();
            killed.wait();
            scene.must_be_clean(&story);
        }
    });
}

#[test]
fn add_waits_for_what_a_crashed_add_left_running() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf_where("two-b", "ADD", &order(&scene));
        let (killed, orphan) = orphaned(&scene, "ADD", &conf);
        scene.node.forget_recorded();
        let add = scene.node.calling("ADD", &scene.pod, &conf).start();
        until_it_has_tried(add.pid());
        assert_eq!(scene.node.briefs(), Vec::<String>::new(), "a delegate ran beside the orphan");
        release(orphan);
        add.wait().succeeded();
        killed.wait();
        scene.del_cleans(&conf, "ADD killed, its delegate's child lived on, then ADD");
    });
}

/// Each try for the lock is followed by a sleep, and nothing else before the first delegate sleeps that often.
fn until_it_has_tried(pid: u32) {
    until("twenty tries for the lock", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let sleeps = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        (sleeps.trim().parse::<u32>().ok()? >= 20).then_some(())
    });
}

/// GC works on the whole node and waits for the orphans of every container.
#[test]
fn gc_waits_for_what_a_crashed_add_left_running() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf_where("one", "ADD", &order(&scene));
        let (killed, orphan) = orphaned(&scene, "ADD", &conf);
        scene.node.forget_recorded();
        let mut gc_conf = conf.clone();
        gc_conf["cni.dev/valid-attachments"] = json!([]);
        let gc = scene.node.calling("GC", &scene.pod, &gc_conf).start();
        until_it_has_tried(gc.pid());
        assert_eq!(scene.node.briefs(), Vec::<String>::new(), "a delegate ran beside the orphan");
        release(orphan);
        gc.wait().succeeded();
        killed.wait();
        scene.del_cleans(&conf, "ADD killed, its delegate's child lived on, then GC");
    });
}
