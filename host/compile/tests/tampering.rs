//! Whatever is done to an artifact, its folder or the lock: it is not loaded, the error names the command that mends it,
//! and that command does.

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

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use multus_compile::NewModule;
use multus_wasm::{Digest, ENGINE_ID, Fault, Lock, Role, Sandbox, engine_config};
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use serde_json::{Value, json};
use support::{Node, attachment, component, object};
use wasmtime::{Config, Engine, ModuleVersionStrategy};

const COMMAND: &str = "run `multusctl module compile --all`";

#[track_caller]
fn works(node: &Node) {
    node.sandbox().check_artifacts().unwrap();
    node.sandbox().transform("jumbo", &attachment(), &object("{}")).unwrap();
}

#[track_caller]
fn is_mended_by_the_command(node: &Node) {
    node.installation.compile_all().unwrap();
    works(node);
}

/// A name, what is done, what the operator has to do beside running the command, and words of the error.
type Row = (&'static str, fn(&Node), fn(&Node), &'static str);

fn nothing(_: &Node) {}

fn edit(path: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    how(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn replace(node: &Node, with: impl FnOnce(&Path)) {
    let artifact = node.artifact();
    fs::rename(&artifact, node.directory.path().join("elsewhere")).unwrap();
    with(&artifact);
}

const FILES: &[Row] = &[
    ("gone", |node| fs::remove_file(node.artifact()).unwrap(), nothing, "is missing"),
    (
        "its folder gone",
        |node| fs::remove_dir_all(&node.installation.cache_dir).unwrap(),
        nothing,
        "is missing",
    ),
    ("empty", |node| edit(&node.artifact(), Vec::clear), nothing, "it has 0 bytes, modules.lock says"),
    (
        "cut in the middle of a page",
        |node| edit(&node.artifact(), |bytes| bytes.truncate(4096 * 3 + 17)),
        nothing,
        "it has 12305 bytes, modules.lock says",
    ),
    (
        "the last byte gone",
        |node| edit(&node.artifact(), |bytes| bytes.truncate(bytes.len() - 1)),
        nothing,
        "bytes, modules.lock says",
    ),
    (
        "one byte more",
        |node| edit(&node.artifact(), |bytes| bytes.push(0)),
        nothing,
        "bytes, modules.lock says",
    ),
    (
        "one page more",
        |node| edit(&node.artifact(), |bytes| bytes.resize(bytes.len() + 4096, 0)),
        nothing,
        "bytes, modules.lock says",
    ),
    ("zeros", |node| edit(&node.artifact(), |bytes| bytes.fill(0)), nothing, "its content is not sha256:"),
    (
        "breakpoints where code was",
        |node| edit(&node.artifact(), |bytes| bytes[4096..].fill(0xcc)),
        nothing,
        "its content is not sha256:",
    ),
    (
        "a symbolic link to the very same",
        |node| replace(node, |path| symlink("../elsewhere", path).unwrap()),
        nothing,
        "it is a symbolic link",
    ),
    (
        "a symbolic link to nowhere",
        |node| replace(node, |path| symlink("/nowhere", path).unwrap()),
        nothing,
        "it is a symbolic link",
    ),
    (
        "a hard link",
        |node| fs::hard_link(node.artifact(), node.directory.path().join("second")).unwrap(),
        nothing,
        "it is a hard link, 1 more of it are elsewhere",
    ),
    (
        "a pipe that nobody writes",
        |node| replace(node, |path| mkfifo(path, Mode::S_IRUSR).unwrap()),
        nothing,
        "it is not a regular file",
    ),
    (
        "a folder",
        |node| replace(node, |path| fs::create_dir(path).unwrap()),
        |node| fs::remove_dir(node.artifact()).unwrap(),
        "it is not a regular file",
    ),
    ("its group may write it", |node| mode(&node.artifact(), 0o620), nothing, "its mode 0620 lets others"),
    ("everybody may write it", |node| mode(&node.artifact(), 0o602), nothing, "its mode 0602 lets others"),
    (
        "the folder's group may write there",
        |node| mode(&node.installation.cache_dir, 0o775),
        |node| mode(&node.installation.cache_dir, 0o755),
        "its folder is not to be trusted: its mode 0775 lets others write it; remove that with `chmod go-w`",
    ),
    (
        "everybody may write in the folder",
        |node| mode(&node.installation.cache_dir, 0o1777),
        |node| mode(&node.installation.cache_dir, 0o755),
        "its folder is not to be trusted: its mode 1777 lets others write it",
    ),
];

#[test]
fn whatever_is_done_to_the_artifact_it_is_a_miss() {
    let node = Node::with_jumbo();
    for (what, spoil, further, words) in FILES {
        println!("{what}");
        works(&node);
        spoil(&node);
        let error = node.refusal();
        assert!(matches!(*error.fault, Fault::Tampered { .. } | Fault::NoArtifact { .. }), "{what}: {error}");
        let said = error.to_string();
        assert!(said.starts_with("module jumbo: ") && said.contains(words), "{what}: {said}");
        assert!(said.contains(COMMAND), "{what}: {said}");
        assert_eq!(error.code(), 50, "{what}: {said}");
        further(&node);
        is_mended_by_the_command(&node);
    }
}

#[test]
fn a_folder_that_others_may_write_is_not_mended_by_compiling_alone() {
    let node = Node::with_jumbo();
    mode(&node.installation.cache_dir, 0o777);
    let errors = node.installation.compile_all().unwrap_err();
    assert!(errors[0].to_string().contains("remove that with `chmod go-w`"), "{}", errors[0]);
    assert!(matches!(*node.refusal().fault, Fault::NoArtifact { .. } | Fault::Tampered { .. }));
    mode(&node.installation.cache_dir, 0o755);
    is_mended_by_the_command(&node);
}

#[test]
fn a_byte_flipped_in_any_page_is_a_miss() {
    let node = Node::with_jumbo();
    let artifact = node.artifact();
    let good = fs::read(&artifact).unwrap();
    let pages = good.len().div_ceil(4096);
    assert!(pages > 20, "{pages}");
    for page in 0..pages {
        let (start, end) = (page * 4096, good.len().min((page + 1) * 4096));
        // A place of its own in each page, the first and the last ones among them.
        let place = (start + page * 61 % 4096).min(end - 1);
        edit(&artifact, |bytes| bytes[place] ^= 1 << (page % 8));
        let error = node.refusal();
        assert!(matches!(*error.fault, Fault::Tampered { .. }), "page {page}, byte {place}: {error}");
        assert!(error.to_string().contains("its content is not sha256:"), "page {page}: {error}");
        fs::write(&artifact, &good).unwrap();
    }
    works(&node);
}

#[test]
fn two_modules_do_not_run_each_others_code() {
    let node = Node::with_jumbo();
    let first = node.artifact();
    let guard = component("tenant_guard");
    let entry = json!({"settings": {"tenants": {}}});
    let entry = entry.as_object().unwrap();
    let module = NewModule { name: "guard", role: Role::Policy, component: &guard, entry };
    node.installation.add(&module).unwrap();
    let second = fs::read_dir(&node.installation.cache_dir).unwrap().map(|entry| entry.unwrap().path());
    let second = second.into_iter().find(|path| *path != first).unwrap();
    let between = node.directory.path().join("between");
    for (from, to) in [(&first, &between), (&second, &first), (&between, &second)] {
        fs::rename(from, to).unwrap();
    }
    let errors = node.sandbox().check_artifacts().unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
    for error in errors {
        assert!(matches!(*error.fault, Fault::Tampered { .. }), "{error}");
        assert!(error.to_string().contains(COMMAND) && error.code() == 50, "{error}");
    }
    is_mended_by_the_command(&node);
}

#[test]
fn what_another_user_owns_is_a_miss() {
    if !geteuid().is_root() {
        println!("SKIPPED: giving a file to another user takes root");
        return;
    }
    let node = Node::with_jumbo();
    if chown(node.artifact(), Some(1), None).is_err() {
        println!("SKIPPED: there is only one user in this namespace");
        return;
    }
    assert!(node.refusal().to_string().contains("it belongs to user 1; it has to belong to root"));
    is_mended_by_the_command(&node);
    chown(&node.installation.cache_dir, Some(1), None).unwrap();
    let error = node.refusal();
    assert!(error.to_string().contains("its folder is not to be trusted: it belongs to user 1"), "{error}");
    assert_eq!(error.code(), 50);
    chown(&node.installation.cache_dir, Some(0), None).unwrap();
    works(&node);
    let etc = node.installation.catalog.parent().unwrap();
    chown(etc, Some(1), None).unwrap();
    assert!(Lock::load(&node.lock()).unwrap_err().to_string().contains("it belongs to user 1"));
}

fn lock(node: &Node) -> Value {
    serde_json::from_slice(&fs::read(node.lock()).unwrap()).unwrap()
}

/// Puts another artifact in the place of the only one, and a lock that says so: what only root could do, or an update that
/// forgot to raise the engine's id.
fn install(node: &Node, bytes: &[u8]) {
    let (mut lock, digest) = (lock(node), Digest::of(bytes));
    lock["artifacts"][0]["artifact"] = digest.to_string().into();
    lock["artifacts"][0]["size"] = bytes.len().into();
    fs::write(node.lock(), lock.to_string()).unwrap();
    fs::remove_file(node.artifact()).unwrap();
    let path = node.installation.cache_dir.join(format!("{}.cwasm", digest.hex()));
    fs::write(&path, bytes).unwrap();
    mode(&path, 0o600);
}

/// The component compiled in another way.
fn compiled(how: impl FnOnce(&mut Config)) -> Vec<u8> {
    let mut config = engine_config();
    how(&mut config);
    Engine::new(&config).unwrap().precompile_component(&component("mtu")).unwrap()
}

/// What was compiled for this node, with other words in it.
fn rewritten(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = compiled(|_| {});
    let place = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[place..place + to.len()].copy_from_slice(to);
    bytes
}

/// Says that the code needs what this CPU does not have: a feature that is off, or a newer one than anybody knows.
fn for_a_better_cpu() -> Vec<u8> {
    const OFF: &[u8] = &[2, 0];
    let here = compiled(|_| {});
    let features: [&[u8]; 4] = [b"has_avx512vbmi", b"has_avx512bitalg", b"has_avx_vnni", b"has_pauth"];
    let off = features.map(|name| [name, OFF].concat());
    let missing = off.iter().find(|text| here.windows(text.len()).any(|window| window == text.as_slice()));
    match missing {
        Some(text) => rewritten(text, &[&text[..text.len() - 1], &[1]].concat()),
        None if cfg!(target_arch = "x86_64") => rewritten(b"has_bmi2", b"has_bmi9"),
        None => rewritten(b"has_lse", b"has_xyz"),
    }
}

fn for_another_architecture() -> Vec<u8> {
    match std::env::consts::ARCH {
        "x86_64" => rewritten(b"x86_64-unknown", b"mips64-unknown"),
        _ => rewritten(b"aarch64-unknown", b"powerpc-unknown"),
    }
}

#[test]
fn authentic_code_that_this_host_cannot_run_is_a_miss() {
    let version = |text: &'static str| {
        compiled(|config| drop(config.module_version(ModuleVersionStrategy::Custom(text.into()))))
    };
    let core =
        || Engine::new(&engine_config()).unwrap().precompile_module(&support::core_module("mtu")).unwrap();
    let rows: [(&str, Vec<u8>, &str); 9] = [
        ("the patch version before", version("48.0.7+multus.1"), "48.0.7+multus.1"),
        ("the patch version after", version("48.0.9+multus.1"), "48.0.9+multus.1"),
        ("another configuration's number", version("48.0.8+multus.0"), "48.0.8+multus.0"),
        ("made to explain crashes", version("48.0.8+multus.1.explaining"), "explaining"),
        (
            "without interruption",
            compiled(|config| {
                config.epoch_interruption(false);
            }),
            "epoch interruption",
        ),
        ("another processor's features", for_a_better_cpu(), "has_"),
        ("another architecture", for_another_architecture(), "architecture"),
        ("a core module's code", core(), "module"),
        ("no code at all", b"#!/bin/sh\n".to_vec(), "cannot load"),
    ];
    for (what, bytes, words) in rows {
        let node = Node::with_jumbo();
        install(&node, &bytes);
        let error = node.refusal();
        println!("{what}: {error}");
        assert!(matches!(*error.fault, Fault::Unusable { .. }), "{what}: {error}");
        assert!(error.to_string().contains(words), "{what}: {error}");
        assert!(error.to_string().contains(COMMAND), "{what}: {error}");
        assert_eq!(error.code(), 50, "{what}");
        is_mended_by_the_command(&node);
    }
}

/// What only root can have brought back: the lock of another time, with what was there then or without.
#[test]
fn a_lock_of_another_time_is_a_miss() {
    let node = Node::with_jumbo();
    let today = fs::read(node.lock()).unwrap();
    type Edit = fn(&mut Value);
    let rows: [(&str, Edit, &str); 5] = [
        ("no lock yet", |lock| lock["artifacts"] = json!([]), "modules.lock has none for engine"),
        (
            "the engine before",
            |lock| lock["artifacts"][0]["engine"] = "48.0.7+multus.1".into(),
            "modules.lock has none for engine",
        ),
        (
            "the component before",
            |lock| lock["artifacts"][0]["component"] = Digest::of(b"before").to_string().into(),
            "modules.lock has none for engine",
        ),
        (
            "an artifact that was replaced since",
            |lock| lock["artifacts"][0]["artifact"] = Digest::of(b"before").to_string().into(),
            "is missing",
        ),
        ("another size", |lock| lock["artifacts"][0]["size"] = 7.into(), "modules.lock says 7"),
    ];
    for (what, change, words) in rows {
        let mut old: Value = serde_json::from_slice(&today).unwrap();
        change(&mut old);
        fs::write(node.lock(), old.to_string()).unwrap();
        let error = node.refusal();
        assert!(error.to_string().contains(words) && error.to_string().contains(COMMAND), "{what}: {error}");
        assert_eq!(error.code(), 50, "{what}: {error}");
        is_mended_by_the_command(&node);
    }
    assert!(fs::read_to_string(node.lock()).unwrap().contains(ENGINE_ID));
}

const LOCKS: &[Row] = &[
    ("nothing in it", |node| fs::write(node.lock(), "").unwrap(), nothing, "modules.lock"),
    ("cut short", |node| edit(&node.lock(), |text| text.truncate(30)), nothing, "modules.lock"),
    ("a list", |node| fs::write(node.lock(), "[]").unwrap(), nothing, "modules.lock"),
    (
        "of a later form",
        |node| fs::write(node.lock(), r#"{"version":2,"artifacts":[]}"#).unwrap(),
        nothing,
        "version",
    ),
    (
        "an entry without members",
        |node| fs::write(node.lock(), r#"{"artifacts":[{}]}"#).unwrap(),
        nothing,
        "component",
    ),
    (
        "a digest of another kind",
        |node| {
            edit(&node.lock(), |text| {
                *text = String::from_utf8_lossy(text).replace("sha256:", "md5:").into();
            });
        },
        nothing,
        "is no digest",
    ),
    ("no text", |node| fs::write(node.lock(), b"\xff\xfe\0").unwrap(), nothing, "modules.lock"),
    ("its group may write it", |node| mode(&node.lock(), 0o664), nothing, "modules.lock: its mode 0664"),
    ("everybody may write it", |node| mode(&node.lock(), 0o646), nothing, "modules.lock: its mode 0646"),
    (
        "without end",
        |node| OpenOptions::new().write(true).open(node.lock()).unwrap().set_len(1 << 30).unwrap(),
        nothing,
        "modules.lock",
    ),
];

#[test]
fn a_lock_that_cannot_be_used_is_said_and_written_anew() {
    let node = Node::with_jumbo();
    for (what, spoil, _, words) in LOCKS {
        println!("{what}");
        spoil(&node);
        let catalog = multus_wasm::Catalog::load(&node.installation.catalog).unwrap();
        let error = Sandbox::open(catalog, &node.lock(), &node.installation.cache_dir).unwrap_err();
        assert!(error.to_string().contains(words) && error.to_string().contains(COMMAND), "{what}: {error}");
        assert_eq!(error.code(), 50, "{what}: {error}");
        is_mended_by_the_command(&node);
    }
    assert_eq!(lock(&node)["artifacts"].as_array().unwrap().len(), 1);
}

/// Whoever can write there can bring back the catalog and the lock of last year, which are root's own.
#[test]
fn catalog_and_lock_are_not_read_from_a_folder_that_others_may_write() {
    let node = Node::with_jumbo();
    let etc = node.installation.catalog.parent().unwrap();
    for bits in [0o775, 0o757, 0o1777] {
        mode(etc, bits);
        let words = format!("refused {}: its mode {bits:04o} lets others write it", etc.display());
        let catalog = multus_wasm::Catalog::load(&node.installation.catalog).unwrap_err();
        let lock = Lock::load(&node.lock()).unwrap_err();
        assert!(catalog.to_string().starts_with(&words), "{catalog}");
        assert!(lock.to_string().starts_with(&words) && lock.to_string().contains(COMMAND), "{lock}");
        assert_eq!((catalog.code(), lock.code()), (7, 50));
        let errors = node.installation.compile_all().unwrap_err();
        assert!(errors[0].to_string().contains("chmod go-w"), "{}", errors[0]);
    }
    mode(etc, 0o755);
    works(&node);
}
