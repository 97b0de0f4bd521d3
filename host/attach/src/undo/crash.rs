//! Death, or a refusal, at each request that an ADD of components makes of the node, and at each request of taking it
//! back. What the next process makes of the record is judged by the node's dump and the folders of claims alone.

mod functions;

use std::cell::Cell;

use multus_cni::Error;
use multus_net::simulated::Fault;
use multus_net::{Backend, Effect, LinkRef, MacAddr, Property, Space};
use proptest::prelude::*;
use proptest::sample::select;

use crate::component::stage::{
    DEVICE, HOST, Module, Pod, SCRIPTS, Script, Stage, TakeBack, Thing, View, is_death, number,
};

/// What the kernel may say.
const EPERM: i32 = 1;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const ENOSPC: i32 = 28;

/// Calls, by the scripts of their attachments.
const CALLS: [&[usize]; 8] = [&[0], &[1], &[2], &[3], &[4], &[5], &[6], &[0, 1, 2]];
const INTERFACES: [&str; 3] = ["eth0", "net1", "net2"];

/// A pod whose ADD is struck, on a node where another pod lives.
struct Scene {
    stage: Stage,
    call: &'static [usize],
    pod: Pod,
    before: View,
    claims: Vec<String>,
}

/// How an ADD ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    Refused,
    Dead,
}

impl Scene {
    /// What all pods share is there: a first one came and went.
    fn new(call: &'static [usize]) -> Scene {
        let stage = Stage::new();
        stage.node.hardware("ens1", DEVICE, MacAddr([2, 0, 0, 0, 1, 0x11])).unwrap();
        stage.card();
        let first = stage.pod("first");
        assert_eq!(add(&stage, &first, call, None), End::Whole);
        assert!(take_back(&stage, &first, TakeBack::default()).is_empty());
        stage.node.end(first.sandbox);
        let survivor = stage.pod("survivor");
        assert_eq!(add(&stage, &survivor, &[0, 1], None), End::Whole);
        let pod = stage.pod("pod");
        let (before, claims) = (View::of(&stage.node), stage.claims());
        Scene { stage, call, pod, before, claims }
    }

    fn add(&self, fault: Option<(u64, Fault)>) -> End {
        add(&self.stage, &self.pod, self.call, fault)
    }

    fn take_back(&self, how: TakeBack) -> Vec<Error> {
        let failures = take_back(&self.stage, &self.pod, how);
        self.no_address_is_free_and_in_use();
        failures
    }

    /// The next DEL gives everything back.
    #[track_caller]
    fn comes_clean(&self, story: &str) {
        let failures = self.take_back(TakeBack::default());
        assert!(failures.is_empty(), "{story}: {failures:?}");
        self.is_clean(story, |_| true);
    }

    #[track_caller]
    fn is_clean(&self, story: &str, counts: impl Fn(&Thing) -> bool) {
        let now = View::of(&self.stage.node);
        let changes: Vec<_> =
            self.before.changes(&now).into_iter().filter(|(thing, ..)| counts(thing)).collect();
        assert!(changes.is_empty(), "{story}: not as before: {changes:#?}");
        assert_eq!(self.stage.claims(), self.claims, "{story}: claims");
        assert!(self.stage.record(&self.pod).is_none(), "{story}: a record is left");
    }

    /// Whatever was taken back so far: an address of a link is claimed.
    #[track_caller]
    fn no_address_is_free_and_in_use(&self) {
        let pod = number(&self.stage.node, self.pod.sandbox);
        let (view, claims) = (View::of(&self.stage.node), self.stage.claims());
        let lines =
            view.0.iter().filter(|(thing, _)| matches!(thing, Thing::Link(space, _) if *space == pod));
        for word in lines
            .flat_map(|(_, lines)| lines)
            .filter(|line| line.contains(": link "))
            .flat_map(|line| line.split(' '))
        {
            let Some(address) = word.strip_suffix("/24") else { continue };
            assert!(
                claims.iter().any(|claim| claim.contains(&format!("/{address} "))),
                "{address} is free and in use"
            );
        }
    }
}

/// A process makes the host calls of a pod's components, as far as it gets.
fn add(stage: &Stage, pod: &Pod, call: &[usize], fault: Option<(u64, Fault)>) -> End {
    let mut backend = stage.node.open(pod.sandbox);
    if let Some((at, fault)) = fault {
        backend.fault(at, fault);
    }
    let module =
        |interface: &'static str| Module { interface, grants: stage.grants(), before: &[], told: &[] };
    let modules: Vec<_> = INTERFACES.into_iter().take(call.len()).map(module).collect();
    let nodes = stage.begin(pod, backend, &modules);
    for (script, mut node) in call.iter().zip(nodes) {
        let Script { run, .. } = &SCRIPTS[*script];
        if let Err(failure) = run(&mut node, stage.ipam_grants()) {
            drop(node);
            if is_death(&failure.message) {
                stage.bury(pod);
                return End::Dead;
            }
            assert!(fault.is_some(), "nobody refused, and yet: {failure:?}");
            return End::Refused;
        }
    }
    End::Whole
}

