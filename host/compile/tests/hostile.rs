//! Components that do everything wrong: each is stopped, named, and leaves the sandbox usable.

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

use std::time::Duration;

use multus_wasm::{Fault, Level, ModuleError, Role, Transformed, Verdict};
use serde_json::{Value, json};
use support::{Node, attachment, component, object};

const PLUGIN: &str = r#"{"type":"bridge","name":"lan","mtu":1500,"ipam":{"type":"host-local","x":1.0}}"#;

/// A node with time enough: what ends its component is not the clock, however busy the machine is.
fn node(may_change: &[&str]) -> Node {
    let node = hurried(may_change);
    node.edit("rogue", &json!({"limits": {"timeout": "5s"}}));
    node
}

/// A node with the limits that a catalog has without words.
fn hurried(may_change: &[&str]) -> Node {
    let members = json!({"mayChange": may_change});
    Node::with("rogue", Role::Transform, &component("hostile_transform"), &members)
}

fn ask(node: &Node, what: &str, value: &Value) -> Result<Transformed, ModuleError> {
    node.edit("rogue", &json!({"settings": {"do": what, "value": value}}));
    node.sandbox().transform("rogue", &attachment(), &object(PLUGIN))
}

#[test]
fn whoever_misbehaves_is_stopped_and_told_apart() {
    let (hurried, node) = (hurried(&["/mtu"]), node(&["/mtu"]));
    let rows = [
        ("loop", "module rogue: time limit of 100 ms reached", 100),
        ("grow", "module rogue: memory limit of 16 MiB reached", 100),
        ("recurse", "module rogue: call stack of 512 KiB exhausted", 100),
        ("recurse with frames", "module rogue: it crashed: ", 100),
        ("abort", "module rogue: it crashed: ", 100),
        ("panic", "no mtu in the settings", 100),
        ("huge answer", "too much data", 100),
        ("huge line", "too much data", 100),
        ("deep answer", "module rogue: its answer is no usable configuration: ", 100),
        ("clear", "module rogue: changed what it may not: /type removed: \"bridge\", /name removed", 7),
        ("dance", "module rogue: cannot dance", 7),
    ];
    for (what, expected, code) in rows {
        let node = if what == "loop" { &hurried } else { &node };
        let error = ask(node, what, &Value::Null).unwrap_err();
        assert!(error.to_string().contains(expected), "{what}: {error}");
        assert_eq!(error.code(), code, "{what}: {error}");
    }
    assert!(ask(&node, "nothing", &Value::Null).unwrap().changed.is_empty());
}

#[test]
fn one_sandbox_goes_on_after_each_of_them() {
    let node = hurried(&["/mtu"]);
    node.edit("rogue", &json!({"settings": {"do": "loop"}}));
    let sandbox = node.sandbox();
    for _ in 0..3 {
        let error = sandbox.transform("rogue", &attachment(), &object(PLUGIN)).unwrap_err();
        assert!(
            matches!(*error.fault, Fault::Time { limit } if limit == Duration::from_millis(100)),
            "{error}"
        );
    }
}

#[test]
fn limits_of_the_catalog_count_and_are_named() {
    let node = node(&["/mtu"]);
    node.edit("rogue", &json!({"limits": {"memory": "2Mi", "timeout": "80ms"}}));
    let memory = ask(&node, "grow", &Value::Null).unwrap_err();
    assert_eq!(memory.to_string(), "module rogue: memory limit of 2 MiB reached");
    let time = ask(&node, "loop", &Value::Null).unwrap_err();
    assert_eq!(time.to_string(), "module rogue: time limit of 80 ms reached");
    node.edit("rogue", &json!({"limits": {"memory": "64Ki"}}));
    let tiny = ask(&node, "nothing", &Value::Null).unwrap_err();
    assert_eq!(
        tiny.to_string(),
        "module rogue: memory limit of 64 KiB reached",
        "counts from instantiation on"
    );
}

#[test]
fn a_panic_is_explained_by_its_own_words() {
    let error = ask(&node(&["/mtu"]), "panic", &Value::Null).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("module rogue: it crashed: panicked at "), "{text}");
    assert_eq!(error.log.last().unwrap().level, Level::Error);
}

