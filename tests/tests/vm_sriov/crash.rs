//! A kill at each step of an ADD, and in the middle of a DEL. Whatever comes next leaves the card, its functions and their
//! claims as they were.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_tests::{Pod, Random, binaries, ip};
use serde_json::{Value, json};

use crate::{MAC, Scene, addresses};

const POD: &str = "struck";
const CLAIMS: [&str; 2] = ["/var/lib/cni/sriov/pci", "/var/lib/cni/sriov/multus"];
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_micros(200);
/// How often a DEL is killed.
const DEL_ROUNDS: u32 = 8;

/// What happens after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Del,
    /// The runtime asks again, of the same container.
    AddAgain,
    /// The kubelet has given the sandbox up, and made another one of the same pod.
    NewSandbox,
    Gc,
    /// `multusctl journal undo`.
    Undo,
    /// The pod ends, and its namespace with it.
    PodEnds,
}

const THEN: [Then; 6] = [Then::Del, Then::AddAgain, Then::NewSandbox, Then::Gc, Then::Undo, Then::PodEnds];

/// Who has which function.
pub(crate) fn claims() -> Vec<PathBuf> {
    let files = CLAIMS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let files = files.filter(|file| file.file_type().unwrap().is_file()).map(|file| file.path());
    // A draft of a killed call is in nobody's way.
    let is_draft = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    let mut all: Vec<_> = files.filter(|path| !is_draft(path)).collect();
    all.sort();
    all
}

/// A pod that calls are killed for.
pub(crate) struct Struck<'a> {
    scene: &'a Scene,
    conf: Value,
}

