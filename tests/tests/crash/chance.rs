//! A kill at any moment that chance picks, many times.

use std::time::{Duration, Instant};

use multus_tests::{Answer, Dump, Node, Pod, Random, effort, private};
use serde_json::{Value, json};

use crate::scene::Scene;

/// What one call takes, so that kills fall before, into and seldom after it.
fn usual(add: &Answer) -> u64 {
    u64::try_from(add.took.as_micros()).unwrap() * 3 / 2
}

/// Starts a call and kills `multus` after a while; says whether it was killed before its end.
fn cut_short(node: &Node, verb: &str, pod: &Pod, conf: &Value, after: Duration) -> bool {
    let mut call = node.calling(verb, pod, conf).start();
    let end = Instant::now() + after;
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    call.kill();
    let answer = call.wait();
    if answer.status.code().is_some() {
        answer.succeeded();
    }
    answer.status.code().is_none()
}

struct Killing<'a> {
    node: &'a Node,
    pod: &'a Pod,
    conf: &'a Value,
    before: Dump,
    /// Lines of the dump that delegates leave by design.
    leavings: fn(&str) -> bool,
}

impl Killing<'_> {
    /// A round: ADD is killed, or DEL after an ADD; then DEL has to give everything back.
    fn round(&self, random: &mut Random, span: u64) -> bool {
        let after = Duration::from_micros(random.below(span));
        let verb = *random.pick(&["ADD", "DEL"]);
        if verb == "DEL" {
            self.node.add(self.pod, self.conf).succeeded();
        }
        let killed = cut_short(self.node, verb, self.pod, self.conf, after);
        let del = self.node.del(self.pod, self.conf);
        assert!(del.is_success(), "{verb} killed after {after:?}: {del}");
        let difference = self.node.dump().without(self.leavings).since(&self.before);
        assert!(difference.is_empty(), "{verb} killed after {after:?}:\n{difference}");
        killed
    }

    fn rounds(&self, count: usize) {
        let add = self.node.add(self.pod, self.conf);
        self.node.del(self.pod, self.conf).succeeded();
        let (span, mut random) = (usual(&add), Random::of_this_run());
        let killed = (0..count).filter(|_| self.round(&mut random, span)).count();
        println!("{killed} of {count} calls were killed within {span} µs");
        assert!(killed * 4 > count, "too few kills fell into a call to say anything");
    }
}

#[test]
fn a_kill_at_any_moment() {
    private(|| {
        let scene = Scene::new();
        let (before, conf) = (scene.node.dump(), scene.conf());
        let (node, pod) = (&scene.node, &scene.pod);
        Killing { node, pod, conf: &conf, before, leavings: |_| false }
            .rounds(effort().rounds(20, 150, 5000));
    });
}

/// The bridge stays, host-local's pointer to the last address moves on.
fn of_host_local(line: &str) -> bool {
    line.contains("last_reserved_ip")
}

#[test]
fn a_kill_at_any_moment_with_bridge_and_host_local() {
    private(|| {
        let node = Node::new();
        if !node.install_reference(&["bridge", "host-local"]) {
            return;
        }
        let bridge = |name: &str, net: u8| {
            json!({ "cniVersion": "1.0.0", "name": name, "type": "bridge", "bridge": format!("br-{name}"),
                    "ipam": { "type": "host-local", "dataDir": node.path("addresses"),
                              "ranges": [[{ "subnet": format!("10.{net}.0.0/24") }]] } })
        };
        let conf = node.conf(json!([bridge("red", 1), node.network("green", "alpha"), bridge("blue", 2)]));
        let pod = node.pod("web");
        // The bridges, and folders that stay, are made by the first.
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        let before = node.dump().without(of_host_local);
        Killing { node: &node, pod: &pod, conf: &conf, before, leavings: of_host_local }
            .rounds(effort().rounds(20, 60, 3000));
    });
}
