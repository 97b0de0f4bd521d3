//! WASI, as components of other languages know it: all of it is there, nothing of it reaches anything, and whoever
//! misuses it is stopped like anybody else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use multus_compile::{NewModule, interfaces};
use multus_wasm::{Attachment, Level, ModuleError, Role, Sandbox, Transformed, is_wasi, wasi_interfaces};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use support::recording::RecordingNode;
use support::text::of_world;
use support::{Node, attachment, component, object};

const PLUGIN: &str = r#"{"type":"bridge"}"#;

fn node() -> Node {
    let members = json!({"mayChange": ["/seen"], "limits": {"timeout": "5s"}});
    Node::with("curious", Role::Transform, &component("uses_wasi"), &members)
}

fn ask_of(node: &Node, what: &str, attachment: &Attachment) -> Result<Transformed, ModuleError> {
    node.edit("curious", &json!({"settings": what}));
    node.sandbox().transform("curious", attachment, &object(PLUGIN))
}

fn ask(node: &Node, what: &str) -> Result<Transformed, ModuleError> {
    ask_of(node, what, &attachment())
}

fn seen(answer: &Transformed) -> Value {
    serde_json::from_str::<Value>(&answer.plugin.to_string()).unwrap()["seen"].clone()
}

#[test]
fn a_function_sees_nothing_of_the_node_time_or_chance() {
    let mut seen = seen(&ask(&node(), "look around").unwrap());
    let numbers = seen.as_object_mut().unwrap().remove("random/*").unwrap();
    let denied = "Some(ErrorCode { code: 1, name: \"access-denied\", message: \"\" })";
    let expected = json!({
        "cli/environment": [[], [], null],
        "cli/stdin": "Err(StreamError::Closed)",
        "cli/stdout": "Ok(65536)",
        "cli/stderr": "Ok(())",
        "cli/terminal-*": [false, false, false],
        "io/streams": ["Err(StreamError::Closed)", "Err(StreamError::Closed)"],
        "io/poll": [0, 1],
        "clocks/monotonic-clock": [3_600_000_000_000_u64, 1000],
        "clocks/monotonic-clock, slept": [true, true],
        "clocks/wall-clock": [0, 0],
        "random/random": 4,
        "filesystem/preopens": 0,
        "filesystem/types": [],
        "sockets/ip-name-lookup": denied,
        "sockets/tcp": denied,
        "sockets/udp": denied,
        "http": [0, "Err(())", "Some(ErrorCode::HttpRequestDenied)"],
    });
    assert_eq!(seen, expected);
    let mut numbers: Vec<u64> =
        numbers.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 5, "they look random: {numbers:?}");
}

/// A module that is asked again, on another node or in a test, answers as it did.
#[test]
fn the_same_question_has_the_same_answer() {
    let node = node();
    let one = seen(&ask(&node, "look around").unwrap());
    assert_eq!(one, seen(&ask(&node, "look around").unwrap()));
    let other_pod = Attachment { container_id: "c2".into(), ..attachment() };
    let other = seen(&ask_of(&node, "look around", &other_pod).unwrap());
    assert_ne!(one["random/*"], other["random/*"]);
}

#[test]
fn what_it_writes_are_lines_of_the_log() {
    let node = node();
    let lines = |what| {
        let done = ask(&node, what).unwrap();
        done.log.into_iter().map(|line| (line.level, line.message)).collect::<Vec<_>>()
    };
    let line = |level, text: &str| (level, text.to_owned());
    assert_eq!(
        lines("say"),
        [line(Level::Info, "one"), line(Level::Warn, "be careful"), line(Level::Info, "two, and more"),]
    );
    assert_eq!(lines("forge"), [line(Level::Info, "fine\\r\\u{1b}[2Jforged"), line(Level::Info, "next")]);
    let flood = lines("flood");
    assert_eq!(flood.len(), 65);
    assert_eq!(flood[64].1, "99936 more lines were dropped");
}

