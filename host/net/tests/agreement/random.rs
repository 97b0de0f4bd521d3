//! Random sequences of effects, sensible and not, with their undoing, on both kinds of nodes.

use multus_net::{Effect, LinkRef, Refused};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::script::soon;
use crate::stage::Stage;
use crate::view;
use crate::words::Words;

const LINKS: &[&str] =
    &["pod.1", "pod.10", "pod.11", "pod.2", "node.1", "node.5", "node.6", "node.20", "node.21"];
/// Without loopbacks: over IPv6 they are a case of their own.
const BUT_LOOPBACKS: &[&str] = &["pod.10", "pod.11", "pod.2", "node.5", "node.6", "node.20", "node.21"];
const NAMES: &[&str] =
    &["eth0", "eth1", "veth0", "veth1", "br0", "lo", "net1", "all", "sixteenletters-0", "a/b"];
const MTUS: &[u32] = &[0, 67, 68, 1279, 1280, 1400, 1500, 9000, 65535, 65536];
const ADDRESSES: &[&str] = &[
    "10.0.0.1/24",
    "10.0.0.2/24",
    "10.0.0.1/25",
    "10.0.0.200/25",
    "10.1.0.1/16",
    "10.1.0.1/32",
    "10.2.0.0/31",
    "0.0.0.0/0",
    "127.0.0.5/8",
    "fd00::1/64",
    "fd00::2/64",
    "fd00::1/80",
    "fd01::1/128",
    "fe80::1/64",
    "::1/128",
    "ff02::1/64",
];
const V4: &[&str] = &[
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.9",
    "10.0.0.127",
    "10.0.0.255",
    "10.1.0.1",
    "10.9.0.5",
    "0.0.0.0",
    "127.0.0.1",
    "224.0.0.1",
];
const V6: &[&str] =
    &["fd00::1", "fd00::2", "fd00::9", "fd01::1", "fd09::5", "fe80::1", "fe80::9", "::", "ff02::1"];
const V4_DESTINATIONS: &[&str] = &["0.0.0.0/0", "10.0.0.0/24", "10.9.0.0/16", "10.9.0.5/32", "10.9.0.1/16"];
const V6_DESTINATIONS: &[&str] = &["::/0", "fd00::/64", "fd09::/64", "fd09::5/128", "fd09::1/64"];

fn any_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(ToOwned::to_owned)
}

/// ` WORD VALUE`, or nothing.
fn perhaps<T: std::fmt::Display + std::fmt::Debug>(
    word: &'static str,
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = String> {
    prop::option::weighted(0.25, value)
        .prop_map(move |value| value.map_or(String::new(), |value| format!(" {word} {value}")))
}

fn lasting() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just(" lasting".to_owned())]
}

fn route(
    destinations: &'static [&'static str],
    hosts: &'static [&'static str],
) -> impl Strategy<Value = String> {
    (
        any_of(destinations),
        prop_oneof![Just(String::new()), any_of(hosts).prop_map(|host| format!(" via {host}"))],
        perhaps("src", any_of(hosts)),
        perhaps("metric", select(&[0, 5, 256, 1024][..])),
        perhaps("table", select(&[0, 100, 253, 254][..])),
        perhaps("scope", select(&[0, 200, 253, 254, 255][..])),
        perhaps("mtu", select(&[1400, 1500, 100_000][..])),
        prop_oneof![4 => Just(""), 1 => Just(" onlink")],
    )
        .prop_map(|(to, via, src, metric, table, scope, mtu, onlink)| {
            format!("{to}{via}{src}{metric}{table}{scope}{mtu}{onlink}")
        })
}

/// A link and a route by it.
fn routed() -> BoxedStrategy<String> {
    prop_oneof![
        (any_of(LINKS), route(V4_DESTINATIONS, V4)).prop_map(|(link, route)| format!("{link} {route}")),
        (any_of(BUT_LOOPBACKS), route(V6_DESTINATIONS, V6))
            .prop_map(|(link, route)| format!("{link} {route}")),
    ]
    .boxed()
}

