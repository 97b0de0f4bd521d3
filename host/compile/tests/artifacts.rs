//! Only the code that was compiled here is ever loaded.

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

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use multus_compile::{InstallError, NewModule, compile_component};
use multus_wasm::{Catalog, Digest, Fault, Lock, Role, Sandbox, engine_config};
use nix::unistd::geteuid;
use serde_json::json;
use support::text::wants_elsewhere;
use support::{Node, attachment, component, object};

#[test]
fn an_authentic_artifact_runs() {
    let node = Node::with_jumbo();
    node.sandbox().check_artifacts().unwrap();
    node.sandbox().transform("jumbo", &attachment(), &object("{}")).unwrap();
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let node = Node::with_jumbo();
    let artifact = node.artifact();
    let good = fs::read(&artifact).unwrap();
    for place in [0, good.len() / 3, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        fs::write(&artifact, bad).unwrap();
        let error = node.refusal();
        assert!(matches!(*error.fault, Fault::Tampered { .. }), "{error}");
        assert!(error.to_string().contains("its content is not sha256:"), "{error}");
    }
    fs::write(&artifact, &good[..good.len() - 1]).unwrap();
    assert!(node.refusal().to_string().contains("bytes, modules.lock says"));
}

#[test]
fn a_missing_artifact_names_the_command_that_mends_it() {
    let node = Node::with_jumbo();
    fs::remove_file(node.artifact()).unwrap();
    let error = node.refusal();
    assert!(matches!(*error.fault, Fault::NoArtifact { .. }), "{error}");
    assert!(error.to_string().ends_with("is missing): run `multusctl module compile --all`"), "{error}");
    node.installation.compile_all().unwrap();
    node.sandbox().check_artifacts().unwrap();

    fs::remove_file(node.lock()).unwrap();
    assert!(node.refusal().to_string().contains("modules.lock has none for engine"));
}

#[test]
fn what_others_could_have_written_is_refused() {
    let node = Node::with_jumbo();
    let (artifact, lock, catalog) = (node.artifact(), node.lock(), node.installation.catalog.clone());
    fs::set_permissions(&artifact, Permissions::from_mode(0o620)).unwrap();
    assert!(node.refusal().to_string().contains("its mode 0620 lets others write it"));
    fs::set_permissions(&artifact, Permissions::from_mode(0o600)).unwrap();

    fs::set_permissions(&lock, Permissions::from_mode(0o646)).unwrap();
    let error = Lock::load(&lock).unwrap_err();
    assert!(error.to_string().contains("modules.lock: its mode 0646 lets others write it"), "{error}");
    fs::set_permissions(&catalog, Permissions::from_mode(0o664)).unwrap();
    let words = "catalog.json: its mode 0664 lets others write it";
    let error = Catalog::load(&catalog).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    // What somebody put in it would be ours from then on.
    fs::set_permissions(&lock, Permissions::from_mode(0o644)).unwrap();
    let before = fs::read(&catalog).unwrap();
    let (entry, mtu) = (serde_json::Map::new(), component("mtu"));
    let module = NewModule { name: "more", role: Role::Transform, component: &mtu, entry: &entry };
    let error = node.installation.add(&module).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    let error = node.installation.remove("jumbo").unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(fs::read(&catalog).unwrap(), before);
}

#[test]
fn a_catalog_behind_a_link_is_where_the_link_leads() {
    let node = Node::with_jumbo();
    let catalog = node.installation.catalog.clone();
    let elsewhere = node.installation.cache_dir.parent().unwrap().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(&catalog, elsewhere.join("catalog.json")).unwrap();
    symlink(elsewhere.join("catalog.json"), &catalog).unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o755)).unwrap();
    Catalog::load(&catalog).unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o777)).unwrap();
    let error = Catalog::load(&catalog).unwrap_err();
    assert!(error.to_string().contains("elsewhere: its mode 0777 lets others write it"), "{error}");
}

#[test]
fn what_belongs_to_somebody_else_is_refused() {
    if !geteuid().is_root() {
        println!("SKIPPED: giving a file to another user takes root");
        return;
    }
    let node = Node::with_jumbo();
    let (artifact, catalog) = (node.artifact(), node.installation.catalog.clone());
    if chown(&artifact, Some(1), None).is_err() {
        println!("SKIPPED: there is only one user in this namespace");
        return;
    }
    assert!(node.refusal().to_string().contains("it belongs to user 1; it has to belong to root"));
    chown(&catalog, Some(1), None).unwrap();
    assert!(Catalog::load(&catalog).unwrap_err().to_string().contains("it belongs to user 1"));
}

#[test]
fn links_and_directories_are_no_artifacts() {
    let node = Node::with_jumbo();
    let artifact = node.artifact();
    let elsewhere = node.directory.path().join("elsewhere");
    fs::rename(&artifact, &elsewhere).unwrap();
    symlink(&elsewhere, &artifact).unwrap();
    assert!(node.refusal().to_string().contains("it is a symbolic link"));
    fs::remove_file(&artifact).unwrap();
    fs::create_dir(&artifact).unwrap();
    assert!(node.refusal().to_string().contains("it is not a regular file"));
}

#[test]
fn another_digest_in_the_catalog_is_another_component() {
    let node = Node::with_jumbo();
    node.edit("jumbo", &json!({"digest": Digest::of(b"another").to_string()}));
    assert!(matches!(*node.refusal().fault, Fault::NoArtifact { .. }));
    let errors = node.installation.compile_all().unwrap_err();
    assert!(errors[0].to_string().starts_with("cannot read "), "{}", errors[0]);
}

