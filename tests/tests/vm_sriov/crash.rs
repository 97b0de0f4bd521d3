//! A kill before any step of an ADD. The next DEL leaves the card, its functions and their claims as they were.

use std::fs;

use multus_tests::{Random, ip, left_out};
use serde_json::{Value, json};

use crate::{MAC, Scene, addresses};

/// System calls before which the ADD is killed: what it asks and tells the kernel, writes to its record and to claims.
const STEPS: [&str; 6] = ["sendto", "sendmsg", "write", "rename", "unlink", "exit_group"];
/// How many of them are tried; a kill takes seconds here.
const ROUNDS: usize = 14;
const POD: &str = "struck";
const CLAIMS: [&str; 2] = ["/var/lib/cni/sriov/pci", "/var/lib/cni/sriov/multus"];

/// Who has which function.
fn claims() -> Vec<String> {
    let files = CLAIMS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let files = files.filter(|file| file.file_type().unwrap().is_file()).map(|file| file.path());
    // A draft of a killed call is in nobody's way.
    let whole = files.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
    let mut all: Vec<_> = whole.map(|path| path.display().to_string()).collect();
    all.sort();
    all
}

pub(crate) fn at_each_step(scene: &Scene) {
    if std::process::Command::new("strace").arg("--version").output().is_err() {
        left_out("there is no `strace`: install it to strike at each step of an ADD with a virtual function");
        return;
    }
    let own = json!({ "deviceID": scene.card.address(0), "vlan": 210, "mac": MAC, "spoofchk": "off", "trust": "on",
                      "max_tx_rate": 300, "mtu": 1400, "ipam": addresses("10.5.0.1/24") });
    let conf = scene.conf(&own);
    let before = (scene.card.state(), claims());
    let pod = scene.node.pod(POD);
    let places = counted(scene, &conf);
    scene.node.del(&pod, &conf).succeeded();
    let every = places.len().div_ceil(ROUNDS).max(1);
    let first = usize::try_from(Random::of_this_run().below(every as u64)).unwrap();
    let (mut struck, mut killed, mut midway) = (0, 0, 0);
    for (name, number) in places.iter().skip(first).step_by(every) {
        let story = format!("killed before {name} {number}");
        let inject = format!("inject={name}:signal=SIGKILL:when={number}");
        let line = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", &inject];
        let answer = scene.node.calling("ADD", &pod, &conf).through(&line).answer();
        struck += 1;
        killed += usize::from(answer.status.code().is_none());
        midway += usize::from(ip(&format!("-n {POD} link show")).contains("link/ether"));
        let answer = scene.node.del(&pod, &conf);
        assert!(answer.is_success(), "{story}: {answer}");
        assert_eq!((scene.card.state(), claims()), before, "{story}");
        let inside = ip(&format!("-n {POD} link show"));
        assert!(!inside.contains("link/ether"), "{story}: {inside}");
    }
    println!(
        "{killed} of {struck} calls were killed, of {} places, {midway} with the function in the pod",
        places.len()
    );
    assert!(2 * killed >= struck && struck > 5, "too few kills to say anything");
    ip(&format!("netns del {POD}"));
}

/// The places of a whole ADD at which it can be struck: system call, and which of its kind, in the order in which they
/// are reached.
fn counted(scene: &Scene, conf: &Value) -> Vec<(String, usize)> {
    let log = scene.node.scratch("strace");
    let trace = format!("trace={}", STEPS.join(","));
    let line = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", log.to_str().unwrap(), "-e", &trace];
    let pod = multus_tests::Pod {
        container_id: POD.into(),
        netns: format!("/run/netns/{POD}").into(),
        ifname: "eth0".into(),
        args: String::new(),
    };
    scene.node.calling("ADD", &pod, conf).through(&line).answer().succeeded();
    let text = fs::read_to_string(&log).unwrap();
    let names: Vec<_> = text.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name).collect();
    let number = |at: usize| names.iter().take(at + 1).filter(|name| **name == names[at]).count();
    (0..names.len())
        .filter(|at| STEPS.contains(&names[*at]))
        .map(|at| (names[at].to_owned(), number(at)))
        .collect()
}
