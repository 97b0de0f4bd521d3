//! Artifacts, locks, folders and catalogs that somebody else could have written: nothing of them is loaded, and no pod
//! starts without what it is asked with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use multus_tests::{Node, binaries, private};
use serde_json::{Value, json};

use crate::{files, guard, refused, with_modules};

fn compile_all(conf: &Value) {
    let mut command = Command::new(binaries::multusctl());
    command.args(["module", "compile", "--all"]);
    for (option, key) in
        [("--catalog", "catalog"), ("--module-dir", "moduleDir"), ("--cache-dir", "cacheDir")]
    {
        command.args([option, conf["wasm"][key].as_str().unwrap()]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What is done to the artifact, and words of the refusal.
type Spoilt = (&'static str, fn(&Node), u32, &'static [&'static str]);

const SPOILT: &[Spoilt] = &[
    (
        "no artifact",
        |node| files(node.path("wasm/cache")).iter().for_each(|file| fs::remove_file(file).unwrap()),
        50,
        &[],
    ),
    ("no cache folder", |node| fs::remove_dir_all(node.path("wasm/cache")).unwrap(), 50, &[]),
    ("no lock", |node| fs::remove_file(node.path("wasm/modules.lock")).unwrap(), 50, &[]),
    (
        "another content",
        |node| {
            let file = files(node.path("wasm/cache")).remove(0);
            let mut bytes = fs::read(&file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&file, bytes).unwrap();
        },
        50,
        &["who changed it"],
    ),
    (
        "cut short",
        |node| {
            let file = files(node.path("wasm/cache")).remove(0);
            let bytes = fs::read(&file).unwrap();
            fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        },
        50,
        &["who changed it"],
    ),
    (
        "others may write it",
        |node| {
            let file = files(node.path("wasm/cache")).remove(0);
            fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        },
        50,
        &["who changed it"],
    ),
    (
        "a link to the same",
        |node| {
            let file = files(node.path("wasm/cache")).remove(0);
            fs::rename(&file, node.scratch("artifact")).unwrap();
            std::os::unix::fs::symlink(node.scratch("artifact"), &file).unwrap();
        },
        50,
        &[],
    ),
    (
        "a second name",
        |node| {
            let file = files(node.path("wasm/cache")).remove(0);
            fs::hard_link(&file, node.path("wasm/second")).unwrap();
        },
        50,
        &["hard link"],
    ),
];

#[test]
fn an_artifact_that_is_not_ours_is_never_loaded() {
    private(|| {
        let (node, pod, conf) = with_modules(&[guard()], "team-red", "storage", None);
        for (what, spoil, code, words) in SPOILT {
            println!("{what}");
            spoil(&node);
            let words = [&["pod team-red/web", "tenant-guard", "multusctl module compile"], *words].concat();
            refused(&node, &pod, &conf, *code, &words);
            let error = node.call("STATUS", &pod, &conf).error();
            let named = error.msg.contains("multusctl module compile");
            assert_eq!((error.code, named), (50, true), "{what}: {error:?}");
            compile_all(&conf);
            node.add(&pod, &conf).succeeded();
            node.del(&pod, &conf).succeeded();
            node.forget_recorded();
        }
    });
}

/// The same of the lock, which is about every module.
const SPOILT_LOCK: &[Spoilt] = &[
    (
        "a lock that others may write",
        |node| {
            fs::set_permissions(node.path("wasm/modules.lock"), fs::Permissions::from_mode(0o666)).unwrap();
        },
        50,
        &["modules.lock", "who changed it"],
    ),
    (
        "a lock of a later form",
        |node| fs::write(node.path("wasm/modules.lock"), r#"{"version": 2, "artifacts": []}"#).unwrap(),
        50,
        &["modules.lock", "version"],
    ),
    (
        "a folder that others may write",
        |node| fs::set_permissions(node.path("wasm/cache"), fs::Permissions::from_mode(0o777)).unwrap(),
        50,
        &["tenant-guard", "its folder is not to be trusted", "chmod go-w"],
    ),
];

#[test]
fn a_lock_or_folder_that_is_not_ours_stops_every_pod_until_it_is_mended() {
    private(|| {
        let (node, pod, conf) = with_modules(&[guard()], "team-red", "storage", None);
        for (what, spoil, code, words) in SPOILT_LOCK {
            println!("{what}");
            spoil(&node);
            let words = [&["multusctl module compile"], *words].concat();
            refused(&node, &pod, &conf, *code, &words);
            let error = node.call("STATUS", &pod, &conf).error();
            assert!(error.code == 50 && error.msg.contains("multusctl module compile"), "{what}: {error:?}");
            fs::set_permissions(node.path("wasm/cache"), fs::Permissions::from_mode(0o755)).unwrap();
            compile_all(&conf);
            node.add(&pod, &conf).succeeded();
            node.del(&pod, &conf).succeeded();
            node.forget_recorded();
        }
    });
}

/// Code can't be mapped from there: what was verified is loaded from memory.
#[test]
fn modules_run_from_a_folder_that_forbids_executing() {
    private(|| {
        let (node, pod, conf) = with_modules(&[guard()], "team-red", "storage", None);
        let mut mount = Command::new("mount");
        mount.args(["-n", "-t", "tmpfs", "-o", "noexec,mode=755", "tmpfs"]).arg(node.path("wasm/cache"));
        assert!(mount.status().unwrap().success());
        compile_all(&conf);
        let artifact = files(node.path("wasm/cache")).remove(0);
        node.call("STATUS", &pod, &conf).succeeded();
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        node.forget_recorded();

        let good = fs::read(&artifact).unwrap();
        fs::write(&artifact, [&good[..good.len() - 1], &[good[good.len() - 1] ^ 1]].concat()).unwrap();
        refused(&node, &pod, &conf, 50, &["who changed it", "multusctl module compile"]);
        assert_eq!(node.call("STATUS", &pod, &conf).error().code, 50);
    });
}

const UNTRUSTED: &[Spoilt] = &[
    ("gone", |node| fs::remove_file(node.path("wasm/catalog.json")).unwrap(), 5, &["catalog.json"]),
    (
        "no JSON",
        |node| fs::write(node.path("wasm/catalog.json"), "{").unwrap(),
        7,
        &["catalog.json", "line 1"],
    ),
    (
        "others may write it",
        |node| {
            fs::set_permissions(node.path("wasm/catalog.json"), fs::Permissions::from_mode(0o666)).unwrap();
        },
        7,
        &["catalog.json"],
    ),
    (
        "an unknown key",
        |node| {
            let text = fs::read_to_string(node.path("wasm/catalog.json")).unwrap();
            fs::write(node.path("wasm/catalog.json"), text.replace("\"policies\"", "\"police\"")).unwrap();
        },
        7,
        &["police"],
    ),
    (
        "an unknown digest",
        |node| {
            let mut catalog: Value =
                serde_json::from_slice(&fs::read(node.path("wasm/catalog.json")).unwrap()).unwrap();
            catalog["modules"]["tenant-guard"]["digest"] = json!(format!("sha256:{}", "0".repeat(64)));
            fs::write(node.path("wasm/catalog.json"), catalog.to_string()).unwrap();
        },
        50,
        &["tenant-guard", "sha256:000", "multusctl module compile"],
    ),
];

#[test]
fn a_catalog_that_cannot_be_trusted_stops_every_pod() {
    private(|| {
        let (node, pod, conf) = with_modules(&[guard()], "team-red", "storage", None);
        let catalog = node.path("wasm/catalog.json");
        let as_it_was = fs::read(&catalog).unwrap();
        for (what, spoil, code, words) in UNTRUSTED {
            println!("{what}");
            spoil(&node);
            refused(&node, &pod, &conf, *code, words);
            fs::write(&catalog, &as_it_was).unwrap();
            fs::set_permissions(&catalog, fs::Permissions::from_mode(0o644)).unwrap();
        }
        node.add(&pod, &conf).succeeded();
    });
}
