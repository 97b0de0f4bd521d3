//! Installing modules: what is checked, what is written, and in which order.

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
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use multus_compile::{InstallError, NewModule, check_role, compile_component};
use multus_wasm::{Catalog, Digest, Role};
use serde_json::{Map, Value, json};
use support::text::wants_elsewhere;
use support::{Node, component, core_module};

/// What `mtu` can't do without.
static ENTRY: LazyLock<Map<String, Value>> =
    LazyLock::new(|| Map::from_iter([("settings".to_owned(), json!({"mtu": 9000}))]));

fn transform<'a>(name: &'a str, component: &'a [u8]) -> NewModule<'a> {
    NewModule { name, role: Role::Transform, component, entry: &ENTRY }
}

#[test]
fn a_module_is_installed_updated_and_found_again() {
    let node = Node::new();
    let (mtu, other) = (component("mtu"), component("hostile_transform"));
    let settings = json!({"mtu": 9000});
    let members = json!({"mayChange": ["/mtu"], "match": {"types": ["bridge"]}, "settings": settings});
    let new = NewModule { entry: members.as_object().unwrap(), ..transform("jumbo", &mtu) };
    assert!(node.installation.add(&new).unwrap().fresh);
    let expected = json!({
        "modules": { "jumbo": {
            "role": "transform", "digest": Digest::of(&mtu).to_string(), "mayChange": ["/mtu"],
            "match": {"types": ["bridge"]}, "settings": {"mtu": 9000},
        } },
        "transforms": ["jumbo"],
    });
    assert_eq!(node.catalog(), expected);
    assert!(!node.installation.add(&new).unwrap().fresh, "nothing to do");

    node.installation.add(&transform("jumbo", &other)).unwrap();
    let module = Catalog::load(&node.installation.catalog).unwrap().modules["jumbo"].clone();
    assert_eq!(
        (module.digest, module.settings),
        (Digest::of(&other), settings),
        "the entry stays, the digest is new"
    );
    node.sandbox().check_artifacts().unwrap();
}

#[test]
fn what_is_written_can_be_trusted_whatever_the_umask() {
    let node = Node::with("jumbo", Role::Transform, &component("mtu"), &json!({"settings": {"mtu": 9000}}));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&node.artifact()), 0o600);
    assert_eq!(mode(&node.lock()), 0o644);
    assert_eq!(mode(&node.installation.catalog), 0o644);
}

#[test]
fn compiling_all_mends_what_is_missing_or_changed_and_nothing_else() {
    let node = Node::with("jumbo", Role::Transform, &component("mtu"), &json!({"settings": {"mtu": 9000}}));
    assert!(!node.installation.compile_all().unwrap()[0].fresh);
    fs::write(node.artifact(), "tampered").unwrap();
    assert!(node.installation.compile_all().unwrap()[0].fresh);
    node.sandbox().check_artifacts().unwrap();
}

#[test]
fn one_module_that_cannot_be_compiled_does_not_stop_the_others() {
    let node = Node::with("a-gone", Role::Transform, &component("hostile_transform"), &json!({}));
    node.installation.add(&transform("jumbo", &component("mtu"))).unwrap();
    fs::remove_dir_all(&node.installation.cache_dir).unwrap();
    let gone = Digest::of(&component("hostile_transform"));
    fs::remove_file(node.installation.module_dir.join(format!("{}.wasm", gone.hex()))).unwrap();
    let errors = node.installation.compile_all().unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let status = node.sandbox().check_artifacts().unwrap_err();
    let names: Vec<&str> = status.iter().map(|error| error.module.as_str()).collect();
    assert_eq!(names, ["a-gone"]);
}

#[test]
fn what_is_no_component_of_the_role_never_gets_into_the_catalog() {
    let (mtu, policy, foreign) = (component("mtu"), component("hostile_policy"), wants_elsewhere());
    let compiled = compile_component(&mtu).unwrap().bytes;
    let no_export = "it does not export multus:delegate/transform@0.1.0, which a transform needs";
    let rows: [(&[u8], &str); 6] = [
        (&core_module("mtu"), "module x: this is a core module, not a component"),
        (&compiled, "module x: this is compiled code, not a component"),
        (b"", "module x: this is no WebAssembly at all"),
        (b"\0asm\x0d\0\x01\0\xff", "module x: it cannot be read"),
        (&policy, no_export),
        (&foreign, "it imports wasi:keyvalue/store@0.2.0, which a transform is not given"),
    ];
    for (bytes, expected) in rows {
        let node = Node::new();
        let error = node.installation.add(&transform("x", bytes)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!node.installation.catalog.exists() && !node.installation.module_dir.exists(), "{expected}");
    }
}

#[test]
fn all_misfits_are_named() {
    let misfits = check_role(&wants_elsewhere(), Role::Policy).unwrap_err();
    assert_eq!(misfits.0.len(), 2, "{misfits}");
    check_role(&component("tenant_guard"), Role::Policy).unwrap();
    check_role(&component("mtu"), Role::Transform).unwrap();
}

#[test]
fn names_are_checked_before_anything_is_compiled() {
    let node =
        Node::with("guard", Role::Policy, &component("tenant_guard"), &json!({"settings": {"tenants": {}}}));
    let mtu = component("mtu");
    let error = node.installation.add(&transform("guard", &mtu)).unwrap_err();
    assert!(matches!(error, InstallError::OtherRole { found: Role::Policy, .. }), "{error}");
    let error = node.installation.add(&transform("../x", &mtu)).unwrap_err();
    assert!(error.to_string().contains("`../x` is no module name"), "{error}");
    fs::write(&node.installation.catalog, "{ # notes").unwrap();
    let error = node.installation.add(&transform("jumbo", &mtu)).unwrap_err();
    assert!(error.to_string().contains("JSON has no comments"), "{error}");
    assert_eq!(fs::read_to_string(&node.installation.catalog).unwrap(), "{ # notes");
}

#[test]
fn two_installations_at_once_keep_both_entries() {
    let node = Node::new();
    let mtu = component("mtu");
    let names: Vec<String> = (0..4).map(|number| format!("jumbo-{number}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| node.installation.add(&transform(name, &mtu)).unwrap());
        }
    });
    let catalog = Catalog::load(&node.installation.catalog).unwrap();
    assert_eq!(catalog.modules.keys().cloned().collect::<Vec<_>>(), names);
    node.sandbox().check_artifacts().unwrap();
}

#[test]
fn the_shipped_components_import_nothing_but_the_log() {
    for name in ["flannel", "mtu", "tenant_guard"] {
        let decoded = wit_component::decode(&component(name)).unwrap();
        let wit_component::DecodedWasm::Component(resolve, world) = decoded else { panic!("a WIT package") };
        let mut imports: Vec<String> =
            resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key)).collect();
        // Which comes first is the linker's affair.
        imports.sort();
        assert_eq!(imports, ["multus:delegate/log@0.1.0", "multus:delegate/types@0.1.0"], "{name}");
    }
}
