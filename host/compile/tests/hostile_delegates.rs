//! Delegates that do everything wrong: each is stopped, named, and leaves the node as far as it got.

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

use std::cell::RefCell;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::rc::Rc;
use std::time::{Duration, Instant};

use multus_compile::NewModule;
use multus_wasm::node::Failure;
use multus_wasm::{Delegated, Fault, ModuleError, Role};
use serde_json::{Value, json};
use support::recording::RecordingNode;
use support::{Node, attachment, component};

fn rogue(limits: Value) -> Node {
    let members = json!({"grants": {"store": ["/var/lib/cni/networks"]}, "limits": limits});
    Node::with("rogue", Role::Delegate, &component("hostile_delegate"), &members)
}

fn ask(
    node: &Node,
    what: &str,
    value: Value,
    seen: &Rc<RefCell<RecordingNode>>,
) -> Result<Delegated, ModuleError> {
    let conf = json!({"do": what, "value": value}).to_string();
    node.sandbox().delegate("rogue", &attachment(), &conf, None, seen.clone())
}

#[test]
fn whoever_misbehaves_is_stopped_and_told_apart() {
    let node = rogue(json!({"timeout": "1s"}));
    let handles = "module rogue: limit of 10000 handles reached: it takes links, streams or timers and does not give them back";
    let rows = [
        ("hoard handles", Value::Null, handles, 100),
        ("hoard links", Value::Null, handles, 100),
        ("hoard folders", Value::Null, handles, 100),
        ("ask at length", Value::Null, "too much data", 100),
        ("huge answer", Value::Null, "too much data", 100),
        ("answer", json!("text"), "module rogue: its answer is no CNI result: ", 100),
        ("answer", json!([1]), "module rogue: its answer is no CNI result: ", 100),
        ("deep answer", Value::Null, "module rogue: its answer is no CNI result: ", 100),
        ("leave open", Value::Null, "module rogue: it crashed: panicked at ", 100),
        ("dance", Value::Null, "module rogue: cannot dance", 7),
    ];
    for (what, value, expected, code) in rows {
        let seen = RecordingNode::shared();
        let error = ask(&node, what, value, &seen).unwrap_err();
        assert!(error.to_string().contains(expected), "{what}: {error}");
        assert_eq!(error.code(), code, "{what}: {error}");
        assert!(seen.borrow().open.is_empty(), "{what}: a folder stays locked");
    }
}

#[test]
fn an_object_is_a_result_and_its_text_stays() {
    let node = rogue(json!({}));
    let seen = RecordingNode::shared();
    let done = ask(&node, "answer", json!({"x": 1}), &seen).unwrap();
    assert_eq!(done.result.as_deref(), Some(r#"{"x":1}"#));
}

#[test]
fn handles_that_are_given_back_do_not_add_up() {
    let seen = RecordingNode::shared();
    ask(&rogue(json!({})), "take and give back", Value::Null, &seen).unwrap();
    assert_eq!(seen.borrow().calls.len(), 20_000);
}

#[test]
fn a_folder_that_was_left_open_is_unlocked_when_the_call_ends() {
    let node = rogue(json!({}));
    let seen = RecordingNode::shared();
    ask(&node, "forget", Value::Null, &seen).unwrap();
    assert_eq!(seen.borrow().calls, ["store.begin None lan", "store.end 1"]);
    ask(&node, "leave open", Value::Null, &seen).unwrap_err();
    assert_eq!(seen.borrow().calls[2..], ["store.begin None lan", "store.claim 10.1.2.3", "store.end 2"]);
}

/// Each host call is short, and the ticks of the clock never come.
#[test]
fn asking_without_end_comes_to_an_end() {
    let node = rogue(json!({"timeout": "80ms"}));
    let start = Instant::now();
    let error = ask(&node, "ask without end", Value::Null, &RecordingNode::shared()).unwrap_err();
    assert_eq!(error.to_string(), "module rogue: time limit of 80 ms reached");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_host_call_that_waits_costs_the_module_nothing_and_is_not_interrupted() {
    let node = rogue(json!({"timeout": "50ms"}));
    let seen = RecordingNode::shared();
    // Real time is bounded as well, by 20 times the limit.
    let wait = Duration::from_millis(1100);
    seen.borrow_mut().meanwhile = Box::new(move || {
        let (silent, _other) = UnixDatagram::pair().unwrap();
        silent.set_read_timeout(Some(wait)).unwrap();
        let error = silent.recv(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "a tick interrupted it");
    });
    seen.borrow_mut().links = 0;
    let members = json!({"limits": {"timeout": "50ms"}});
    let looks = Node::with("look", Role::Delegate, &component("looks_at_links"), &members);
    looks.sandbox().delegate("look", &attachment(), "{}", None, seen.clone()).unwrap();

    seen.borrow_mut().meanwhile = Box::new(|| work(Duration::from_millis(100)));
    let error = ask(&node, "take and give back", Value::Null, &seen).unwrap_err();
    assert!(matches!(*error.fault, Fault::Time { .. }), "work on its thread counts: {error}");
}

fn work(long: Duration) {
    let start = Instant::now();
    while start.elapsed() < long {
        std::hint::black_box(());
    }
}

#[test]
fn a_module_that_a_module_has_run_is_under_its_own_limits() {
    let grants = json!({
        "links": ["*"], "firewall": ["masquerade"], "sysctls": ["net/*"], "ipam": ["rogue"],
        "plugins": ["bandwidth"], "store": ["/var/lib/cni/networks"], "sriov": ["*"],
    });
    let node = rogue(json!({"timeout": "300ms"}));
    let entry = json!({"grants": grants, "limits": {"timeout": "200ms"}});
    let outer = component("calls_everything");
    let module =
        NewModule { name: "all", role: Role::Delegate, component: &outer, entry: entry.as_object().unwrap() };
    node.installation.add(&module).unwrap();

    let sandbox = Rc::new(node.sandbox());
    let (seen, inner) = (RecordingNode::shared(), RecordingNode::shared());
    let (within, nested) = (Rc::clone(&sandbox), Rc::clone(&inner));
    seen.borrow_mut().ipam = Box::new(move |config| {
        let done = within.delegate("rogue", &attachment(), config, None, nested.clone());
        let failed = |error: ModuleError| Failure {
            code: error.code(),
            message: error.to_string(),
            details: String::new(),
        };
        done.map(|done| done.result.unwrap_or_default()).map_err(failed)
    });
    let run = |conf: Value| sandbox.delegate("all", &attachment(), &conf.to_string(), None, seen.clone());
    let answer = json!({"ips": [{"address": "10.1.2.7/24"}]});
    let done = run(json!({"do": "answer", "value": answer})).unwrap();
    assert!(done.result.unwrap().contains("10.1.2.7/24"));
    let error = run(json!({"do": "ask without end"})).unwrap_err();
    assert_eq!(error.to_string(), "module all: module rogue: time limit of 300 ms reached");
    run(json!({"do": "answer", "value": answer})).unwrap();
    assert!(inner.borrow().open.is_empty() && seen.borrow().open.is_empty());
}
