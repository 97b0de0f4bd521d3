//! Functions that nobody brings home: `multusctl sriov reclaim` finds them.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Instant;

use multus_tests::{binaries, ip, within};
use serde_json::{Value, json};

use crate::card::wait_until;
use crate::{Scene, addresses};

/// How often reclaiming is killed.
const KILLS: u32 = 3;

fn command(scene: &Scene, words: &[&str]) -> Command {
    let mut command = Command::new(binaries::multusctl());
    command.args(["sriov", "reclaim"]).args(words).arg("--cni-dir").arg(scene.node.cni_dir());
    command
}

fn reclaim(scene: &Scene, words: &[&str]) -> Output {
    command(scene, words).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

/// What is told of each function that is away: address, state, who keeps its namespace, who has it.
fn told(scene: &Scene, words: &[&str]) -> (bool, Vec<[String; 4]>) {
    let output = reclaim(scene, &[words, &["--output", "json"]].concat());
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let words = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let row = |row: &Value| ["address", "state", "keeper", "holder"].map(|key| words(row, key));
    (output.status.success(), rows.as_array().unwrap().iter().map(row).collect())
}

/// A process in a network namespace of its own, which it has no name for.
struct Hermit(Child);

impl Hermit {
    fn new() -> Hermit {
        let mut command = Command::new("unshare");
        let child = command.args(["--net", "sleep", "600"]).stdin(Stdio::null()).spawn().unwrap();
        let hermit = Hermit(child);
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        wait_until("the namespace", || std::fs::read_link(hermit.netns()).is_ok_and(|theirs| theirs != own));
        hermit
    }

    fn netns(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }
}

impl Drop for Hermit {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A pod's function went on to a namespace inside of it, which outlives it: kept by a process, by a descriptor, by a
/// mount, by a socket. One that a live pod has, or has given to a namespace of its own, stays.
pub(crate) fn and_found(scene: &Scene) {
    let own = |number: usize| json!({ "deviceID": scene.card.address(number), "vlan": 210, "ipam": addresses("10.5.0.1/24") });
    let (live, live_conf, _) = scene.attached("live", &own(0));
    let (lost, lost_conf, _) = scene.attached("lost", &own(1));
    let hermit = Hermit::new();
    ip(&format!("-n lost link set eth0 netns {}", hermit.0.id()));
    // The pod is there still: what it does with its function is its own affair.
    let (well, rows) = told(scene, &["--yes"]);
    let states = |rows: &[[String; 4]]| -> Vec<(String, String)> {
        let mut states: Vec<_> =
            rows.iter().map(|[address, state, ..]| (address.clone(), state.clone())).collect();
        states.sort();
        states
    };
    let expect = |number: usize, state: &str| (scene.card.address(number), state.to_owned());
    assert_eq!((well, states(&rows)), (true, vec![expect(0, "held"), expect(1, "held")]), "{rows:?}");
    ip("netns del lost");

    // Nobody had these.
    let held = {
        ip("netns add orphan");
        let file = File::open("/run/netns/orphan").unwrap();
        ip("link set vf2 netns orphan");
        ip("netns del orphan");
        file
    };
    ip("netns add stray");
    ip("link set vf3 netns stray");
    ip("netns add deaf");
    let socket = within("deaf", || UdpSocket::bind("0.0.0.0:0").unwrap());
    ip("link set vf4 netns deaf");
    ip("netns del deaf");

    let text = said(&reclaim(scene, &[]));
    for words in
        ["left alone", "lost", "nothing was changed", "--yes", "whose namespace is gone", "nobody has it"]
    {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    println!("{text}");
    let (well, rows) = told(scene, &[]);
    let all =
        vec![expect(0, "held"), expect(1, "lost"), expect(2, "lost"), expect(3, "lost"), expect(4, "lost")];
    assert_eq!((well, states(&rows)), (false, all), "{rows:?}");
    unseen(scene);
    let keeper = |number: usize| {
        let row = rows.iter().find(|row| row[0] == scene.card.address(number)).unwrap();
        row[2].clone()
    };
    assert!(keeper(1).contains(&format!("process {}", hermit.0.id())), "{rows:?}");
    assert!(keeper(2).contains(&format!("descriptor {}", held.as_raw_fd())), "{rows:?}");
    assert!(keeper(3).contains("mount /run/netns/stray"), "{rows:?}");
    assert!(keeper(4).contains(&format!("socket {} of process", socket.as_raw_fd())), "{rows:?}");

    // While its function is nowhere, the pod's DEL can't end; once it is home, that is taken back.
    let error = scene.node.del(&lost, &lost_conf).error();
    assert!(
        format!("{} {}", error.msg, error.details).contains("a namespace that we don't know"),
        "{error:?}"
    );
    let (well, rows) = told(scene, &["--yes", &scene.card.address(2)]);
    assert_eq!((well, states(&rows)), (true, vec![expect(2, "home")]), "{rows:?}");
    let (well, rows) = told(scene, &["--yes"]);
    let all = vec![expect(0, "held"), expect(1, "home"), expect(3, "home"), expect(4, "home")];
    assert_eq!((well, states(&rows)), (true, all), "{rows:?}");
    scene.node.del(&lost, &lost_conf).succeeded();
    let (well, rows) = told(scene, &["--yes"]);
    assert_eq!((well, states(&rows)), (true, vec![expect(0, "held")]), "{rows:?}");
    scene.checked(&live, &live_conf).succeeded();
    scene.ends(&live, &live_conf);
    // Those that nobody had have their names; the kernel numbered them anew.
    killed(scene);
    ip("netns del stray");
    drop((held, socket));
}

/// Who does not see the node's processes does not find what only they keep, and says so.
fn unseen(scene: &Scene) {
    let alone = command(scene, &[]);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]).arg(alone.get_program()).args(alone.get_args());
    let output = command.output().unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    let line = text.lines().find(|line| line.contains(&scene.card.address(2))).unwrap_or_default();
    assert!(line.contains("missing: its link is in no namespace that was found"), "{text}");
}

/// It is on the node or it is not: a reclaiming that was killed is done again.
fn killed(scene: &Scene) {
    let began = Instant::now();
    let (_, rows) = told(scene, &["--yes"]);
    assert!(rows.is_empty(), "{rows:?}");
    let span = began.elapsed();
    for round in 1..=KILLS {
        ip("link set vf3 netns stray");
        let mut call =
            command(scene, &["--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(span * round / KILLS);
        call.kill().unwrap();
        call.wait().unwrap();
        let (well, rows) = told(scene, &["--yes"]);
        assert!(well, "{rows:?}");
        assert_eq!(scene.card.await_function(3), "vf3", "killed in round {round}");
    }
}
