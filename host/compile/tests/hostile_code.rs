//! Components that were not made by any compiler: each comes to an end within its limits and with an error of its own, and
//! the process goes on.

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
use std::time::Duration;

use multus_compile::{NewModule, compile_component};
use multus_wasm::{Digest, Role, Sandbox, Transformed};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Map, json};
use support::text::{answer, of_world, transform, transform_around, with_instances};
use support::{Node, attachment, component, object};

const PLUGIN: &str = r#"{"type":"bridge","mtu":1500}"#;

/// What a module may use beyond its limit until it is stopped.
const OVERRUN: Duration = Duration::from_millis(50);

/// A call of the module in a sandbox, and the CPU time that it took.
fn call(sandbox: &Sandbox) -> (Result<Transformed, multus_wasm::ModuleError>, Duration) {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let began = now();
    let answer = sandbox.transform("rogue", &attachment(), &object(PLUGIN));
    (answer, now() - began)
}

fn refused(what: &str, component: &[u8], limits: &serde_json::Value, expected: &str) {
    let node = Node::with("rogue", Role::Transform, component, &json!({"limits": limits}));
    let limit = node.sandbox().catalog().modules["rogue"].limits.timeout;
    let sandbox = node.sandbox();
    // The first one loads it as well.
    for round in 0..2 {
        let (answer, used) = call(&sandbox);
        let error = answer.unwrap_err();
        println!("{what}: {error} ({used:?})");
        assert!(error.to_string().starts_with(&format!("module rogue: {expected}")), "{what}: {error}");
        assert_eq!(error.code(), 100, "{what}: {error}");
        assert!(round == 0 || used <= limit + OVERRUN, "{what}: {used:?} of {limit:?}");
    }
}

const TOO_MUCH: &str = "it crashed: too much data is being copied between the host and the guest";
const NOTHING: &str = "(i32.const 1024)";
const FOR_EVER: &str = "(loop $on (br $on)) (unreachable)";

/// Stopped by the clock, wherever they are.
#[test]
fn whoever_takes_time_is_stopped_wherever_that_is() {
    let good = answer("{}", 2);
    let asked = "(func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)";
    let after = "(func (export \"cabi_post_multus:delegate/transform@0.1.0#transform\") (param i32)";
    let rows = [
        ("in its function", transform("", FOR_EVER)),
        ("in its start function", transform("(func $first (loop $on (br $on))) (start $first)", NOTHING)),
        (
            "while it is given its arguments",
            transform_around(&format!("(memory (export \"memory\") 2) {asked} {FOR_EVER})"), NOTHING),
        ),
        ("after its answer", transform(&format!("{good} {after} {FOR_EVER})"), NOTHING)),
        (
            "moving all its memory",
            transform(
                "",
                "(drop (memory.grow (i32.const 200)))
                 (loop $on (memory.copy (i32.const 64) (i32.const 0) (i32.const 13000000)) (br $on)) (unreachable)",
            ),
        ),
        (
            "asking for what it does not get",
            transform("(table $t 1 funcref)", "(loop $on (drop (memory.grow (i32.const 0))) (br $on)) (unreachable)"),
        ),
        ("saying nothing without end", transform("", "(loop $on (call $log (i32.const 0) (i32.const 0) (i32.const 0)) (br $on)) (unreachable)")),
        (
            "calling itself in place",
            transform("(func $again (result i32) (return_call $again))", "(call $again)"),
        ),
    ];
    for (what, component) in rows {
        refused(what, &component, &json!({"timeout": "60ms"}), "time limit of 60 ms reached");
    }
}

