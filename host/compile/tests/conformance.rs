//! One component a role uses every function of the interface: whoever adds one adds it there as well. That each is called, and
//! what comes of it, is in `delegates.rs` and `described.rs`.

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

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use support::component;
use wit_parser::{Resolve, WorldId, WorldItem};

/// The component of each role, and the worlds that have what there is for it.
const COMPONENTS: [(&str, &[&str]); 3] = [
    ("changes_everything", &["transform-module", "described-part"]),
    ("judges_everything", &["policy-module", "described-part"]),
    ("calls_everything", &["lifecycle-module", "described-part"]),
];

fn sdk(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk").join(name)
}

/// `network.[method]netns.path` and all others that a world imports or exports.
fn functions(resolve: &Resolve, world: WorldId) -> BTreeSet<String> {
    let world = &resolve.worlds[world];
    let mut functions = BTreeSet::new();
    for item in world.imports.values().chain(world.exports.values()) {
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap();
        functions.extend(interface.functions.keys().map(|function| format!("{name}.{function}")));
    }
    functions
}

/// What is in the component itself: an import that its code never calls is not.
fn used_by(name: &str) -> BTreeSet<String> {
    let decoded = wit_component::decode(&component(name)).unwrap();
    let wit_component::DecodedWasm::Component(resolve, world) = decoded else { panic!("a WIT package") };
    functions(&resolve, world)
}

#[test]
fn the_component_of_each_role_uses_all_that_there_is_for_it() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(sdk("wit")).unwrap();
    for (name, worlds) in COMPONENTS {
        let worlds = worlds.iter().map(|world| resolve.select_world(&[package], Some(world)).unwrap());
        let there: BTreeSet<String> = worlds.flat_map(|world| functions(&resolve, world)).collect();
        let used = used_by(name);
        let missing: Vec<&String> = there.difference(&used).collect();
        assert!(missing.is_empty(), "have guest-sdk/conformance/examples/{name}.rs use {missing:?}");
        assert_eq!(used, there, "{name}");
    }
}

#[test]
fn every_function_of_the_snapshot_is_used_by_one_of_them() {
    let text = fs::read_to_string(sdk("interface.snapshot")).unwrap();
    // `interface.name(…) -> …`; types have a colon there, and worlds no dot.
    let named = text.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name);
    let there: BTreeSet<String> =
        named.filter(|name| name.contains('.') && !name.contains(' ')).map(str::to_owned).collect();
    assert!(there.len() > 60, "{there:?}");
    let used: BTreeSet<String> = COMPONENTS.iter().flat_map(|(name, _)| used_by(name)).collect();
    assert_eq!(used, there);
}