/// A process takes a pod back, as far as it gets.
fn take_back(stage: &Stage, pod: &Pod, how: TakeBack) -> Vec<Error> {
    let failures = stage.take_back(pod, how);
    if failures.iter().any(|failure| is_death(&failure.to_string())) {
        stage.bury(pod);
    }
    failures
}

fn story(call: &[usize], at: u64, what: &dyn std::fmt::Debug) -> String {
    let names: Vec<_> = call.iter().map(|&script| SCRIPTS[script].name).collect();
    format!("{}, {what:?} at request {at}", names.join(" + "))
}

/// How many requests the ADD of a call makes.
fn requests(call: &'static [usize]) -> u64 {
    (0..).find(|&at| Scene::new(call).add(Some((at, Fault::DieBefore))) == End::Whole).unwrap()
}

/// Each death of an ADD: scene and story.
fn each_death(calls: &[&'static [usize]], step: usize, then: impl Fn(&Scene, Fault, &str)) {
    let mut deaths = 0;
    for call in calls {
        for at in (0..requests(call)).step_by(step) {
            for fault in [Fault::DieBefore, Fault::DieAfter] {
                let scene = Scene::new(call);
                assert_eq!(scene.add(Some((at, fault))), End::Dead);
                then(&scene, fault, &story(call, at, &fault));
                deaths += 1;
            }
        }
    }
    println!("{deaths} deaths");
    assert!(deaths > 20);
}

#[test]
fn an_add_that_died_anywhere_is_taken_back() {
    each_death(&CALLS, 1, |scene, _, story| scene.comes_clean(story));
}

/// What pods share is left as it is by whoever dies on the way, and made whole by the next one: the node's end in a VLAN is in
/// that one alone, and up last.
#[test]
fn an_end_in_a_vlan_that_was_begun_is_made_whole_by_the_next_pod() {
    const VLANS: &[usize] = &[5];
    let first_dies = |at, fault| {
        let stage = Stage::new();
        let first = stage.pod("first");
        let end = add(&stage, &first, VLANS, Some((at, fault)));
        (stage, first, end)
    };
    let whole = |stage: &Stage, pod: &str, story: &str| {
        let pod = stage.pod(pod);
        assert_eq!(add(stage, &pod, VLANS, None), End::Whole, "{story}");
        let mut node = stage.node.open(pod.sandbox);
        let named = |node: &mut multus_net::simulated::Simulated, name: &str| {
            node.link_named(Space::Host, name).unwrap().unwrap()
        };
        let (bridge, end) = (named(&mut node, "lab0"), named(&mut node, "lab0.100"));
        let port = node.other_end(&LinkRef::to(Space::Host, &end)).unwrap().unwrap();
        assert_eq!((port.master, port.up, end.up), (Some(bridge.index), true, true), "{story}");
        let vlans: Vec<_> = node.vlans(&LinkRef::to(Space::Host, &port)).unwrap();
        assert_eq!(vlans, [multus_net::PortVlans::untagged(100)], "{story}");
    };
    let mut begun = 0;
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for at in 0.. {
            let (stage, first, end) = first_dies(at, fault);
            if end == End::Whole {
                break;
            }
            let story = story(VLANS, at, &fault);
            let there = stage.node.open(first.sandbox).link_named(Space::Host, "lab0.100").unwrap();
            begun += usize::from(there.is_some_and(|end| !end.up));
            whole(&stage, "second", &story);
            assert!(take_back(&stage, &first, TakeBack::default()).is_empty(), "{story}");
            whole(&stage, "third", &format!("{story}, and it was taken back"));
        }
    }
    assert!(begun > 5, "{begun} deaths left an end that was begun");
}

#[test]
fn an_add_that_was_refused_anywhere_is_taken_back() {
    for call in CALLS {
        for at in 0..requests(call) {
            for errno in [EPERM, EEXIST, ENODEV, ENOSPC] {
                let scene = Scene::new(call);
                scene.add(Some((at, Fault::Refuse(errno))));
                scene.comes_clean(&story(call, at, &errno));
            }
        }
    }
}