#[test]
fn whoever_takes_space_is_refused_it() {
    let memory = "memory limit of 16 MiB reached";
    let table = "limit of 200000 table elements reached";
    let good = transform(&answer("{}", 2), NOTHING);
    let asked = "(func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)";
    let grow = "(loop $on (br_if $on (i32.ne (i32.const -1)";
    let rows = [
        (
            "a memory that grows",
            transform("", &format!("{grow} (memory.grow (i32.const 1))))) (unreachable)")),
            memory,
        ),
        (
            "a memory that is large from the start",
            transform_around(&format!("(memory (export \"memory\") 60000) {asked} (i32.const 8))"), NOTHING),
            memory,
        ),
        (
            "a table that grows",
            transform(
                "(table $t 1 funcref)",
                &format!("{grow} (table.grow $t (ref.null func) (i32.const 9))))) (unreachable)"),
            ),
            table,
        ),
        ("a table that is large from the start", transform("(table 300000 funcref)", NOTHING), table),
        (
            "tables that are large together",
            transform("(table 150000 funcref) (table 60000 funcref)", NOTHING),
            table,
        ),
        ("many small memories", with_instances(&good, "(module (memory 16))", 25), memory),
        (
            "many instances",
            with_instances(&good, "(module)", 40),
            "limit of 32 instances reached: build it of fewer parts",
        ),
        (
            "many tables",
            transform(&"(table 1 funcref)".repeat(40), NOTHING),
            "limit of 32 tables reached: build it of fewer parts",
        ),
        (
            "many empty memories",
            with_instances(&good, "(module (memory 0))", 40),
            "limit of 32 instances reached: build it of fewer parts",
        ),
        (
            "a call in a call in a call",
            transform("(func $deeper (result i32) (i32.add (i32.const 1) (call $deeper)))", "(call $deeper)"),
            "call stack of 512 KiB exhausted",
        ),
    ];
    for (what, component, expected) in rows {
        refused(what, &component, &json!({"timeout": "5s"}), expected);
    }
    assert!(peak() < 512 << 20, "{} bytes", peak());
}

/// Bytes of memory that this process has had at once.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn whatever_is_no_answer_is_none() {
    let gigabyte = "(drop (memory.grow (i32.const 16000)))";
    let big = 1_000_000_000;
    let (long_text, long_line) = (
        format!("{gigabyte} {NOTHING}"),
        format!("{gigabyte} (call $log (i32.const 0) (i32.const 0) (i32.const {big})) {NOTHING}"),
    );
    let line = "(call $log (i32.const 0) (i32.const 2048) (i32.const 1)) (i32.const 1024)";
    let level = "(call $log (i32.const 9) (i32.const 2048) (i32.const 1)) (i32.const 1024)";
    let unusable = "its answer is no usable configuration: ";
    let rows = [
        (
            "no UTF-8",
            answer("\\ff\\fe{}", 4),
            NOTHING,
            "it crashed: invalid utf-8 sequence of 1 bytes from index 0",
        ),
        (
            "half a letter",
            answer("{}\\c3", 3),
            NOTHING,
            "it crashed: incomplete utf-8 byte sequence from index 2",
        ),
        ("no JSON", answer("{'mtu': 1}", 10), NOTHING, unusable),
        ("nothing", answer("", 0), NOTHING, unusable),
        ("a list", answer("[]", 2), NOTHING, unusable),
        ("two values", answer("{} {}", 5), NOTHING, unusable),
        (
            "no such case",
            "(data (i32.const 1024) \"\\07\")".to_owned(),
            NOTHING,
            "it crashed: invalid expected discriminant",
        ),
        (
            "at no place",
            String::new(),
            "(i32.const 0x7fffff00)",
            "it crashed: pointer out of bounds of memory",
        ),
        ("at an odd place", String::new(), "(i32.const 1025)", "it crashed: return pointer not aligned"),
        (
            "text beyond its memory",
            answer("", big),
            NOTHING,
            "it crashed: string pointer/length out of bounds of memory",
        ),
        ("a gigabyte of text", answer("", big), &long_text, TOO_MUCH),
        ("a gigabyte of log", String::new(), &long_line, TOO_MUCH),
        (
            "a line that is no UTF-8",
            "(data (i32.const 2048) \"\\ff\")".to_owned(),
            line,
            "it crashed: invalid utf-8 sequence of 1 bytes from index 0",
        ),
        ("no such level", String::new(), level, "it crashed: unexpected discriminant: 9"),
        (
            "a division by nothing",
            String::new(),
            "(i32.div_u (i32.const 1) (i32.const 0))",
            "it crashed: wasm trap: integer divide by zero",
        ),
        (
            "what lies beyond its memory",
            String::new(),
            "(i32.load (i32.const 0x7fffff00))",
            "it crashed: wasm trap: out of bounds memory access",
        ),
    ];
    for (what, data, body, expected) in rows {
        refused(what, &transform(&data, body), &json!({"timeout": "5s", "memory": "1Gi"}), expected);
    }
    assert!(peak() < 512 << 20, "{} bytes", peak());
}

