//! An operator's part: what is shown before a module is installed, and what keeps it right afterwards.

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
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use module::{Node, build, desk, hostile, multusctl, new_crate, shipped};
use nix::pty::openpty;
use serde_json::json;

#[test]
fn nothing_is_installed_that_nobody_said_yes_to() {
    let (node, guard) = (Node::new(), shipped("tenant-guard"));
    let guard = guard.to_str().unwrap();
    let settings = node.path("settings.json");
    fs::write(&settings, r#"{"tenants": {}}"#).unwrap();
    let add = ["add", guard, "--settings", settings.to_str().unwrap()];
    node.module(&add).refused(&[
        "module tenant-guard, a policy, sha256:",
        "may refuse attachments, and with them the start of pods",
        "may stop pods from starting while it fails (onFailure: deny)",
        "can't do anything else: no files, no network",
        "16 MiB of memory and 100 ms of CPU time",
        "no terminal: read the above, then write --yes",
    ]);
    assert!(!node.path("catalog.json").exists() && node.files("modules").is_empty());
    node.module(&[&add[..], &["--yes"]].concat()).well().has(&["tenant-guard", "compiled"]);
    assert_eq!(node.catalog()["modules"]["tenant-guard"]["settings"], json!({"tenants": {}}));

    fs::write(&settings, "{'tenants': {}}").unwrap();
    node.module(&[&add[..], &["--yes"]].concat()).refused(&["settings.json", "double quotes"]);
    let mode = ["add", guard, "--yes", "--mode", "monitor"];
    let said = node.module(&mode).well();
    assert!(
        said.stderr.contains("may say what it would refuse, which is logged (mode: monitor)"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("is installed already"), "{}", said.stderr);
}

/// What the tool says on a terminal whose user types an answer.
fn answered(node: &Node, arguments: &[&str], answer: &str) -> (Option<i32>, String) {
    let terminal = openpty(None, None).unwrap();
    let slave = || Stdio::from(OwnedFd::try_clone(&terminal.slave).unwrap());
    let mut child =
        node.command(arguments).stdin(slave()).stderr(slave()).stdout(Stdio::null()).spawn().unwrap();
    let mut master = File::from(terminal.master);
    master.write_all(format!("{answer}\n").as_bytes()).unwrap();
    let code = child.wait().unwrap().code();
    drop(terminal.slave);
    let mut said = Vec::new();
    // A terminal that nobody has open any more ends with an error.
    let _ = master.read_to_end(&mut said);
    (code, String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn on_a_terminal_it_asks_and_does_what_is_answered() {
    let (node, mtu) = (Node::new(), shipped("mtu"));
    let settings = node.path("settings.json");
    fs::write(&settings, r#"{"mtu": 9000}"#).unwrap();
    let add = ["add", mtu.to_str().unwrap(), "--may-change", "/mtu", "--match-type", "bridge", "--settings"];
    let add = [&add[..], &[settings.to_str().unwrap()]].concat();
    for answer in ["n", "", "nonsense"] {
        let (code, said) = answered(&node, &add, answer);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("may change /mtu in the configuration of plugins of type bridge"), "{said}");
        assert!(said.contains("Install it? [y/N]") && said.contains("nothing was changed"), "{said}");
        assert!(!node.path("catalog.json").exists());
    }
    let (code, said) = answered(&node, &add, "y");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(node.catalog()["transforms"], json!(["mtu"]));
}

/// Nobody who reads `wasi:filesystem` knows that there are no files behind it.
#[test]
fn what_wasi_gives_a_module_is_said_before_it_is_installed() {
    let node = Node::new();
    let function = hostile("uses_wasi", node.folder.path());
    let add = ["add", function.to_str().unwrap(), "--may-change", "/seen"];
    let said = node.module(&add).refused(&[
        "imports wasi:cli (environment, exit, ",
        "stdout) and gets of it: no arguments, no environment, no terminal; what it writes becomes lines of the log\n",
        "imports wasi:clocks (",
        ") and gets of it: a clock that stands still\n",
        ") and gets of it: numbers that are made from its arguments, so no secrets\n",
        ") and gets of it: no folder, so no file\n",
        ") and gets of it: no address and no connection: each is refused\n",
        ") and gets of it: no answer: each request is refused\n",
        "can't do anything else",
    ]);
    assert_eq!(said.stderr.matches("imports wasi:").count(), 7, "{}", said.stderr);
    let delegate = hostile("sleeping_delegate", node.folder.path());
    node.module(&["add", delegate.to_str().unwrap()]).refused(&[
        ") and gets of it: the node's clock; what it sleeps counts as CPU time\n",
        ") and gets of it: the kernel's random numbers\n",
    ]);
    let without = node.module(&["add", shipped("loopback").to_str().unwrap()]).refused(&["a delegate"]);
    assert!(!without.stderr.contains("wasi"), "{}", without.stderr);
}

#[test]
fn what_is_lost_or_changed_is_found_and_mended_as_it_says() {
    let node = Node::new();
    node.add(&shipped("mtu"), &["--name", "jumbo", "--may-change", "/mtu"]).well();
    node.add(&shipped("tenant-guard"), &["--mode", "monitor"]).well();
    let listed = node.module(&["list"]).well();
    listed.has(&["jumbo         transform         1      /mtu", "tenant-guard  policy (monitor)  1      -"]);
    node.module(&["verify"])
        .well()
        .has(&["jumbo         ok         ok        ok", "tenant-guard  ok         ok        ok"]);

    let artifact = node.files("cache").remove(0);
    fs::write(&artifact, "not compiled here").unwrap();
    let said = node.module(&["verify"]).refused(&["refused to load", "multusctl module compile --all"]);
    assert!(said.stdout.contains("NOT OK"), "{}", said.stdout);
    fs::remove_file(&artifact).unwrap();
    node.module(&["verify"]).refused(&["is missing", "multusctl module compile --all"]);
    node.module(&["compile", "--all"]).well();
    node.module(&["verify"]).well();

    let digest = node.catalog()["modules"]["jumbo"]["digest"].as_str().unwrap().replace("sha256:", "");
    let component = node.path("modules").join(format!("{digest}.wasm"));
    fs::write(&component, "changed").unwrap();
    node.module(&["verify", "tenant-guard"]).well();
    node.module(&["verify", "jumbo"]).refused(&["find out who changed it", "multusctl module add"]);
    fs::remove_file(&component).unwrap();
    let verified =
        node.module(&["verify", "-o", "json"]).refused(&["can't read", "multusctl module add"]).json();
    assert_eq!((&verified[0]["name"], &verified[0]["artifact"]), (&json!("jumbo"), &json!(null)));
    assert!(verified[0]["component"].as_str().unwrap().contains("can't read"), "{verified}");
    let mut catalog = node.catalog();
    catalog["modules"]["tenant-guard"]["settings"] = json!({ "tenants": 7 });
    fs::write(node.path("catalog.json"), catalog.to_string()).unwrap();
    let verified =
        node.module(&["verify"]).refused(&["module tenant-guard", "can't use its settings: /tenants"]);
    assert!(verified.stdout.contains("tenant-guard  ok         ok        NOT OK"), "{}", verified.stdout);
    node.module(&["verify", "nobody"]).refused(&["no module nobody", "jumbo, tenant-guard"]);
}

/// What somebody said yes to can be read again, whole.
#[test]
fn what_the_catalog_says_of_a_module_is_shown() {
    let node = Node::new();
    let settings = node.path("settings.json");
    fs::write(&settings, r#"{"mtu": 9000}"#).unwrap();
    let options = ["--may-change", "/mtu", "--match-type", "bridge", "--mode", "monitor", "--settings"];
    node.add(&shipped("mtu"), &[&options[..], &[settings.to_str().unwrap()]].concat()).well();
    node.add(&shipped("tenant-guard"), &["--on-failure", "allow", "--timeout", "200ms"]).well();
    let grants = ["--grant", "links=cni0", "--grant", "ipam=host-local", "--grant", "defaultRoutes=true"];
    let sysctl = ["--grant", "sysctls=net/ipv4/conf/*/arp_notify"];
    node.add(&shipped("macvlan"), &[&grants[..], &sysctl].concat()).well();
    node.module(&["list"]).well().has(&[
        "mtu           transform (monitor)                          1      /mtu",
        "tenant-guard  policy (enforce, passed over when it fails)  1      -",
        "macvlan       delegate                                     -      links defaultRoutes sysctls ipam",
    ]);
    let listed = node.module(&["list", "-o", "json"]).well().json();
    let of = |name: &str| listed.as_array().unwrap().iter().find(|module| module["name"] == name).unwrap();
    let (mtu, guard) = (of("mtu"), of("tenant-guard"));
    assert_eq!([&mtu["mayChange"], &mtu["types"]], [&json!(["/mtu"]), &json!(["bridge"])]);
    assert_eq!([&mtu["mode"], &mtu["settings"]], [&json!("monitor"), &json!({ "mtu": 9000 })]);
    assert_eq!([&guard["onFailure"], &guard["limits"]["milliseconds"]], [&json!("allow"), &json!(200)]);
    let granted = &node.catalog()["modules"]["macvlan"]["grants"];
    assert_eq!(&of("macvlan")["grants"], granted, "with their values");

    let conf = node.path("multus.conf");
    let [catalog, modules, cache] = ["catalog.json", "modules", "cache"].map(|name| node.path(name));
    let wasm = json!({ "catalog": catalog, "moduleDir": modules, "cacheDir": cache });
    let text = json!({ "name": "node", "type": "multus", "wasm": wasm, "delegates": [{ "type": "bridge" }] });
    fs::write(&conf, text.to_string()).unwrap();
    let inspect = |name: &str, further: &[&str]| {
        let words = ["module", "inspect", name, "--conf", conf.to_str().unwrap()];
        multusctl(node.folder.path(), &[&words[..], further].concat()).well()
    };
    inspect("macvlan", &[]).has(&[
        "catalog    may set up links",
        "           may run this IPAM: host-local\n",
        "           each call may use 16 MiB of memory and 2 s of CPU time\n",
        "           its settings: {}\n",
    ]);
    let words = ["catalog    may say what it would change of /mtu", "its settings: {\"mtu\":9000}"];
    inspect("mtu", &[]).has(&words);
    assert_eq!(inspect("tenant-guard", &["-o", "json"]).json()["catalog"]["onFailure"], "allow");
}

#[test]
fn what_is_removed_leaves_nothing_that_others_do_not_use() {
    let node = Node::new();
    let mtu = shipped("mtu");
    for name in ["jumbo", "small"] {
        node.add(&mtu, &["--name", name, "--may-change", "/mtu"]).well();
    }
    node.add(&shipped("tenant-guard"), &[]).well();
    let removed = node.module(&["remove", "tenant-guard", "-o", "json"]).well();
    assert!(removed.stderr.contains("pods are attached without asking it"), "{}", removed.stderr);
    assert_eq!(removed.json()["files"], json!(true));
    node.module(&["remove", "jumbo"]).well().has(&["whose files another module uses"]);
    node.module(&["verify"]).well().has(&["small"]);
    assert_eq!((node.files("modules").len(), node.files("cache").len()), (1, 1));
    node.module(&["remove", "jumbo"]).refused(&["no module jumbo in the catalog, which has small"]);
    node.module(&["remove", "small"]).well();
    assert_eq!((node.files("modules").len(), node.files("cache").len()), (0, 0));
    assert_eq!(node.catalog(), json!({"modules": {}, "transforms": [], "policies": []}));
    node.module(&["list"]).well();
}

/// What settings are, only the module itself knows, once it is compiled.
#[test]
fn what_is_refused_after_it_was_compiled_leaves_nothing() {
    let (node, mtu) = (Node::new(), shipped("mtu"));
    let files = || [node.files("modules"), node.files("cache")].concat();
    let unusable = node.path("unusable.json");
    fs::write(&unusable, r#"{"mtu": 67}"#).unwrap();
    let refused = ["--settings", unusable.to_str().unwrap(), "--may-change", "/mtu"];
    node.add(&mtu, &refused).refused(&["can't use its settings: /mtu: 67 is less than 68"]);
    assert!(files().is_empty(), "{:?}", files());
    assert!(!node.path("modules.lock").exists() && !node.path("catalog.json").exists());

    let guard = shipped("tenant-guard");
    node.add(&guard, &[]).well();
    let before = (files(), fs::read(node.path("modules.lock")).unwrap(), node.catalog());
    node.add(&mtu, &refused).refused(&["can't use its settings"]);
    assert_eq!((files(), fs::read(node.path("modules.lock")).unwrap(), node.catalog()), before);
    node.module(&["verify"]).well();

    // What another name uses stays.
    node.add(&mtu, &["--may-change", "/mtu"]).well();
    let before = (files(), fs::read(node.path("modules.lock")).unwrap(), node.catalog());
    node.add(&mtu, &[&refused[..], &["--name", "jumbo"]].concat()).refused(&["can't use its settings"]);
    node.add(&mtu, &refused).refused(&["can't use its settings"]);
    assert_eq!((files(), fs::read(node.path("modules.lock")).unwrap(), node.catalog()), before);
    node.module(&["verify"]).well();
}

const REACHES_THE_NODE: &str = "
use multus_guest::{Attachment, CniResult, Failure, node};

multus_guest::delegate!(add);

fn add(_: &Attachment, _: &multus_guest::Plugin, _: Option<&CniResult>, _: &()) -> Result<Option<CniResult>, Failure> {
    node::host()?;
    Ok(None)
}
";

#[test]
fn a_new_build_that_needs_more_is_refused_with_the_difference() {
    let (node, desk) = (Node::new(), desk());
    let folder = new_crate(&desk, "growing-delegate", "delegate", None);
    node.add(&build(&folder), &[]).well();
    let before = node.catalog();
    fs::write(folder.join("src/lib.rs"), REACHES_THE_NODE).unwrap();
    let wider = build(&folder);
    node.add(&wider, &[]).refused(&[
        "this build of module growing-delegate needs more than the one before: links (it imports multus:delegate/node@0.1.",
        "It was granted nothing",
        "--grant links=…",
    ]);
    assert_eq!(node.catalog(), before);
    let granted = node.add(&wider, &["--grant", "links=cni*"]).well();
    assert!(
        granted.stderr.contains("links of the node") && granted.stderr.contains("cni*"),
        "{}",
        granted.stderr
    );
    node.module(&["list"]).well().has(&["growing-delegate  delegate  -      links"]);
    assert_eq!((node.files("modules").len(), node.files("cache").len()), (1, 1), "the old build is gone");
    node.add(&wider, &["--name", "fresh"]).refused(&["links"]);
    node.add(&wider, &["--name", "fresh", "--grant", "link=cni0"])
        .refused(&["unknown grant `link`", "`links`"]);
}

/// The catalog may grant more than a build uses: the next one begins to use it with somebody's yes.
#[test]
fn a_new_build_that_begins_to_use_a_grant_is_refused_too() {
    let (node, desk) = (Node::new(), desk());
    let folder = new_crate(&desk, "growing-delegate", "delegate", None);
    node.add(&build(&folder), &["--grant", "links=cni*"]).well();
    let before = node.catalog();
    fs::write(folder.join("src/lib.rs"), REACHES_THE_NODE).unwrap();
    let wider = build(&folder);
    node.add(&wider, &[]).refused(&["needs more than the one before: links", "It was granted links"]);
    assert_eq!(node.catalog(), before);
    node.add(&wider, &["--grant", "links=cni*"]).well();
    node.add(&wider, &["--timeout", "1s"]).well();
}

#[test]
fn a_component_is_looked_at_without_running_it() {
    let node = Node::new();
    let inspect = |file: &str| multusctl(node.folder.path(), &["module", "inspect", file]);
    for (bytes, expected) in [
        (&b"\0asm\x01\0\0\0"[..], "a core module"),
        (b"\x7fELF", "compiled code"),
        (b"#!/bin/sh", "no WebAssembly at all"),
        (b"\0asm\x0d\0\x01\0", "this component is no module"),
    ] {
        fs::write(node.path("x.wasm"), bytes).unwrap();
        inspect("x.wasm").refused(&[expected]);
    }
    inspect("nowhere.wasm").refused(&["nowhere.wasm"]);
}
