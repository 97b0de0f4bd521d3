//! Compiling what somebody else wrote: within limits, in a child, and nothing is left of what fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod module;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use module::{Node, Said, multusctl, shipped};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

/// A core module of so many functions that multiply their argument so many times.
fn giant(functions: usize, length: usize) -> Vec<u8> {
    let body = [&[0][..], &b"\x20\x00\x41\x07\x6c\x21\x00".repeat(length), b"\x20\x00\x0b"].concat();
    let code = [leb(functions), [leb(body.len()), body].concat().repeat(functions)].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, b"\x01\x60\x01\x7f\x01\x7f"),
        section(3, &[leb(functions), vec![0; functions]].concat()),
        section(10, &code),
    ];
    module.concat()
}

/// A transform like any other, but for what else is in it.
fn transform_with(node: &Node, module: &[u8]) -> PathBuf {
    let component = [fs::read(shipped("mtu")).unwrap(), section(1, module)].concat();
    let path = node.path("rogue.wasm");
    fs::write(&path, component).unwrap();
    path
}

const ADD: [&str; 5] = ["--yes", "--name", "rogue", "--may-change", "/mtu"];

#[track_caller]
fn is_untouched(node: &Node) {
    let left = [node.files("modules"), node.files("cache")].concat();
    assert!(left.is_empty(), "{left:?}");
    assert!(!node.path("catalog.json").exists() && !node.path("modules.lock").exists());
}

#[test]
fn what_takes_too_much_to_compile_is_refused_and_leaves_nothing() {
    let node = Node::new();
    let rows = [
        ("one function without end", giant(1, 400_000), "--compile-memory", "128Mi", "128 MiB of memory"),
        ("functions without number", giant(60_000, 2), "--compile-memory", "96Mi", "96 MiB of memory"),
        ("functions without number", giant(60_000, 2), "--compile-time", "1s", "1 s of CPU time"),
    ];
    for (what, module, option, limit, words) in rows {
        let component = transform_with(&node, &module);
        let said = node.add(&component, &[&ADD[1..], &[option, limit]].concat());
        let raise = format!("raise that with {option}");
        said.refused(&["module rogue: compiling it takes more than", words, &raise]);
        println!("{what}: {words}");
        is_untouched(&node);
    }
    node.add(&transform_with(&node, &giant(10, 10)), &ADD[1..]).well().has(&["rogue", "compiled"]);
}

#[test]
fn an_update_that_fails_leaves_the_module_as_it_was() {
    let node = Node::new();
    node.add(&shipped("mtu"), &ADD[1..]).well();
    let (before, files) = (node.catalog(), [node.files("modules"), node.files("cache")]);
    let component = transform_with(&node, &giant(1, 400_000));
    node.add(&component, &["--name", "rogue", "--compile-memory", "128Mi"]).refused(&["128 MiB of memory"]);
    assert_eq!((node.catalog(), [node.files("modules"), node.files("cache")]), (before, files));
    node.module(&["verify"]).well();
}

#[test]
fn one_module_that_takes_too_much_does_not_stop_the_others() {
    let node = Node::new();
    node.add(&transform_with(&node, &giant(1, 150_000)), &ADD[1..]).well();
    node.add(&shipped("tenant-guard"), &[]).well();
    fs::remove_dir_all(node.path("cache")).unwrap();
    let compile = ["compile", "--all", "--compile-memory", "80Mi"];
    node.module(&compile)
        .refused(&["module rogue: compiling it takes more than 80 MiB of memory", "1 module"]);
    assert_eq!(node.files("cache").len(), 1);
    node.module(&["verify", "rogue"]).refused(&["multusctl module compile --all"]);
    node.module(&["compile", "--all"]).well();
    node.module(&["verify"]).well();
}

/// The tool at work on a component that keeps it busy, and the child that compiles it.
fn compiling(node: &Node) -> (Child, Pid) {
    let component = transform_with(node, &giant(100_000, 20));
    let mut command = node.command(&["add", component.to_str().unwrap()]);
    command.args(ADD).env("SECRET", "of the operator");
    let tool = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let child = until(|| children(tool.id()).pop()).expect("a child that compiles");
    // What it gives up last.
    assert!(
        until(|| has_limit(child, "Max open files", "0").then_some(true))
            .is_some_and(|restricted| restricted)
    );
    (tool, child)
}