/// Taken for gone, its links would keep addresses that are given back, and components would be told so.
#[test]
fn what_is_out_of_reach_is_kept_whole_and_no_component_is_asked() {
    for call in CALLS {
        let scene = Scene::new(call);
        assert_eq!(scene.add(None), End::Whole);
        let (view, claims) = (View::of(&scene.stage.node), scene.stage.claims());
        scene.stage.logged();
        let failures = scene.take_back(TakeBack { out_of_reach: true, ..TakeBack::default() });
        assert_eq!(failures.len(), call.len(), "{failures:?}");
        assert!(failures.iter().all(|failure| failure.to_string().contains("out of reach")), "{failures:?}");
        assert_eq!(view.changes(&View::of(&scene.stage.node)), []);
        assert_eq!(scene.stage.claims(), claims);
        assert_eq!(scene.stage.logged(), Vec::<String>::new(), "a component's own DEL");
        scene.comes_clean("once it is in reach");
        assert!(!scene.stage.logged().is_empty(), "a component's own DEL");
    }
}

/// The last line of a record may be cut short: an effect's end, never its intent, since the effect came after it.
#[test]
fn an_add_that_died_while_it_wrote_is_taken_back() {
    for kept in [0, 1, 20] {
        each_death(&CALLS, 1, |scene, fault, story| {
            if fault == Fault::DieBefore && scene.stage.last_line(&scene.pod).contains("{\"done\"") {
                scene.stage.tear(&scene.pod, kept);
            }
            scene.comes_clean(story);
        });
    }
}

/// A process that takes back dies as well, at each of its requests; the next one goes on.
#[test]
fn taking_back_may_die_anywhere() {
    let mut deaths = 0;
    for call in CALLS {
        let total = requests(call);
        for (number, at) in (0..=total).rev().step_by(5).enumerate() {
            let fault = if number % 2 == 0 { Fault::DieAfter } else { Fault::DieBefore };
            for second in 0.. {
                let scene = Scene::new(call);
                scene.add(Some((at, fault)));
                let killed = TakeBack { fault: Some((second, fault)), ..TakeBack::default() };
                let story = format!("{}, then {fault:?} at request {second}", story(call, at, &fault));
                let failures = scene.take_back(killed);
                if failures.is_empty() {
                    break;
                }
                scene.comes_clean(&story);
                deaths += 1;
            }
        }
    }
    println!("{deaths} deaths while taking back");
    assert!(deaths > 100);
}

#[test]
fn taking_back_may_be_refused_anywhere() {
    for call in CALLS {
        for second in 0..60 {
            for errno in [EBUSY, EPERM] {
                let scene = Scene::new(call);
                assert_eq!(scene.add(None), End::Whole);
                let refused = TakeBack { fault: Some((second, Fault::Refuse(errno))), ..TakeBack::default() };
                scene.take_back(refused);
                scene.comes_clean(&format!("taking back: {}", story(call, second, &errno)));
            }
        }
    }
}

/// A disk that lost the line which says for whom all was done, or changed it.
#[test]
fn a_record_without_a_readable_plan_gives_everything_back() {
    for call in CALLS {
        let scene = Scene::new(call);
        assert_eq!(scene.add(None), End::Whole);
        let path = scene.stage.record(&scene.pod).unwrap().path;
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("{\"plan\"", "{\"plain\"", 1)).unwrap();
        let strays = scene.stage.record(&scene.pod).unwrap().strays.len();
        assert!(strays > 2, "{strays}");
        scene.comes_clean(&story(call, 0, &"a plan that can't be read"));
    }
}

/// The namespace went before: hardware is home, virtual links are gone.
#[test]
fn a_pod_without_its_namespace_is_taken_back() {
    each_death(&CALLS, 1, |scene, _, story| {
        let pod = number(&scene.stage.node, scene.pod.sandbox);
        scene.stage.node.end(scene.pod.sandbox);
        let failures = scene.take_back(TakeBack::default());
        assert!(failures.is_empty(), "{story}: {failures:?}");
        scene.is_clean(story, |thing| !is_in(thing, pod));
    });
}

fn is_in(thing: &Thing, namespace: u64) -> bool {
    matches!(thing, Thing::Link(space, _) | Thing::Setting(space, _) if *space == namespace)
}

/// The pod gave its links other names, and its old ones to others.
#[test]
fn a_pod_that_renamed_its_links_is_taken_back() {
    each_death(&CALLS, 1, |scene, _, story| {
        rename_all(scene, 0);
        scene.comes_clean(story);
    });
}

/// The pod gave its links other addresses, where the kernel lets it.
#[test]
fn a_pod_that_gave_its_links_other_addresses_is_taken_back() {
    let changed = Cell::new(0);
    each_death(&CALLS, 1, |scene, _, story| {
        changed.set(changed.get() + other_addresses(scene));
        scene.comes_clean(story);
    });
    assert!(changed.get() > 20, "{changed:?}");
}