/// The name is right, the types are not: it is refused when it is added, and what got past that is never called.
#[test]
fn other_types_behind_the_right_names_are_refused() {
    let core = r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
        (func (export "multus:delegate/transform@0.1.0#transform") (param i32 i32) (result i32) (i32.const 0)))"#;
    let wit =
        "package multus:delegate@0.1.0; interface transform { transform: func(plugin: string) -> string; }
        world other { export transform; }";
    let other = of_world(core, wit, "other");
    let node = Node::with("rogue", Role::Transform, &component("mtu"), &json!({"settings": {"mtu": 9000}}));
    let new = NewModule { name: "rogue", role: Role::Transform, component: &other, entry: &Map::new() };
    let before = node.catalog();
    let error = node.installation.add(&new).unwrap_err().to_string();
    assert!(error.starts_with("module rogue: its types are not those of a transform: "), "{error}");
    assert_eq!(node.catalog(), before);

    let artifact = compile_component(&other).unwrap();
    node.edit("rogue", &json!({"digest": Digest::of(&other).to_string()}));
    let lock = json!({"artifacts": [{
        "component": artifact.component.to_string(), "engine": multus_wasm::ENGINE_ID,
        "artifact": artifact.digest.to_string(), "size": artifact.bytes.len(),
    }]});
    fs::write(node.lock(), lock.to_string()).unwrap();
    let path = node.installation.cache_dir.join(format!("{}.cwasm", artifact.digest.hex()));
    fs::write(path, &artifact.bytes).unwrap();
    let (answer, _) = call(&node.sandbox());
    let error = answer.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        (
            "module rogue: its functions are not those of a transform (expected 3-tuple, found 1-tuple): build it for the \
             interface multus:delegate/transform@0.1.0",
            7
        )
    );
}

/// A limit of one call is none of the next, and not of the module beside it: in one sandbox, one after the other.
#[test]
fn one_process_goes_on_after_all_of_them() {
    let grow = "(loop $on (br_if $on (i32.ne (i32.const -1) (memory.grow (i32.const 1))))) (unreachable)";
    let table =
        "(loop $on (br_if $on (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 9)))))";
    let rogues = [
        ("loops", transform("", FOR_EVER), "time limit of 60 ms"),
        ("grows", transform("", grow), "memory limit of 16 MiB"),
        ("lists", transform("(table $t 1 funcref)", &format!("{table} (unreachable)")), "table elements"),
        ("recurs", transform("(func $again (result i32) (call $again))", "(call $again)"), "call stack of"),
        ("crashes", transform("", "(unreachable)"), "it crashed"),
        ("lies", transform(&answer("nonsense", 8), NOTHING), "its answer is no usable configuration"),
    ];
    let fine = transform(&answer("{\\22type\\22:\\22bridge\\22,\\22mtu\\22:1500}", 28), NOTHING);
    let node = Node::with("fine", Role::Transform, &fine, &json!({}));
    let limits = json!({"limits": {"timeout": "60ms"}});
    for (name, component, _) in &rogues {
        let entry = limits.as_object().unwrap();
        node.installation.add(&NewModule { name, role: Role::Transform, component, entry }).unwrap();
    }
    let sandbox = node.sandbox();
    for _ in 0..3 {
        for (name, _, expected) in &rogues {
            let error = sandbox.transform(name, &attachment(), &object(PLUGIN)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            sandbox.transform("fine", &attachment(), &object(PLUGIN)).unwrap();
        }
    }
}