/// Asks until there is an answer, for as long as any machine may need.
fn until<T>(mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let enough = Instant::now() + Duration::from_secs(60);
    while Instant::now() < enough {
        if let Some(found) = answer() {
            return Some(found);
        }
        sleep(Duration::from_millis(2));
    }
    None
}

fn children(parent: u32) -> Vec<Pid> {
    let numbers = fs::read_dir("/proc").unwrap().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter(|number| parent_of(*number) == Some(parent)).map(Pid::from_raw).collect()
}

fn parent_of(process: i32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it can hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn of_process(process: Pid, file: &str) -> String {
    fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default()
}

fn has_limit(process: Pid, name: &str, soft: &str) -> bool {
    let limits = of_process(process, "limits");
    let line = limits.lines().find_map(|line| line.strip_prefix(name));
    line.is_some_and(|line| line.split_whitespace().next() == Some(soft))
}

#[test]
fn a_child_that_is_killed_is_said_and_leaves_nothing() {
    let node = Node::new();
    let (tool, child) = compiling(&node);
    kill(child, Signal::SIGKILL).unwrap();
    let said = Said::of(tool.wait_with_output().unwrap());
    said.refused(&["module rogue: its compiler was killed from outside", "try again"]);
    is_untouched(&node);
}

#[test]
fn the_child_has_what_it_needs_and_dies_with_its_parent() {
    let node = Node::new();
    let (mut tool, child) = compiling(&node);
    for (limit, soft) in
        [("Max cpu time", "60"), ("Max address space", "2147483648"), ("Max core file size", "0")]
    {
        assert!(has_limit(child, limit, soft), "{limit}: {}", of_process(child, "limits"));
    }
    assert_eq!(of_process(child, "environ"), "");
    assert!(of_process(child, "status").contains("NoNewPrivs:\t1"));
    let open = fs::read_dir(format!("/proc/{child}/fd")).unwrap().flatten();
    let mut open: Vec<String> = open.map(|entry| entry.file_name().into_string().unwrap()).collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);
    tool.kill().unwrap();
    tool.wait().unwrap();
    let ended =
        || (parent_of(child.as_raw()).is_none() || of_process(child, "cmdline").is_empty()).then_some(());
    assert!(until(ended).is_some(), "it compiles for nobody");
    is_untouched(&node);
}

#[test]
fn a_component_is_bounded_before_anybody_looks_into_it() {
    let node = Node::new();
    let path = node.path("huge.wasm");
    File::create(&path).unwrap().set_len((64 << 20) + 1).unwrap();
    let too_large = "it has more than the 64 MiB that a component may have";
    node.add(&path, &ADD[1..]).refused(&[too_large]);
    inspect(&node, &path).refused(&[too_large]);
    is_untouched(&node);
}

fn inspect(node: &Node, path: &Path) -> Said {
    multusctl(node.folder.path(), &["module", "inspect", path.to_str().unwrap()])
}

/// A component that imports a function whose argument's type is made of the one before, so many times.
fn nested(times: usize, wrap: fn(usize) -> Vec<u8>) -> Vec<u8> {
    let types: Vec<u8> = (0..times).flat_map(wrap).collect();
    let function = [b"\x40\x01\x01x".to_vec(), signed(times), b"\x01\x00".to_vec()].concat();
    let types = [leb(times + 2), b"\x7d".to_vec(), types, function].concat();
    let import = [b"\x01\x00\x01f\x01".to_vec(), leb(times + 1)].concat();
    [b"\0asm\x0d\0\x01\0".to_vec(), section(7, &types), section(10, &import)].concat()
}

/// A type's number, which is written with a sign.
fn signed(number: usize) -> Vec<u8> {
    vec![(number & 0x7f) as u8 | 0x80, (number >> 7 & 0x7f) as u8 | 0x80, (number >> 14) as u8]
}

/// Types are read by this process itself.
#[test]
fn types_that_blow_up_are_refused_by_whoever_reads_them() {
    let node = Node::new();
    let option = |inner| [vec![0x6b], signed(inner)].concat();
    let pair = |inner| [vec![0x6f, 2], signed(inner), signed(inner)].concat();
    let rows =
        [(nested(100_000, option), "nesting is too deep"), (nested(64, pair), "type size exceeds the limit")];
    for (component, words) in rows {
        let path = node.path("nested.wasm");
        fs::write(&path, component).unwrap();
        inspect(&node, &path).refused(&["it cannot be read", words]);
        node.add(&path, &ADD[1..]).refused(&["it cannot be read", words]);
    }
    is_untouched(&node);
}
