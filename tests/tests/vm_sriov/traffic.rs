//! What gets from one pod to another.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use multus_tests::{Heard, Pod, hear_for, ip};
use serde_json::{Value, json};

use crate::card::wait_until;
use crate::{Scene, addresses};

/// A function's link has a carrier some time after it came up.
const PATIENCE: Duration = Duration::from_secs(15);
/// Where nothing is to arrive.
const SHORT: Duration = Duration::from_secs(2);
/// The pods, and the VLANs that they are in, 0 for none. Their addresses are 10.7.0.1 and so on.
const PODS: [(&str, u16); 5] = [("red1", 210), ("red2", 210), ("blue", 100), ("plain1", 0), ("plain2", 0)];

fn address(number: usize) -> String {
    format!("10.7.0.{}", number + 1)
}

/// Whether a packet of one pod's is heard by another one, and the answer by the first.
fn heard(patience: Duration, from: &str, to: &str) -> Heard {
    let number = PODS.iter().position(|(name, _)| *name == to).unwrap();
    hear_for(patience, from, to, address(number).parse().unwrap())
}

#[track_caller]
fn reaches(from: &str, to: &str) {
    let heard = heard(PATIENCE, from, to);
    let links = ip(&format!("-n {from} address"));
    assert!(matches!(heard, Heard::Answered(_)), "{from} does not reach {to}: {heard:?}, {links}");
}

#[track_caller]
fn does_not_reach(from: &str, to: &str) {
    assert_eq!(heard(SHORT, from, to), Heard::Nothing, "{from} reaches {to}");
}

/// Two pods in VLAN 210, one in another, two in none, all of one subnet: those of a VLAN are among themselves.
pub(crate) fn vlans(scene: &Scene) {
    let pods: Vec<(Pod, Value)> = (0..)
        .zip(PODS)
        .map(|(number, (name, vlan))| {
            let mut own = json!({ "deviceID": scene.card.address(number) });
            own["ipam"] = addresses(&format!("{}/24", address(number)));
            if vlan != 0 {
                own["vlan"] = json!(vlan);
            }
            let (pod, conf, _) = scene.attached(name, &own);
            (pod, conf)
        })
        .collect();
    for (from, to) in [("red1", "red2"), ("red2", "red1"), ("plain1", "plain2")] {
        reaches(from, to);
    }
    for (from, to) in [("red1", "blue"), ("red1", "plain1"), ("blue", "red1"), ("plain1", "red2")] {
        does_not_reach(from, to);
    }
    // The VLAN alone was in the way.
    ip("link set pf0 vf 2 vlan 210");
    reaches("blue", "red1");
    ip("link set pf0 vf 2 vlan 100");
    for (pod, conf) in &pods {
        scene.ends(pod, conf);
    }
}

/// Neighbours learn at once that a pod's address is another function's now.
pub(crate) fn told(scene: &Scene) {
    let own = |number: usize, at: &str| json!({ "deviceID": scene.card.address(number), "vlan": 210, "ipam": addresses(at) });
    let (near, near_conf, _) = scene.attached("near", &own(0, "10.7.1.1/24"));
    let (early, early_conf, _) = scene.attached("early", &own(1, "10.7.1.2/24"));
    let heard = hear_for(PATIENCE, "near", "early", "10.7.1.2".parse().unwrap());
    assert!(matches!(heard, Heard::Answered(_)), "{heard:?}");
    let known = || ip("-n near neighbour show 10.7.1.2");
    let before = known();
    scene.ends(&early, &early_conf);
    let (late, late_conf, answer) = scene.attached("late", &own(2, "10.7.1.2/24"));
    let mac = answer.result()["interfaces"][0]["mac"].as_str().unwrap().to_owned();
    assert!(!before.contains(&mac), "{before}");
    wait_until("what is known to be changed", || known().contains(&mac));
    scene.ends(&late, &late_conf);
    scene.ends(&near, &near_conf);
}

/// As many pods as the card has functions, all at the same moment, and one too many.
pub(crate) fn seven_at_once(scene: &Scene) {
    let names = ["one", "two", "three", "four", "five", "six", "seven"];
    let conf = scene.conf(&json!({ "if0": "pf0", "vlan": 210, "l2enable": true }));
    let pods: Vec<_> = names.iter().map(|name| scene.node.pod(name)).collect();
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = pods.iter().map(|pod| scope.spawn(|| scene.node.add(pod, &conf))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let of = |answer: &multus_tests::Answer| {
        answer.result()["interfaces"][0]["pciID"].as_str().unwrap().to_owned()
    };
    let functions: BTreeSet<_> = answers.iter().map(of).collect();
    let all: BTreeSet<_> = (0..names.len()).map(|number| scene.card.address(number)).collect();
    assert_eq!(functions, all, "each has another one");
    for name in names {
        assert!(ip(&format!("-n {name} -br link show eth0")).contains("eth0"), "{name}");
    }

    let eighth = scene.node.pod("eight");
    let error = scene.node.add(&eighth, &conf).error();
    assert_eq!(error.code, 11, "{error:?}");
    for words in
        ["no virtual function of `pf0` is free", "container one has it as eth0", "container seven has it"]
    {
        assert!(error.msg.contains(words), "{words} is not in {error:?}");
    }
    ip("netns del eight");
    thread::scope(|scope| {
        for pod in &pods {
            scope.spawn(|| scene.ends(pod, &conf));
        }
    });
}