#[test]
fn only_allowed_places_change() {
    let rows: [(&[&str], Value, Option<&str>); 10] = [
        (&["/mtu"], json!({"mtu": 9000}), None),
        (&["/mtu"], json!({"mtu": 9000, "vlan": 7}), Some("/vlan added: 7; mayChange is `/mtu`")),
        (&[], json!({"mtu": 9000}), Some("/mtu: 1500 became 9000; mayChange is empty")),
        (&["/ipam/**"], json!({"ipam": {"type": "dhcp", "x": 1.0}}), None),
        (
            &["/ipam/*/gw"],
            json!({"ipam": {"type": "dhcp", "x": 1.0}}),
            Some("/ipam/type: \"host-local\" became \"dhcp\""),
        ),
        (&["/**"], json!({"type": "macvlan"}), Some("/type: \"bridge\" became \"macvlan\"")),
        (&["/**"], json!({"Type": "macvlan"}), Some("/Type added: \"macvlan\"")),
        (&["/type"], json!({"type": "macvlan"}), None),
        (&["/**", "/*"], json!({"name": "other"}), Some("/name: \"lan\" became \"other\"")),
        (
            &["/**"],
            json!({"prevResult": {}, "cniVersion": "1.0.0"}),
            Some("/prevResult added: {}, /cniVersion added"),
        ),
    ];
    for (may_change, value, refusal) in rows {
        let answer = ask(&node(may_change), "merge", &value);
        match (refusal, answer) {
            (None, Ok(done)) => assert!(!done.changed.is_empty(), "{value}"),
            (Some(expected), Err(error)) => assert!(error.to_string().contains(expected), "{value}: {error}"),
            (_, other) => panic!("{may_change:?} {value}: {other:?}"),
        }
    }
}

#[test]
fn a_flood_of_lines_is_cut_and_counted() {
    let done = ask(&node(&[]), "flood", &Value::Null).unwrap();
    assert_eq!(done.log.len(), 65);
    assert_eq!(done.log.last().unwrap().message, "99936 more lines were dropped");
    let bytes: usize =
        ask(&node(&[]), "long line", &Value::Null).unwrap().log.iter().map(|l| l.message.len()).sum();
    assert!(bytes < 9000, "{bytes}");
    let forged = ask(&node(&[]), "forge", &Value::Null).unwrap();
    assert_eq!(forged.log[0].message, "fine\\nerror: forged");
}

#[test]
fn codes_that_belong_to_others_become_100() {
    let node = node(&[]);
    for (code, expected) in [
        (4, 4),
        (7, 7),
        (11, 11),
        (50, 50),
        (51, 51),
        (100, 100),
        (4_000_000_000_u32, 4_000_000_000),
        (0, 100),
        (3, 100),
        (8, 100),
        (99, 100),
    ] {
        let error = ask(&node, "fail", &code.into()).unwrap_err();
        assert_eq!(error.code(), expected);
        assert_eq!(error.to_string(), "module rogue: not today; ask again tomorrow");
    }
}

#[test]
fn code_that_runs_before_the_call_is_under_the_same_clock() {
    let node = Node::with(
        "rogue",
        Role::Transform,
        &component("loops_at_start"),
        &json!({"limits": {"timeout": "80ms"}}),
    );
    let error = node.sandbox().transform("rogue", &attachment(), &object(PLUGIN)).unwrap_err();
    assert_eq!(error.to_string(), "module rogue: time limit of 80 ms reached");
}

#[test]
fn a_policy_that_fails_refuses_unless_the_operator_lets_it_pass() {
    let node = Node::with("judge", Role::Policy, &component("hostile_policy"), &json!({"settings": "panic"}));
    let review = |members: Value| {
        node.edit("judge", &members);
        node.sandbox().review("judge", &attachment(), &[object(PLUGIN)])
    };
    let error = review(json!({})).unwrap_err();
    assert!(error.to_string().contains("it crashed: panicked at"), "{error}");
    assert_eq!(error.log[0].message, "1 plugins for blue/storage", "what it said before counts too");

    let passed = review(json!({"onFailure": "allow"})).unwrap();
    assert_eq!(passed.verdict, Verdict::Allow);
    assert!(passed.let_pass.unwrap().starts_with("failed (onFailure: allow): module judge: it crashed"));
    let monitored = review(json!({"onFailure": "deny", "mode": "monitor", "settings": "loop"})).unwrap();
    assert!(monitored.let_pass.unwrap().contains("time limit of 100 ms reached"));

    let allowed =
        review(json!({"onFailure": "allow", "mode": "enforce", "settings": {"deny": "not on a Sunday"}}));
    assert_eq!(allowed.unwrap().verdict, Verdict::Deny("not on a Sunday".into()), "a verdict is no failure");
    assert_eq!(review(json!({"settings": {"warn": "old"}})).unwrap().verdict, Verdict::Warn("old".into()));
    assert_eq!(review(json!({"settings": "allow"})).unwrap().verdict, Verdict::Allow);
}

#[test]
fn names_and_roles_that_are_not_in_the_catalog() {
    let node = Node::with("judge", Role::Policy, &component("hostile_policy"), &json!({"settings": "allow"}));
    let sandbox = node.sandbox();
    let error = sandbox.transform("jury", &attachment(), &object(PLUGIN)).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        ("module jury: not in the catalog, which has judge", 7)
    );
    let error = sandbox.transform("judge", &attachment(), &object(PLUGIN)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "module judge: the catalog has it as a policy, it was asked to be a transform"
    );
}
