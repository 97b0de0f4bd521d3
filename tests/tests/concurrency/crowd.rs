//! The runtime side: workers that each have one call under way at any time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use multus_tests::{Answer, Dump, Node, Pod, Random};
use serde_json::{Value, json};

use crate::judge::{News, Standing};
use crate::tally::{End, Tally};

/// Workers that have a container for themselves: what it should be is known at any time.
const OWNERS: usize = 32;
/// Workers that call for whichever container, at the same time as others: 64 processes in all.
const STRANGERS: usize = 32;
/// Containers for these.
const SHARED: usize = 8;

pub(crate) struct Crowd {
    node: Node,
    /// Each pod has one of these.
    confs: Vec<Value>,
    owned: Vec<Pod>,
    shared: Vec<Pod>,
    before: Dump,
    /// Calls for shared containers are killed now and then, before this time.
    kills: Option<Duration>,
    /// Of no account at the end.
    leavings: fn(&str) -> bool,
    tally: Tally,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// The pointer to the last address moves on, by design.
fn leavings(line: &str) -> bool {
    line.contains("last_reserved_ip")
}

/// GC drops a bridge of ours that nobody uses just then, and the next call makes another one.
fn leavings_and_bridge(line: &str) -> bool {
    leavings(line) || line.contains("/run/multus/ensured/") || line.starts_with("netns host: link br-red ")
}

impl Crowd {
    /// Makes the pods, and by a first ADD and DEL what stays: bridge, folders.
    pub(crate) fn gather(node: Node, conf: Value) -> Crowd {
        Crowd::of(node, vec![conf])
    }

    /// The same with pods of different confs.
    pub(crate) fn of(node: Node, confs: Vec<Value>) -> Crowd {
        let pods = |kind: &str, count| (0..count).map(|at| node.pod(&format!("{kind}-{at:02}"))).collect();
        let (owned, shared): (Vec<Pod>, Vec<Pod>) = (pods("owned", OWNERS), pods("shared", SHARED));
        for conf in &confs {
            node.add(&owned[0], conf).succeeded();
            node.del(&owned[0], conf).succeeded();
        }
        let before = node.dump().without(leavings);
        let (tally, kills) = (Tally::default(), None);
        let (at_once, most_at_once) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Crowd { node, confs, owned, shared, before, kills, leavings, tally, at_once, most_at_once }
    }

    /// The bridge was made by components, so GC may drop it.
    pub(crate) fn with_a_bridge_of_ours(mut self) -> Crowd {
        self.leavings = leavings_and_bridge;
        self
    }

    /// A pod's conf follows from its number.
    fn conf(&self, pod: &Pod) -> &Value {
        let number: usize = pod.container_id.rsplit('-').next().and_then(|text| text.parse().ok()).unwrap();
        &self.confs[number % self.confs.len()]
    }

    /// From now on some calls for shared containers are killed.
    pub(crate) fn with_kills(mut self) -> Crowd {
        let pod = &self.shared[0];
        let took = self.node.add(pod, self.conf(pod)).took;
        self.node.del(pod, self.conf(pod)).succeeded();
        // Beside 63 others, everything takes longer.
        self.kills = Some(took * 16);
        self
    }

    /// Every worker makes so many calls; then everything is judged, deleted, and judged again.
    pub(crate) fn churns(self, calls: usize) {
        let began = Instant::now();
        let expected = self.churn(calls);
        let most = self.most_at_once.load(Ordering::Relaxed);
        println!("{} at most {most} at once, {:.1?}", self.tally, began.elapsed());
        self.judge(&expected);
        self.delete_all();
        let before = self.before.without(self.leavings);
        let difference = self.node.dump().without(self.leavings).since(&before);
        assert!(difference.is_empty(), "the node is not as it was:\n{difference}");
        for verb in ["ADD", "DEL", "CHECK", "GC"] {
            assert!(self.tally.of(verb, End::Success) > 0, "no {verb} ever succeeded: {}", self.tally);
        }
    }

    /// What became of the owned containers.
    fn churn(&self, calls: usize) -> Vec<Standing> {
        let mut random = Random::of_this_run();
        thread::scope(|scope| {
            let strangers: Vec<_> = (0..STRANGERS)
                .map(|_| random.branch())
                .map(|random| scope.spawn(|| self.strange(random, calls)))
                .collect();
            let owners: Vec<_> = self
                .owned
                .iter()
                .map(|pod| (pod, random.branch()))
                .map(|(pod, random)| scope.spawn(|| self.own(pod, random, calls)))
                .collect();
            for stranger in strangers {
                stranger.join().expect("a worker's calls ended as calls may");
            }
            owners
                .into_iter()
                .map(|owner| owner.join().expect("an owner's calls ended as they may"))
                .collect()
        })
    }

