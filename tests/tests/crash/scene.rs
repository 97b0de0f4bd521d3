//! A pod with three networks, one of them a list of two plugins, and ways to stop and to kill its calls.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_tests::{Answer, Dump, Node, Pod, Recorded, Running, pod_object, wait_for};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// The plugins of the pod's networks, in the order in which they are added.
pub(crate) const STEPS: [&str; 4] = ["one", "two-a", "two-b", "three"];

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// `multus` while its delegate runs.
    Multus,
    /// `multus` and its delegate's process group, without time for either to see the other's end.
    Both,
    /// The delegate's process group: `multus` has to see it through.
    Delegate,
}

pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) pod: Pod,
    before: Dump,
}

impl Scene {
    /// The shelves and folders that a first call makes are there already.
    pub(crate) fn new() -> Scene {
        let node = Node::new();
        node.manifests(&[pod_object("default", "web", "")]);
        let pod = node.pod("web").named("default", "web");
        let mut scene = Scene { before: node.dump(), node, pod };
        let conf = scene.conf();
        scene.node.add(&scene.pod, &conf).succeeded();
        scene.node.del(&scene.pod, &conf).succeeded();
        scene.before = scene.node.dump();
        scene
    }

    /// Three networks: `one` and `two` make links, `two` is a list of two plugins.
    pub(crate) fn conf(&self) -> Value {
        self.conf_with(&BTreeMap::new())
    }

    /// The same, where one plugin misbehaves at one verb.
    pub(crate) fn conf_where(&self, step: &str, verb: &str, order: &Value) -> Value {
        self.conf_with(&BTreeMap::from([(step, json!({ verb: order }))]))
    }

    fn conf_with(&self, orders: &BTreeMap<&str, Value>) -> Value {
        let plugin = |step: &str, link: bool| {
            let mut plugin = self.node.plugin(step);
            // Two plugins of one list would take the same lease.
            plugin["recording"]["leases"] = json!(self.node.path(&format!("leases-{step}")));
            plugin["link"] = json!(link);
            plugin["misbehave"] = orders.get(step).cloned().unwrap_or_else(|| json!({}));
            plugin
        };
        let mut conf = self.node.conf(json!([
            plugin("one", true),
            { "cniVersion": "1.1.0", "name": "two", "plugins": [plugin("two-a", true), plugin("two-b", false)] },
            plugin("three", false),
        ]));
        conf["manifests"] = json!(self.node.path("manifests"));
        conf
    }

    /// An order that stops a plugin for ever, for as long as [`Scene::armed`] is there; it says when it is reached.
    pub(crate) fn stop(&self, when: &str) -> Value {
        json!({ "when": when, "while": self.armed(), "touch": self.reached(), "hang": true })
    }

    /// Arms the order of [`Scene::stop`].
    pub(crate) fn arm(&self) {
        std::fs::write(self.armed(), "").unwrap();
        let _ = std::fs::remove_file(self.reached());
    }

    /// Plugins behave from now on.
    pub(crate) fn disarm(&self) {
        std::fs::remove_file(self.armed()).unwrap();
    }

    pub(crate) fn armed(&self) -> PathBuf {
        self.node.scratch("armed")
    }

    pub(crate) fn reached(&self) -> PathBuf {
        self.node.scratch("reached")
    }

    /// Starts a call and waits until a plugin stops as told by [`Scene::stop`].
    pub(crate) fn stopped(&self, verb: &str, conf: &Value) -> (Running, Recorded) {
        self.arm();
        self.node.forget_recorded();
        let call = self.node.calling(verb, &self.pod, conf).start();
        wait_for(&self.reached());
        (call, self.node.recorded().pop().unwrap())
    }

    /// Runs a call into a plugin that stops, and strikes.
    pub(crate) fn struck(&self, verb: &str, conf: &Value, blow: Blow) -> Answer {
        let (mut call, delegate) = self.stopped(verb, conf);
        strike(&mut call, &delegate, blow);
        let answer = call.wait();
        self.disarm();
        assert_eq!(answer.try_error().is_ok(), blow == Blow::Delegate, "{answer}");
        answer
    }

    /// Nothing is left of the pod.
    #[track_caller]
    pub(crate) fn must_be_clean(&self, story: &str) {
        let difference = self.node.dump().since(&self.before);
        assert!(difference.is_empty(), "{story}: the node is not as it was:\n{difference}");
    }

    /// DEL succeeds, and nothing is left of the pod.
    #[track_caller]
    pub(crate) fn del_cleans(&self, conf: &Value, story: &str) {
        let answer = self.node.del(&self.pod, conf);
        assert!(answer.is_success(), "{story}: {answer}");
        self.must_be_clean(story);
    }

    /// ADD succeeds: the pod has its links, its leases, its network-status.
    #[track_caller]
    pub(crate) fn add_succeeds(&self, conf: &Value, story: &str) {
        let answer = self.node.add(&self.pod, conf);
        assert!(answer.is_success(), "{story}: {answer}");
        let dump = self.node.dump();
        for words in [
            ["netns web: link eth0", ""],
            ["netns web: link net1", ""],
            ["leases-one/node-one,web,eth0", "/run/netns/web"],
            ["leases-two-a/two,web,net1", "/run/netns/web"],
            ["leases-two-b/two,web,net1", "/run/netns/web"],
            ["leases-three/node-three,web,net2", "/run/netns/web"],
            ["network-status/default/web.json", "net2"],
        ] {
            assert!(dump.has(&words), "{story}: {words:?} in\n{dump}");
        }
    }
}

fn strike(call: &mut Running, delegate: &Recorded, blow: Blow) {
    match blow {
        Blow::Multus => call.kill(),
        Blow::Delegate => kill_group(delegate.pid),
        Blow::Both => {
            call.signal(Signal::SIGSTOP);
            kill_group(delegate.pid);
            call.kill();
        }
    }
}

fn kill_group(leader: u32) {
    killpg(Pid::from_raw(leader.cast_signed()), Signal::SIGKILL).unwrap();
}

/// Waits for a condition, a minute at most.
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "still waiting: {what}");
        sleep(Duration::from_millis(1));
    }
}

/// Waits until a DEL waits for the container's lock: it keeps a mark locked beside it.
pub(crate) fn until_del_waits(container_id: &str) {
    let mark = Path::new("/run/multus/containers").join(format!("{container_id}.del"));
    until("a DEL's mark", || {
        let mark = File::open(&mark).ok()?;
        matches!(mark.try_lock(), Err(TryLockError::WouldBlock)).then_some(())
    });
}