fn property() -> BoxedStrategy<String> {
    let on_off = || select(&["on", "off"][..]);
    prop_oneof![
        4 => select(&["up", "up", "up", "down"][..]).prop_map(ToOwned::to_owned),
        2 => select(MTUS).prop_map(|mtu| format!("mtu {mtu}")),
        1 => select(&["02:00:00:00:00:77", "02:00:00:00:00:0a", "03:00:00:00:00:01"][..])
            .prop_map(|mac| format!("mac {mac}")),
        2 => select(&[5, 6, 20, 77][..]).prop_map(|index| format!("master {index}")),
        1 => Just("nomaster".to_owned()),
        1 => on_off().prop_map(|on| format!("promiscuous {on}")),
        1 => on_off().prop_map(|on| format!("all-multicast {on}")),
        1 => select(&[0, 1, 500, 1000][..]).prop_map(|packets| format!("queue {packets}")),
        1 => on_off().prop_map(|on| format!("hairpin {on}")),
        1 => any_of(NAMES).prop_map(|name| format!("name {name}")),
        1 => any_of(NAMES).prop_map(|name| format!("also {name}")),
    ]
    .boxed()
}

fn new_link(places: &'static [&'static str]) -> impl Strategy<Value = String> {
    (any_of(places), any_of(NAMES)).prop_map(|(place, name)| format!("{place}={name}"))
}

fn effect() -> BoxedStrategy<String> {
    let pair =
        || (new_link(&["pod.10", "pod.11"]), new_link(&["node.20", "node.21"]), perhaps("mtu", select(MTUS)));
    let bridge = (new_link(&["node.5", "node.6"]), perhaps("mtu", select(MTUS)));
    prop_oneof![
        6 => pair().prop_map(|(inside, outside, mtu)| format!("veth {inside} {outside}{mtu}")),
        2 => bridge.prop_map(|(link, mtu)| format!("bridge {link}{mtu}")),
        2 => (any_of(LINKS), select(&["pod", "node"][..]), any_of(NAMES))
            .prop_map(|(link, to, name)| format!("move {link} {to} {name}")),
        10 => (any_of(LINKS), property(), lasting())
            .prop_map(|(link, property, lasting)| format!("set {link} {property}{lasting}")),
        8 => (any_of(LINKS), any_of(ADDRESSES), lasting())
            .prop_map(|(link, address, lasting)| format!("address {link} {address}{lasting}")),
        2 => (any_of(LINKS), any_of(ADDRESSES)).prop_map(|(link, address)| format!("noaddress {link} {address}")),
        8 => (routed(), lasting()).prop_map(|(route, lasting)| format!("route {route}{lasting}")),
        2 => routed().prop_map(|route| format!("noroute {route}")),
        2 => (any_of(BUT_LOOPBACKS), prop_oneof![any_of(&["10.0.0.9", "10.9.0.5"]), any_of(&["fd00::9", "fd09::5"])])
            .prop_map(|(link, host)| format!("neighbour {link} {host} 02:00:00:00:00:99")),
        1 => select(&["0", "1"][..])
            .prop_map(|on| format!("sysctl pod net/ipv4/conf/all/promote_secondaries {on}")),
    ]
    .boxed()
}

/// What happens: effects, others that were only intended when the process ended, and what ends them.
fn act() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => effect(),
        2 => effect().prop_map(|effect| format!("intend {effect}")),
        2 => (any_of(LINKS), any_of(ADDRESSES)).prop_map(|(link, address)| format!("drop {link} {address}")),
        1 => any_of(LINKS).prop_map(|link| format!("delete {link}")),
        2 => (1..20_usize).prop_map(|count| format!("undo {count}")),
    ]
}

/// Something to begin with, so that more than refusals happens.
const BEGINNINGS: &[&[&str]] = &[
    &[],
    &["veth pod.10=eth0 node.20=veth0", "set pod.10 up", "set node.20 up"],
    &["bridge node.5=br0", "veth pod.10=eth0 node.20=veth0", "set node.20 master 5", "set node.5 up"],
    &[
        "veth pod.10=eth0 node.20=veth0",
        "veth pod.11=eth1 node.21=veth1",
        "set pod.10 up",
        "set pod.11 up",
        "address pod.10 10.0.0.1/24",
        "address pod.10 fd00::1/64",
    ],
];