    /// One container's only worker: it knows what each success made of it.
    fn own(&self, pod: &Pod, mut random: Random, calls: usize) -> Standing {
        let mut result = None;
        for _ in 0..calls {
            let verbs: &[&str] =
                if result.is_some() { &["DEL", "DEL", "CHECK", "ADD", "GC"] } else { &["ADD", "ADD", "DEL"] };
            let verb = *random.pick(verbs);
            let answer = match (verb, &result) {
                ("GC", _) => self.collect_garbage(&mut random),
                ("CHECK", Some(result)) => {
                    self.call("CHECK", pod, &with(self.conf(pod), "prevResult", result))
                }
                _ => self.call(verb, pod, self.conf(pod)),
            };
            match (verb, self.tally.count(&answer)) {
                ("ADD", End::Success) => {
                    assert!(result.is_none(), "a second ADD of {} without a DEL: {answer}", pod.container_id);
                    result = Some(answer.result());
                }
                ("ADD", End::AttachedAlready) => assert!(result.is_some(), "{answer}"),
                ("DEL", End::Success) => result = None,
                _ => {}
            }
        }
        if result.is_some() { Standing::Attached } else { Standing::Detached }
    }

    /// Calls for any of the shared containers, whatever they are just now.
    fn strange(&self, mut random: Random, calls: usize) {
        for _ in 0..calls {
            let verb = *random.pick(&["ADD", "ADD", "ADD", "DEL", "DEL", "DEL", "GC"]);
            let pod = random.pick(&self.shared).clone();
            let answer = match (verb, self.kills) {
                ("GC", _) => self.collect_garbage(&mut random),
                (_, Some(span)) if random.below(4) == 0 => {
                    let span = u64::try_from(span.as_micros()).unwrap();
                    self.cut_short(verb, &pod, Duration::from_micros(random.below(span)))
                }
                _ => self.call(verb, &pod, self.conf(&pod)),
            };
            self.tally.count(&answer);
        }
    }

    /// The runtime knows of every owned container, and has forgotten some of the others.
    fn collect_garbage(&self, random: &mut Random) -> Answer {
        let known = self.shared.iter().filter(|_| random.below(2) == 0);
        let entry = |pod: &Pod| json!({ "containerID": pod.container_id, "ifname": pod.ifname });
        let valid: Vec<Value> = self.owned.iter().chain(known).map(entry).collect();
        self.call(
            "GC",
            &self.owned[0],
            &with(random.pick(&self.confs), "cni.dev/valid-attachments", &json!(valid)),
        )
    }

    fn call(&self, verb: &str, pod: &Pod, conf: &Value) -> Answer {
        let running = self.node.calling(verb, pod, conf).start();
        self.counting(|| running.wait())
    }

    fn cut_short(&self, verb: &str, pod: &Pod, after: Duration) -> Answer {
        let mut running = self.node.calling(verb, pod, self.conf(pod)).start();
        self.counting(|| {
            thread::sleep(after);
            running.kill();
            running.wait()
        })
    }

    fn counting(&self, wait: impl FnOnce() -> Answer) -> Answer {
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        let answer = wait();
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// Every container is whole or not there, and owned ones are what their worker was told.
    fn judge(&self, expected: &[Standing]) {
        let news = News::of(&self.node.dump(), &self.before);
        let mut attached = 0;
        for (pod, expected) in self.owned.iter().zip(expected) {
            let found = news.standing(&pod.container_id);
            assert_eq!(found, *expected, "{}", pod.container_id);
            attached += usize::from(found == Standing::Attached);
        }
        if self.kills.is_none() {
            let shared = self.shared.iter().map(|pod| news.standing(&pod.container_id));
            attached += shared.filter(|standing| *standing == Standing::Attached).count();
            assert!([0, attached].contains(&news.veths()), "{attached} attached, {} veths", news.veths());
        }
        println!("{attached} containers attached, as they should be");
    }

    fn delete_all(&self) {
        thread::scope(|scope| {
            for pod in self.owned.iter().chain(&self.shared) {
                scope.spawn(|| {
                    self.call("DEL", pod, self.conf(pod)).succeeded();
                });
            }
        });
    }
}

fn with(conf: &Value, key: &str, value: &Value) -> Value {
    let mut conf = conf.clone();
    conf[key] = value.clone();
    conf
}
