//! Components that no compiler would make, written as text.

use std::path::Path;

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What a component needs around the code that is tried: memory, and a place for what it is given.
const AROUND: &str = r#"
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 4096))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
"#;

/// A transform whose function has this body: it takes a pointer to what it is given and answers with one, to a
/// `result<string, failure>`. Further definitions stand before it.
pub fn transform(definitions: &str, body: &str) -> Vec<u8> {
    transform_around(&format!("{AROUND}{definitions}"), body)
}

/// The same with a memory and a `cabi_realloc` of its own.
pub fn transform_around(definitions: &str, body: &str) -> Vec<u8> {
    let name = "multus:delegate/transform@0.1.0#transform";
    let text = format!(
        "(module (import \"multus:delegate/log@0.1.0\" \"log\" (func $log (param i32 i32 i32)))
         {definitions} (func (export \"{name}\") (param $given i32) (result i32) {body}))"
    );
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/wit");
    let (package, _) = resolve.push_dir(&wit).unwrap();
    component(&text, &resolve, package, "transform-module")
}

/// A component that is no module and wants what no module is given.
pub fn wants_elsewhere() -> Vec<u8> {
    let core = r#"(module (import "wasi:keyvalue/store@0.2.0" "open" (func (result i32))))"#;
    let wit = "package test:test; world curious { import wasi:keyvalue/store@0.2.0; }
        package wasi:keyvalue@0.2.0 { interface store { open: func() -> u32; } }";
    of_world(core, wit, "curious")
}

/// A component for a world of its own.
pub fn of_world(text: &str, wit: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("its.wit", wit).unwrap();
    component(text, &resolve, package, world)
}

fn component(text: &str, resolve: &Resolve, package: wit_parser::PackageId, world: &str) -> Vec<u8> {
    let mut core = wat::parse_str(text).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut core, resolve, world, StringEncoding::UTF8, false).unwrap();
    multus_componentize::componentize(&core).unwrap()
}

/// An answer at 1024 that says it went well, and whose text stands there.
pub fn answer(bytes: &str, length: u32) -> String {
    let case = format!("(data (i32.const 1024) \"\\00\\00\\00\\00\\00\\08\\00\\00{}\")", little(length));
    format!("{case} (data (i32.const 2048) \"{bytes}\")")
}

fn little(number: u32) -> String {
    number.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// The component, with so many instances of a further core module that nobody asked for.
pub fn with_instances(component: &[u8], module: &str, count: u8) -> Vec<u8> {
    use wasmparser::{Parser, Payload};
    let mut depth = 0;
    let mut modules = 0_u8;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } if depth == 1 => modules += 1,
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    let instances = [&[count][..], &[0, modules, 0].repeat(count.into())].concat();
    [component.to_vec(), section(1, &wat::parse_str(module).unwrap()), section(2, &instances)].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    assert!(length < 1 << 14);
    [&[id, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8], content].concat()
}
