//! Any mischief after any kill, many times.

use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_tests::{Random, effort, ip, is_the_machine, private};

use crate::scene::{Networks, Scene, another_boot, this_boot};

/// What happens between the kill and the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    AddAgain,
    Renamed,
    NamespaceGone,
    PathReused,
    LinksGone,
    AnotherBoot,
}

const THEN: [Then; 7] = [
    Then::Nothing,
    Then::AddAgain,
    Then::Renamed,
    Then::NamespaceGone,
    Then::PathReused,
    Then::LinksGone,
    Then::AnotherBoot,
];

#[test]
fn any_mischief_after_a_kill_at_any_moment() {
    private(|| {
        let scene = Scene::new();
        let mut random = Random::of_this_run();
        let mut spans = timed(&scene);
        let mut killed = 0;
        // The virtual machine is slow.
        let rounds = if is_the_machine() { 8 } else { effort().rounds(14, 40, 5000) };
        for round in 0..rounds {
            let (verb, then) = (*random.pick(&["ADD", "ADD", "DEL"]), *random.pick(&THEN));
            let span = spans.get_mut(&(verb, networks_for(then))).unwrap();
            let after = Duration::from_micros(random.below(u64::try_from(span.as_micros()).unwrap()));
            let conf = scene.conf(networks_for(then));
            let story = format!("{verb} killed after {after:?}, then {then:?}, round {round}");
            if verb == "DEL" {
                scene.add_succeeds(&conf, &story);
            }
            match cut_short(&scene, verb, &conf, after) {
                None => killed += 1,
                // Kills after its end say nothing.
                Some(took) => *span = took.min(*span),
            }
            scene.no_address_is_free_and_in_use(&story);
            goes_on(&scene, &conf, then, &story);
        }
        println!("{killed} of {rounds} calls were killed, which took at most {spans:?}");
        assert!(killed * 4 > rounds, "too few kills fell into a call to say anything");
    });
}

/// How long what takes, the first time.
fn timed(scene: &Scene) -> HashMap<(&'static str, Networks), Duration> {
    let mut spans = HashMap::new();
    for networks in [Networks::All, Networks::Virtual, Networks::Plain] {
        let conf = scene.conf(networks);
        spans.insert(("ADD", networks), scene.add_succeeds(&conf, "timing").took);
        let ended = scene.node.del(&scene.pod, &conf);
        assert!(ended.is_success(), "timing: {ended}");
        spans.insert(("DEL", networks), ended.took);
        scene.must_be_clean("timing");
    }
    spans
}

/// What stands in for hardware ends with its namespace, unlike hardware, and rules for packets outlive a boot that is
/// only said to be another.
fn networks_for(then: Then) -> Networks {
    match then {
        Then::Nothing | Then::AddAgain | Then::Renamed => Networks::All,
        Then::NamespaceGone | Then::PathReused | Then::LinksGone => Networks::Virtual,
        Then::AnotherBoot => Networks::Plain,
    }
}

/// Starts a call and kills `multus` after a while; how long it took if it came to its end before.
fn cut_short(scene: &Scene, verb: &str, conf: &serde_json::Value, after: Duration) -> Option<Duration> {
    let mut call = scene.node.calling(verb, &scene.pod, conf).start();
    let end = Instant::now() + after;
    sleep(end.saturating_duration_since(Instant::now()));
    call.kill();
    let answer = call.wait();
    answer.status.code().map(|_| answer.took)
}

fn goes_on(scene: &Scene, conf: &serde_json::Value, then: Then, story: &str) {
    match then {
        Then::Nothing => {}
        Then::AddAgain => scene.add_ends_attached(conf, story),
        Then::Renamed => rename_all(),
        Then::NamespaceGone => scene.node.remove_netns("web"),
        Then::PathReused => {
            scene.node.remove_netns("web");
            scene.node.netns("web");
        }
        Then::LinksGone => delete_all(),
        Then::AnotherBoot => another_boot(&scene.node, "11111111-2222-3333-4444-555555555555"),
    }
    scene.del_succeeds(conf, story);
    match then {
        Then::NamespaceGone => drop(scene.node.netns("web")),
        Then::AnotherBoot => {
            this_boot();
            // What the boot would have taken along.
            scene.another_namespace();
        }
        _ => {}
    }
    scene.must_be_clean(story);
}

fn links(select: &str) -> Vec<String> {
    let listed: serde_json::Value = serde_json::from_str(&ip(&format!("{select}-j link show"))).unwrap();
    let names = listed.as_array().unwrap().iter().map(|link| link["ifname"].as_str().unwrap().to_owned());
    names.filter(|name| name != "lo").collect()
}

fn rename_all() {
    for (number, link) in links("-n web ").iter().enumerate() {
        ip(&format!("-n web link set {link} down"));
        ip(&format!("-n web link set {link} name odd{number}"));
        ip(&format!("-n web link property add dev odd{number} altname {link}"));
    }
}

/// Somebody cleans up by hand.
fn delete_all() {
    for link in links("-n web ") {
        ip(&format!("-n web link del {link}"));
    }
}