/// So many lives as `MULTUS_NET_LIVES` says, or a few dozen.
pub(crate) fn config() -> ProptestConfig {
    let wanted = std::env::var("MULTUS_NET_LIVES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: wanted.unwrap_or(40), failure_persistence: None, ..ProptestConfig::default() }
}

/// The same lives each time, or those of `MULTUS_SEED`.
pub(crate) fn runner() -> TestRunner {
    let seed: u64 =
        std::env::var("MULTUS_SEED").map_or(1, |text| text.parse().expect("MULTUS_SEED is a number"));
    println!("MULTUS_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    // A failing life is made short: that is worth a minute.
    let config = ProptestConfig { max_shrink_iters: 1000, ..config() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// A pod's life: at its end everything is taken back, or its namespace ends first.
pub(crate) fn life() -> impl Strategy<Value = Vec<String>> {
    let acts = prop::collection::vec(act(), 1..30);
    (select(BEGINNINGS), acts, any::<bool>()).prop_map(|(beginning, acts, ends)| {
        let beginning = beginning.iter().map(|act| (*act).to_owned());
        let end = ends.then(|| "end".to_owned());
        beginning.chain(acts).chain(end).chain(["undo 1000".to_owned()]).collect()
    })
}

/// Plays a life on two stages. The effects are those that the first one's state makes of the words.
pub(crate) fn play(one: &mut dyn Stage, other: &mut dyn Stage, life: &[String]) -> Result<(), TestCaseError> {
    let mut done = Vec::new();
    for line in life {
        let ends = both(one, other, line, &mut done);
        prop_assert_eq!(&ends.0, &ends.1, "{}", line);
        one.settle();
        other.settle();
        let (seen, truth) = (view::everything(one.backend()), view::everything(other.backend()));
        prop_assert_eq!(seen, truth, "after {}", line);
        for effect in &done {
            let (seen, truth) = (compared(one, effect), compared(other, effect));
            prop_assert_eq!(seen, truth, "after {}: {}", line, effect);
        }
    }
    Ok(())
}

fn both(one: &mut dyn Stage, other: &mut dyn Stage, line: &str, done: &mut Vec<Effect>) -> (String, String) {
    let mut words = Words::new(line);
    match words.next() {
        "intend" => {
            done.push(words.effect(one.backend()));
            Default::default()
        }
        "drop" => {
            let (link, address) = (words.link(), words.parse());
            let drop = |stage: &mut dyn Stage| is_done(&stage.backend().drop_address(&link, address));
            (drop(one), drop(other))
        }
        "delete" => {
            let link: LinkRef = words.link();
            one.delete(&link);
            other.delete(&link);
            Default::default()
        }
        "end" => {
            one.end();
            other.end();
            Default::default()
        }
        "undo" => {
            let count: usize = words.parse();
            let taken = done.split_off(done.len().saturating_sub(count));
            (undo(one, &taken), undo(other, &taken))
        }
        _ => {
            let effect = Words::new(line).effect(one.backend());
            if is_nothing_on_nothing(one, &effect) {
                return Default::default();
            }
            let apply = |stage: &mut dyn Stage| is_done(&stage.backend().apply(&effect, soon()));
            let ends = (apply(one), apply(other));
            if ends.0 == "done" {
                done.push(effect);
            }
            ends
        }
    }
}

/// 0.0.0.0 is no address: Linux says yes, and forgets it. Of 6.12 and 6.18, the older one looks for the link first.
fn is_nothing_on_nothing(stage: &mut dyn Stage, effect: &Effect) -> bool {
    let Effect::Address { link, address, .. } = effect else { return false };
    address.addr().is_unspecified()
        && address.addr().is_ipv4()
        && stage.backend().link_at(link.space, link.index).unwrap().is_none()
}

/// Where more than one thing is in the way, which of them is named differs between versions of the kernel: the numbers
/// are what [`rules`](crate::rules) are about.
fn is_done(done: &Result<(), Refused>) -> String {
    if done.is_ok() { "done".to_owned() } else { "refused".to_owned() }
}

fn undo(stage: &mut dyn Stage, effects: &[Effect]) -> String {
    let failed = stage.backend().undo(&effects.iter().collect::<Vec<_>>(), soon());
    let failed =
        failed.into_iter().map(|(at, refused)| format!("{}: {}", effects[at], is_done(&Err(refused))));
    failed.collect::<Vec<_>>().join("\n")
}

fn compared(stage: &mut dyn Stage, effect: &Effect) -> String {
    match stage.backend().compare(effect) {
        Ok(differs) => differs.unwrap_or_default(),
        Err(_) => "can't be told".to_owned(),
    }
}
