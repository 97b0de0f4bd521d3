//! A kill before and after each step, when the delegate has not begun its work and when it has done it.

use multus_tests::private;
use serde_json::json;

use crate::scene::{Blow, STEPS, Scene};

/// Every place to stop: each plugin, before and after its work.
fn places() -> impl Iterator<Item = (&'static str, &'static str)> {
    STEPS.into_iter().flat_map(|step| [(step, "before"), (step, "after")])
}

/// ADD is struck at each place; DEL then gives everything back, twice if asked.
fn during_add(blow: Blow) {
    let scene = Scene::new();
    for (step, when) in places() {
        let story = format!("ADD, {blow:?} killed {when} the work of {step}");
        let conf = scene.conf_where(step, "ADD", &scene.stop(when));
        scene.struck("ADD", &conf, blow);
        if blow == Blow::Delegate {
            scene.must_be_clean(&story);
        }
        scene.del_cleans(&conf, &story);
        scene.del_cleans(&conf, &story);
    }
}

/// DEL is struck at each place; the next one gives the rest back.
fn during_del(blow: Blow) {
    let scene = Scene::new();
    for (step, when) in places() {
        let story = format!("DEL, {blow:?} killed {when} the work of {step}");
        let conf = scene.conf_where(step, "DEL", &scene.stop(when));
        scene.add_succeeds(&conf, &story);
        scene.struck("DEL", &conf, blow);
        scene.del_cleans(&conf, &story);
    }
}

#[test]
fn add_without_multus() {
    private(|| during_add(Blow::Multus));
}

#[test]
fn add_without_multus_and_delegate() {
    private(|| during_add(Blow::Both));
}

#[test]
fn add_without_delegate() {
    private(|| during_add(Blow::Delegate));
}

#[test]
fn del_without_multus() {
    private(|| during_del(Blow::Multus));
}

#[test]
fn del_without_multus_and_delegate() {
    private(|| during_del(Blow::Both));
}

#[test]
fn del_without_delegate() {
    private(|| during_del(Blow::Delegate));
}

/// A runtime may try again instead of giving up: what the first ADD left is taken back, then all is made anew.
#[test]
fn an_add_after_a_crashed_one_recovers_and_succeeds() {
    private(|| {
        let scene = Scene::new();
        for blow in [Blow::Multus, Blow::Both] {
            for (step, when) in places() {
                let story = format!("ADD, {blow:?} killed {when} the work of {step}, then ADD");
                let conf = scene.conf_where(step, "ADD", &scene.stop(when));
                scene.struck("ADD", &conf, blow);
                scene.add_succeeds(&conf, &story);
                scene.del_cleans(&conf, &story);
            }
        }
    });
}

/// A node that lost its pod to a crash gets everything back by GC, too.
#[test]
fn a_gc_after_a_crashed_add_gives_everything_back() {
    private(|| {
        let scene = Scene::new();
        for (step, when) in places() {
            let conf = scene.conf_where(step, "ADD", &scene.stop(when));
            scene.struck("ADD", &conf, Blow::Multus);
            let mut gc = conf.clone();
            gc["cni.dev/valid-attachments"] = json!([]);
            scene.node.call("GC", &scene.pod, &gc).succeeded();
            scene.must_be_clean(&format!("ADD killed {when} the work of {step}, then GC"));
        }
    });
}

/// The namespace went with the pod's processes before DEL came.
#[test]
fn a_del_after_a_crashed_add_without_its_namespace() {
    private(|| {
        let scene = Scene::new();
        for (step, when) in places() {
            let conf = scene.conf_where(step, "ADD", &scene.stop(when));
            scene.struck("ADD", &conf, Blow::Multus);
            scene.node.remove_netns("web");
            scene.node.del(&scene.pod, &conf).succeeded();
            scene.node.netns("web");
            scene.must_be_clean(&format!("ADD killed {when} the work of {step}, then the namespace"));
        }
    });
}