/// Whoever sleeps does so at once, for time stands still.
#[test]
fn a_function_never_waits() {
    let start = Instant::now();
    ask(&node(), "sleep").unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// What a module may use beyond its limit until it is stopped.
const OVERRUN: Duration = Duration::from_millis(50);

/// The CPU time that a call takes of a sandbox which has loaded the module.
fn asked_again(sandbox: &Sandbox) -> Duration {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let ask = || sandbox.transform("curious", &attachment(), &object(PLUGIN)).unwrap_err();
    ask();
    let began = now();
    ask();
    now() - began
}

#[test]
fn whoever_misuses_it_is_stopped_and_told_apart() {
    let node = node();
    node.edit("curious", &json!({"limits": {"timeout": "100ms"}}));
    let time = "time limit of 100 ms reached";
    let handles =
        "limit of 10000 handles reached: it takes links, streams or timers and does not give them back";
    let rows = [
        ("nap without end", time),
        ("wait without end", time),
        ("wait for time to pass", time),
        ("flood without end of line", time),
        ("flood with nothing", time),
        ("read without end", time),
        ("random without end", time),
        ("wait for nothing", "it crashed: it waits for nothing at all, which never comes"),
        (
            "random at once",
            "it crashed: it asked for 18446744073709551615 random bytes at once, of at most 1048576",
        ),
        (
            "more random than fits",
            "it crashed: it asked for 2097152 random bytes at once, of at most 1048576",
        ),
        ("exit well", "it ended itself with status 0 instead of answering"),
        ("exit", "it ended itself with status 1 instead of answering"),
        ("exit with a code", "it ended itself with status 7 instead of answering"),
        ("say and exit", "it ended itself with status 1 instead of answering: no such subnet"),
        ("say and crash", "it crashed: ValueError: no such subnet"),
        ("ask for the hour", "it asked for wasi:clocks/timezone utc-offset, which no module is given"),
    ];
    for (what, expected) in rows {
        let error = ask(&node, what).unwrap_err();
        assert_eq!(error.to_string(), format!("module curious: {expected}"), "{what}");
        assert_eq!(error.code(), 100, "{what}");
        let used = asked_again(&node.sandbox());
        assert!(used <= Duration::from_millis(100) + OVERRUN, "{what}: {used:?}");
    }
    node.edit("curious", &json!({"limits": {"timeout": "5s"}}));
    for (what, expected) in [
        ("hoard timers", handles),
        ("hoard streams", handles),
        ("hoard requests", handles),
        ("write at length", "it crashed: too much data is being copied between the host and the guest"),
        ("wait for too much", "it crashed: too much data is being copied between the host and the guest"),
    ] {
        let error = ask(&node, what).unwrap_err().to_string();
        assert!(error.starts_with(&format!("module curious: {expected}")), "{what}: {error}");
    }
    ask(&node, "nothing").unwrap();
}

#[test]
fn a_delegate_has_clocks_and_what_it_sleeps_is_its_time() {
    let node = Node::with("sleeper", Role::Delegate, &component("sleeping_delegate"), &json!({}));
    node.edit("sleeper", &json!({"limits": {"timeout": "200ms"}}));
    let sandbox = node.sandbox();
    let call = |what: &str| {
        let start = Instant::now();
        let conf = json!({"type": "sleeper", "do": what}).to_string();
        let answer = sandbox.delegate("sleeper", &attachment(), &conf, None, RecordingNode::shared());
        (answer, start.elapsed())
    };
    let answer = |what| serde_json::from_str::<Value>(&call(what).0.unwrap().result.unwrap()).unwrap();
    let (one, other) = (answer("nap"), answer("nap"));
    assert_eq!(one["ready"], json!([1]), "the timer of 10 ms and none of the others");
    assert!(one["slept"].as_u64().unwrap() >= 10, "{one}");
    assert!(one["year"].as_u64().unwrap() >= 2024, "{one}");
    assert_ne!(one["random"], other["random"]);

    let (answer, took) = call("sleep");
    assert_eq!(
        answer.unwrap_err().to_string(),
        "module sleeper: time limit of 200 ms reached: it would sleep for 3600 s more, and sleeping counts"
    );
    assert!(took < Duration::from_secs(60), "at once: {took:?}");
    for what in ["nap without end", "doze without end"] {
        let (answer, took) = call(what);
        let error = answer.unwrap_err().to_string();
        assert!(error.starts_with("module sleeper: time limit of 200 ms reached"), "{what}: {error}");
        assert!(took < Duration::from_secs(60), "{what}: {took:?}");
    }
}

/// Runtimes of other languages are of many times; types that are not WASI's are found when a module is added.
#[test]
fn any_version_of_wasi_0_2_is_linked_and_other_types_are_refused_when_it_is_added() {
    let of_version = |version: &str, exit: &str| {
        let core = format!(
            "(module (import \"wasi:cli/exit@{version}\" \"exit\" (func $exit (param i32)))
             (import \"wasi:cli/stdout@{version}\" \"get-stdout\" (func (result i32)))
             (memory (export \"memory\") 1)
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 64))
             (func (export \"multus:delegate/policy@0.1.0#review\") (param i32) (result i32)
                (call $exit (i32.const 0)) (unreachable)))"
        );
        let policy = fs::read_to_string(wit("policy.wit")).unwrap();
        let types = fs::read_to_string(wit("types.wit")).unwrap();
        let package = format!(
            "{types} {policy}
             world old {{ import wasi:cli/exit@{version}; import wasi:cli/stdout@{version}; export policy; }}
             package wasi:io@{version} {{ interface streams {{ resource output-stream; }} }}
             package wasi:cli@{version} {{
                interface exit {{ exit: func(status: {exit}); }}
                interface stdout {{ use wasi:io/streams@{version}.{{output-stream}}; get-stdout: func() -> output-stream; }}
             }}"
        );
        of_world(&core, &package, "old")
    };
    for version in ["0.2.0", "0.2.3", "0.2.11"] {
        let component = of_version(version, "result");
        assert!(interfaces(&component).unwrap().imports.iter().any(|name| is_wasi(name)));
        let node = Node::with("old", Role::Policy, &component, &json!({}));
        let error = node.sandbox().review("old", &attachment(), &[object(PLUGIN)]).unwrap_err();
        assert_eq!(error.to_string(), "module old: it ended itself with status 0 instead of answering");
    }
    let other = of_version("0.2.3", "u32");
    let new = NewModule { name: "old", role: Role::Policy, component: &other, entry: &Map::new() };
    let node = Node::new();
    let error = node.installation.add(&new).unwrap_err().to_string();
    assert!(error.starts_with("module old: it cannot be linked: "), "{error}");
    assert!(error.contains("wasi:cli/exit@0.2.3"), "{error}");
    assert!(!node.installation.catalog.exists());
}

fn wit(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/wit").join(file)
}

/// What `docs/security.md` says of WASI is said of each interface, and of no other.
#[test]
fn every_interface_is_documented() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `wasi:"));
    let mut documented: Vec<String> = rows
        .flat_map(|row| {
            let (cell, _) = row.split_once(" | ").unwrap();
            cell.replace("`wasi:", "").replace('`', "").split(", ").map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    documented.sort();
    let mut given: Vec<String> = wasi_interfaces().map(str::to_owned).collect();
    given.sort();
    assert_eq!(documented, given);
}