impl<'a> Struck<'a> {
    pub(crate) fn new(scene: &'a Scene, own: &Value) -> Struck<'a> {
        Struck { scene, conf: scene.conf(own) }
    }

    fn pod(&self, name: &str) -> Pod {
        let mut pod = self.scene.node.pod(name).named("default", POD);
        pod.args.push_str(";K8S_POD_UID=uid-of-struck");
        pod
    }

    fn record(&self) -> PathBuf {
        self.scene.node.cni_dir().join(format!("attachments/{POD}@eth0"))
    }

    /// How far a call got: each step is a line of its record before it is done, and another one when it is.
    fn lines(&self) -> usize {
        fs::read(self.record()).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
    }

    /// Kills a call as soon as something is so; whether that came before its end.
    fn killed_once(&self, verb: &str, pod: &Pod, is_so: impl Fn() -> bool) -> bool {
        let mut call = self.scene.node.calling(verb, pod, &self.conf).start();
        let began = Instant::now();
        while !is_so() && began.elapsed() < PATIENCE {
            sleep(LOOK);
        }
        call.kill();
        call.wait().status.code().is_none()
    }

    /// Kills an ADD, and makes its DEL; whether it was killed before its end.
    pub(crate) fn add_killed_once(&self, is_so: impl Fn() -> bool) -> bool {
        let pod = self.pod(POD);
        let was_killed = self.killed_once("ADD", &pod, is_so);
        self.go_on(&pod, Then::Del);
        was_killed
    }

    fn go_on(&self, pod: &Pod, then: Then) {
        let node = &self.scene.node;
        match then {
            Then::Del => {}
            Then::AddAgain => {
                node.add(pod, &self.conf).succeeded();
                self.scene.checked(pod, &self.conf).succeeded();
            }
            Then::NewSandbox => {
                let later = self.pod("later");
                let later = Pod { container_id: "later".to_owned(), ..later };
                node.add(&later, &self.conf).succeeded();
                node.del(pod, &self.conf).succeeded();
                self.scene.checked(&later, &self.conf).succeeded();
                node.del(&later, &self.conf).succeeded();
                ip("netns del later");
            }
            Then::Gc => {
                let mut conf = self.conf.clone();
                conf["cni.dev/valid-attachments"] = json!([]);
                let answer = node.call("GC", pod, &conf);
                assert!(answer.is_success(), "{answer}");
            }
            Then::Undo if self.record().exists() => {
                let file = node.scratch("multus.conf");
                fs::write(&file, self.conf.to_string()).unwrap();
                let mut undo = Command::new(binaries::multusctl());
                let undo = undo.args(["journal", "undo", POD, "--force", "--conf"]).arg(file);
                let output = undo.output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            Then::Undo => {}
            Then::PodEnds => {
                ip(&format!("netns del {POD}"));
            }
        }
        // A GC and an undoing do all that a DEL does.
        if !matches!(then, Then::Gc | Then::Undo | Then::NewSandbox) {
            node.del(pod, &self.conf).succeeded();
        }
        if then != Then::PodEnds {
            let inside = ip(&format!("-n {POD} link show"));
            assert!(!inside.contains("link/ether"), "{inside}");
            ip(&format!("netns del {POD}"));
        }
    }
}

pub(crate) fn add_at_each_step(scene: &Scene) {
    let own = json!({ "deviceID": scene.card.address(0), "vlan": 210, "mac": MAC, "spoofchk": "off", "trust": "on",
                      "max_tx_rate": 300, "mtu": 1400, "ipam": addresses("10.5.0.1/24") });
    let struck = Struck::new(scene, &own);
    let before = (scene.card.state(), claims());
    let pod = struck.pod(POD);
    scene.node.add(&pod, &struck.conf).succeeded();
    let all = struck.lines();
    struck.go_on(&pod, Then::Del);
    let turn = usize::try_from(Random::of_this_run().below(THEN.len() as u64)).unwrap();
    let (mut reached, mut kills, mut moved) = (Vec::new(), 0, 0);
    for wanted in 1..=all {
        let then = THEN[(wanted + turn) % THEN.len()];
        let pod = struck.pod(POD);
        let was_killed = struck.killed_once("ADD", &pod, || struck.lines() >= wanted);
        let story = format!("killed after line {} of {all}, then {then:?}", struck.lines());
        reached.extend(was_killed.then(|| struck.lines()));
        kills += usize::from(was_killed);
        moved += usize::from(ip(&format!("-n {POD} link show")).contains("link/ether"));
        struck.go_on(&pod, then);
        assert_eq!((scene.card.state(), claims()), before, "{story}");
    }
    reached.dedup();
    println!("killed after lines {reached:?} of {all}, {moved} times with the function in the pod");
    assert!(2 * reached.len() >= all && moved > 0 && moved < kills, "too few places to say anything");
}

/// A DEL that is killed is made again.
pub(crate) fn del_in_between(scene: &Scene) {
    let own = json!({ "deviceID": scene.card.address(0), "vlan": 210, "mac": MAC, "spoofchk": "off",
                      "mtu": 1400, "ipam": addresses("10.5.0.1/24") });
    let struck = Struck::new(scene, &own);
    let (node, pod) = (&scene.node, struck.pod(POD));
    let before = (scene.card.state(), claims());
    node.add(&pod, &struck.conf).succeeded();
    let attached = struck.lines();
    // It writes down that it begins, and removes the record at its end.
    let has_begun = || struck.lines() != attached;
    let call = node.calling("DEL", &pod, &struck.conf).start();
    let begins = || {
        let started = Instant::now();
        while !has_begun() && started.elapsed() < PATIENCE {
            sleep(LOOK);
        }
    };
    begins();
    let begun = Instant::now();
    call.wait().succeeded();
    let span = begun.elapsed();
    let (mut kills, mut halfway) = (0, 0);
    for round in 0..DEL_ROUNDS {
        node.add(&pod, &struck.conf).succeeded();
        let now = || (scene.card.function(0), claims(), ip(&format!("-n {POD} link show")));
        let attached = now();
        let after = span * round / DEL_ROUNDS;
        kills += u32::from(struck.killed_once("DEL", &pod, || {
            begins();
            sleep(after);
            true
        }));
        halfway += u32::from(now() != attached && struck.lines() > 0);
        node.del(&pod, &struck.conf).succeeded();
        assert_eq!((scene.card.state(), claims()), before, "a DEL killed in round {round} of {DEL_ROUNDS}");
    }
    println!("killed {kills} times within {span:?}, {halfway} times with something taken back");
    assert!(2 * kills > DEL_ROUNDS && halfway > 0, "too few kills to say anything");
    ip(&format!("netns del {POD}"));
}