#[test]
fn a_component_that_was_changed_on_disk_is_not_compiled() {
    let node = Node::with_jumbo();
    fs::remove_file(node.artifact()).unwrap();
    let digest = Digest::of(&component("mtu"));
    let file = node.installation.module_dir.join(format!("{}.wasm", digest.hex()));
    fs::write(file, component("hostile_transform")).unwrap();
    let errors = node.installation.compile_all().unwrap_err();
    assert!(
        matches!(errors[0], InstallError::OtherContent { wanted, .. } if wanted == digest),
        "{}",
        errors[0]
    );
}

/// An authentic lock with an artifact that this engine did not make: what a patch release without a new
/// engine id would look like.
#[test]
fn an_artifact_of_another_engine_is_not_loaded() {
    let node = Node::with_jumbo();
    let mut config = engine_config();
    config.module_version(wasmtime::ModuleVersionStrategy::Custom("48.0.0+multus.1".into())).unwrap();
    let engine = wasmtime::Engine::new(&config).unwrap();
    let foreign = engine.precompile_component(&component("mtu")).unwrap();
    install_artifact(&node, &foreign);
    let error = node.sandbox().transform("jumbo", &attachment(), &object("{}")).unwrap_err();
    assert!(matches!(*error.fault, Fault::Unusable { .. }), "{error}");
    assert!(
        error.to_string().contains("48.0.0+multus.1") && error.to_string().contains("module compile --all")
    );
}

/// Each feature of a processor that compiled code may use stands in it by name, and whether it does.
fn features(artifact: &[u8]) -> Vec<(String, bool)> {
    let starts = artifact.windows(4).enumerate().filter(|(_, window)| *window == b"has_");
    let read = |(start, _)| {
        let text = &artifact[start..];
        let end = text.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))?;
        let name = String::from_utf8(text[..end].to_vec()).unwrap();
        (text.get(end) == Some(&2)).then(|| (name, text[end + 1] == 1))
    };
    starts.filter_map(read).collect()
}

#[test]
fn an_artifact_runs_on_every_processor_of_its_architecture() {
    let component = component("mtu");
    let here = wasmtime::Engine::new(&engine_config()).unwrap().precompile_component(&component).unwrap();
    let known = features(&here);
    assert!(known.len() > 2, "no features of processors were found: {known:?}");
    if cfg!(target_arch = "x86_64") {
        assert!(
            known.iter().any(|(_, used)| *used),
            "this processor has something beyond the first of its kind"
        );
    }
    let ours = features(&compile_component(&component).unwrap().bytes);
    assert_eq!(ours.len(), known.len());
    let wanted: Vec<&String> = ours.iter().filter(|(_, used)| *used).map(|(name, _)| name).collect();
    assert!(wanted.is_empty(), "it wants {wanted:?}");
}

#[test]
fn what_got_past_the_installation_is_refused_at_load() {
    let rows = [
        (
            wants_elsewhere(),
            "module jumbo: it imports wasi:keyvalue/store@0.2.0, which a transform is not given",
        ),
        (component("hostile_policy"), "module jumbo: it does not export multus:delegate/transform@0.1.0"),
    ];
    for (component, expected) in rows {
        let node = Node::with_jumbo();
        node.edit("jumbo", &json!({"digest": Digest::of(&component).to_string()}));
        let artifact = compile_component(&component).unwrap();
        let mut lock: serde_json::Value = serde_json::from_slice(&fs::read(node.lock()).unwrap()).unwrap();
        lock["artifacts"][0]["component"] = artifact.component.to_string().into();
        fs::write(node.lock(), lock.to_string()).unwrap();
        install_artifact(&node, &artifact.bytes);
        let error = node.sandbox().transform("jumbo", &attachment(), &object("{}")).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(error.code(), 7);
    }
}

/// Puts another artifact in the place of the only one, with a lock that agrees.
fn install_artifact(node: &Node, bytes: &[u8]) {
    let mut lock: serde_json::Value = serde_json::from_slice(&fs::read(node.lock()).unwrap()).unwrap();
    let digest = Digest::of(bytes);
    lock["artifacts"][0]["artifact"] = digest.to_string().into();
    lock["artifacts"][0]["size"] = bytes.len().into();
    fs::write(node.lock(), lock.to_string()).unwrap();
    let path = node.installation.cache_dir.join(format!("{}.cwasm", digest.hex()));
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_lock_that_is_broken_or_of_another_form_is_an_error_with_its_remedy() {
    let node = Node::with_jumbo();
    for text in ["", "{", "[]", r#"{"artifacts":[{}]}"#, r#"{"artifacts":[],"more":1}"#] {
        fs::write(node.lock(), text).unwrap();
        let catalog = Catalog::load(&node.installation.catalog).unwrap();
        let error = Sandbox::open(catalog, &node.lock(), &node.installation.cache_dir).unwrap_err();
        assert!(error.to_string().contains("multusctl module compile --all"), "{error}");
        assert_eq!(error.code(), 50, "the node is not ready");
        node.installation.compile_all().unwrap();
        node.sandbox().check_artifacts().unwrap();
    }
    let empty = Sandbox::open(Catalog::default(), &node.lock(), &node.installation.cache_dir).unwrap();
    empty.check_artifacts().unwrap();
}
