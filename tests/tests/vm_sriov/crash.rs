//! A kill at any step of an ADD. The next DEL leaves the card, its functions and their claims as they were.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_tests::{Pod, Random, ip};
use serde_json::{Value, json};

use crate::{MAC, Scene, addresses};

/// How many steps are tried; a kill takes a second or two here.
const ROUNDS: usize = 14;
const POD: &str = "struck";
const CLAIMS: [&str; 2] = ["/var/lib/cni/sriov/pci", "/var/lib/cni/sriov/multus"];
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_micros(200);

/// Who has which function.
fn claims() -> Vec<PathBuf> {
    let files = CLAIMS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let files = files.filter(|file| file.file_type().unwrap().is_file()).map(|file| file.path());
    // A draft of a killed call is in nobody's way.
    let is_draft = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    let mut all: Vec<_> = files.filter(|path| !is_draft(path)).collect();
    all.sort();
    all
}

/// How far a call got: each step is a line of its record before it is done, and another one when it is.
fn lines(scene: &Scene) -> usize {
    let record = scene.node.cni_dir().join(format!("attachments/{POD}@eth0"));
    fs::read(record).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}

pub(crate) fn at_each_step(scene: &Scene) {
    let own = json!({ "deviceID": scene.card.address(0), "vlan": 210, "mac": MAC, "spoofchk": "off", "trust": "on",
                      "max_tx_rate": 300, "mtu": 1400, "ipam": addresses("10.5.0.1/24") });
    let conf = scene.conf(&own);
    let before = (scene.card.state(), claims());
    let pod = scene.node.pod(POD);
    scene.node.add(&pod, &conf).succeeded();
    let all = lines(scene);
    scene.node.del(&pod, &conf).succeeded();
    let every = all.div_ceil(ROUNDS).max(1);
    let first = 1 + usize::try_from(Random::of_this_run().below(every as u64)).unwrap();
    let (mut struck, mut reached, mut moved) = (0, Vec::new(), 0);
    for wanted in (first..=all).step_by(every) {
        let (killed, got) = killed_at(scene, &pod, &conf, wanted);
        struck += 1;
        if killed {
            reached.push(got);
        }
        moved += usize::from(ip(&format!("-n {POD} link show")).contains("link/ether"));
        let story = format!("killed after line {got} of {all}");
        let answer = scene.node.del(&pod, &conf);
        assert!(answer.is_success(), "{story}: {answer}");
        assert_eq!((scene.card.state(), claims()), before, "{story}");
        let inside = ip(&format!("-n {POD} link show"));
        assert!(!inside.contains("link/ether"), "{story}: {inside}");
    }
    reached.dedup();
    println!("killed after lines {reached:?} of {all}, {moved} times with the function in the pod");
    assert!(2 * reached.len() >= struck && moved > 0 && moved < struck, "too few places to say anything");
    ip(&format!("netns del {POD}"));
}

/// Kills an ADD once its record has so many lines; whether it was, and how many it has then.
fn killed_at(scene: &Scene, pod: &Pod, conf: &Value, wanted: usize) -> (bool, usize) {
    let mut call = scene.node.calling("ADD", pod, conf).start();
    let began = Instant::now();
    while lines(scene) < wanted && began.elapsed() < PATIENCE {
        sleep(LOOK);
    }
    call.kill();
    let answer = call.wait();
    (answer.status.code().is_none(), lines(scene))
}