fn other_addresses(scene: &Scene) -> usize {
    let mut node = scene.stage.node.open(scene.pod.sandbox);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let links = node.links(Space::Sandbox).unwrap();
    let change = |(last, found): (u8, &multus_net::Link)| {
        let link = LinkRef { space: Space::Sandbox, index: found.index, name: found.name.clone() };
        let property = Property::Mac(MacAddr([2, 0, 0, 0, 0x66, last]));
        node.apply(&Effect::Set { link, property, before: None }, deadline).is_ok()
    };
    (0..).zip(links.iter().filter(|link| link.name != "lo")).map(change).filter(|done| *done).count()
}

fn rename_all(scene: &Scene, turn: usize) {
    let mut node = scene.stage.node.open(scene.pod.sandbox);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    for found in node.links(Space::Sandbox).unwrap().iter().filter(|link| link.name != "lo") {
        let link = LinkRef { space: Space::Sandbox, index: found.index, name: found.name.clone() };
        for property in [
            Property::Name(format!("was{turn}x{:x}", found.index)),
            Property::AlternativeName(found.name.clone()),
        ] {
            node.apply(&Effect::Set { link: link.clone(), property, before: None }, deadline).unwrap();
        }
    }
}

/// After another boot nothing of the kernel's is ours, whatever it is called; claims are.
#[test]
fn what_another_boot_made_is_left_alone() {
    each_death(&CALLS, 1, |scene, _, story| {
        scene.stage.node.reboot();
        let other = scene.stage.pod("other");
        add(&scene.stage, &other, &[0], None);
        let (before, mut claims) = (View::of(&scene.stage.node), scene.stage.claims());
        let bridge = before.0.keys().find(|thing| before.name(thing) == Some("cni0"));
        assert!(matches!(bridge, Some(Thing::Link(HOST, _))), "{story}: made anew");
        let failures = scene.take_back(TakeBack { other_boot: true, ..TakeBack::default() });
        assert!(failures.is_empty(), "{story}: {failures:?}");
        assert_eq!(View::of(&scene.stage.node), before, "{story}");
        let of_pod = [" pod\r\n", " pod\n", " /run/netns/pod"];
        claims.retain(|claim| !of_pod.iter().any(|words| claim.contains(words)));
        assert_eq!(scene.stage.claims(), claims, "{story}");
    });
}

/// What happens to a pod after its ADD, whole or not.
#[derive(Debug, Clone)]
enum Act {
    /// The pod gives its links other names, and the old ones as further names.
    Rename,
    /// A process takes back, and ends or is refused something at one of its requests.
    TakeBack(u64, Fault),
    /// The pod's namespace ends.
    End,
}

fn fault(refusals: &'static [i32]) -> impl Strategy<Value = Fault> {
    let refusals = select(refusals).prop_map(Fault::Refuse);
    prop_oneof![2 => Just(Fault::DieBefore), 2 => Just(Fault::DieAfter), 1 => refusals]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Rename),
        // A kernel that says of a link that it is not there is believed: its refusals are others.
        3 => (0..40_u64, fault(&[EPERM, EBUSY, ENOSPC])).prop_map(|(at, fault)| Act::TakeBack(at, fault)),
        1 => Just(Act::End),
    ]
}

/// How many schedules there are; `MULTUS_EFFORT` as for the whole-system tests.
fn config() -> ProptestConfig {
    let cases = match std::env::var("MULTUS_EFFORT").as_deref() {
        Ok("quick") => 200,
        Ok("long") => 100_000,
        _ => 1000,
    };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_to_a_pod_the_last_one_takes_it_back(
        call in select(CALLS.to_vec()),
        blow in prop::option::of((0..60_u64, fault(&[EPERM, EBUSY, EEXIST, ENODEV, ENOSPC]))),
        torn in prop::option::of(0..30_usize),
        acts in prop::collection::vec(act(), 0..5),
    ) {
        let scene = Scene::new(call);
        let pod = number(&scene.stage.node, scene.pod.sandbox);
        let story = format!("{call:?}, {blow:?}, {torn:?}, {acts:?}");
        let dead = scene.add(blow) == End::Dead;
        if let (true, Some(kept), Some((_, Fault::DieBefore))) = (dead, torn, blow)
            && scene.stage.last_line(&scene.pod).contains("{\"done\"")
        {
            scene.stage.tear(&scene.pod, kept);
        }
        let mut ended = false;
        for (turn, act) in acts.iter().enumerate() {
            match act {
                Act::Rename => rename_all(&scene, turn),
                Act::TakeBack(at, fault) => {
                    scene.take_back(TakeBack { fault: Some((*at, *fault)), ..TakeBack::default() });
                }
                Act::End => {
                    scene.stage.node.end(scene.pod.sandbox);
                    ended = true;
                }
            }
        }
        let failures = scene.take_back(TakeBack::default());
        assert!(failures.is_empty(), "{story}: {failures:?}");
        scene.is_clean(&story, |thing| !(ended && is_in(thing, pod)));
    }
}
