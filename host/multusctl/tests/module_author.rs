//! An author's way from nothing to a component, as it is typed.

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

use std::fs;
use std::path::Path;

use module::{build, command, desk, multusctl, new_crate};
use serde_json::json;

#[test]
fn a_new_policy_passes_its_fixture_and_a_broken_one_says_what_differs() {
    let desk = desk();
    let made = multusctl(desk.path(), &["module", "new", "first-policy", "--role", "policy"]).well();
    assert_eq!(
        made.stdout,
        "first-policy/Cargo.toml\nfirst-policy/src/lib.rs\nfirst-policy/README.md\nfirst-policy/.gitignore\n\
         first-policy/settings.schema.json\nfirst-policy/fixtures/example.yaml\n"
    );
    let passed = multusctl(desk.path(), &["module", "test", "first-policy"]).well();
    let passed =
        passed.has(&["example #1 ", " ok ", "deny: team-red/storage is of type macvlan, which is forbidden"]);
    assert!(passed.stderr.ends_with("2 fixtures, 0 failed\n"), "{}", passed.stderr);

    let source = desk.path().join("first-policy/src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    assert!(text.lines().count() < 25, "a dozen lines");
    fs::write(&source, text.replace("is forbidden\"", "is too new\"")).unwrap();
    let failed =
        multusctl(desk.path(), &["module", "test", "first-policy"]).refused(&["2 fixtures, 1 failed"]);
    failed.has(&[
        "FAILED",
        "example: other types pass",
        "  the reason does not have \"is of type macvlan, which is forbidden\" in it: \
         team-red/storage is of type macvlan, which is too new",
    ]);
}

#[test]
fn a_component_is_built_where_it_is_said_and_says_what_it_is() {
    let desk = desk();
    let folder = new_crate(&desk, "second-policy", "policy", None);
    let said = multusctl(&folder, &["module", "build", "--debug", "-o", "json"]).well();
    let built = said.json();
    assert_eq!(built["roles"], json!(["policy"]));
    assert!(said.stderr.contains("Compiling second-policy"), "cargo speaks for itself: {}", said.stderr);
    let [component, debug] = ["component", "debug"].map(|key| built[key].as_str().unwrap().to_owned());
    assert!(component.ends_with("components/second_policy.wasm"), "{component}");
    let inspect = |file: &str| multusctl(&folder, &["module", "inspect", file, "-o", "json"]).well().json();
    let inspected = inspect(&component);
    assert_eq!(inspected["digest"], built["digest"]);
    assert_eq!(inspected["name"], "second-policy");
    assert_eq!(inspected["interface"], json!(["0.1.0"]));
    assert_eq!(inspected["imports"], json!(["multus:delegate/log@0.1.0", "multus:delegate/types@0.1.0"]));
    let sdk = format!("multus-guest {}", env!("CARGO_PKG_VERSION"));
    assert!(inspected["madeWith"].as_array().unwrap().contains(&json!(sdk)), "{inspected}");
    assert_eq!(
        (inspected["explaining"].as_u64(), inspect(&debug)["code"].as_u64()),
        (Some(0), inspected["code"].as_u64())
    );
    assert!(inspect(&debug)["explaining"].as_u64() > Some(10_000), "names and lines");
    let size = fs::metadata(&component).unwrap().len();
    assert!(size < 100_000, "optimised as a whole: {size} bytes");
    // Neither of the crate, which lies below the checkout, nor of the SDK, nor of what both depend on.
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME")).unwrap();
    let checkout = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    for (place, file) in [(checkout.to_str().unwrap(), &debug), (&home, &debug), (&home, &component)] {
        let bytes = fs::read(file).unwrap();
        let found = bytes.windows(place.len()).position(|window| window == place.as_bytes());
        let around = found.map(|at| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 200)]));
        assert!(found.is_none(), "{file} names a folder of this machine: {around:?}");
    }
    // So an operator can build it as well, and compare.
    let elsewhere = self::desk();
    let again = multusctl(
        &new_crate(&elsewhere, "second-policy", "policy", None),
        &["module", "build", "-o", "json"],
    );
    assert_eq!(again.well().json()["digest"], built["digest"], "the same source, in another folder");
    multusctl(&folder, &["module", "inspect", &component]).well().has(&[
        "says       Refuses plugins of some types, 0.1.0\n",
        "settings   forbidden (array of string): Types of plugins that no pod gets.\n",
        "role       policy\n",
        "needs      no grant: nothing but the log\n",
        "limits     16 MiB of memory and 100 ms of CPU time a call; it starts with 1 MiB\n",
    ]);
}

#[test]
fn a_transform_is_run_once_and_measured() {
    let desk = desk();
    let folder = new_crate(&desk, "first-transform", "transform", None);
    multusctl(&folder, &["module", "test"]).well();
    let component = build(&folder);
    let component = component.to_str().unwrap();
    let fixture = ["--fixture", "fixtures/example.yaml"];
    multusctl(&folder, &[&["module", "run", component], &fixture[..]].concat()).well().has(&[
        "  answer  /mtu added: 9000\n          {\"type\":\"bridge\",\"mtu\":9000}\n",
        "  log     info: team-red/storage gets an MTU of 9000\n",
        "  answer  nothing changed\n",
    ]);
    let run = multusctl(&folder, &[&["module", "run", component, "-o", "json"], &fixture[..]].concat())
        .well()
        .json();
    assert_eq!(run[0]["answer"]["plugin"], json!({"type": "bridge", "mtu": 9000}));
    assert!(run[0]["memory"].as_u64().unwrap() >= 65536 && run[0]["callMicroseconds"].is_u64(), "{run}");

    let bench = ["module", "bench", component, "--runs", "5"];
    multusctl(&folder, &[&bench[..], &fixture].concat()).well().has(&["LOAD", "INSTANTIATE", "WHOLE", " µs"]);
    let bench = multusctl(&folder, &[&bench[..], &["-o", "json"], &fixture].concat()).well().json();
    let costs = &bench["cases"][0];
    let micros = |key: &str| costs[key].as_f64().unwrap();
    assert!(micros("whole") >= micros("call") && micros("load") > 0.0, "{bench}");
}

/// What the host does not take was answered all the same; what never ends has no costs, and keeps none from the others.
#[test]
fn one_fixture_of_a_benchmark_does_not_keep_the_others_from_being_measured() {
    let desk = desk();
    let folder = new_crate(&desk, "measured-transform", "transform", Some(CRASHES));
    let given = "plugin: {type: bridge}\nsettings: {how: ";
    let fixture = format!(
        "name: ends\n{given}refuse}}\n---\nname: loops\n{given}loop}}\n---\nname: changes\n{given}change}}\n"
    );
    fs::write(folder.join("fixtures/example.yaml"), fixture).unwrap();
    let bench = ["module", "bench", "--runs", "3", "--fixture", "fixtures/example.yaml"];
    let said = multusctl(&folder, &bench)
        .refused(&["example: loops: time limit of 100 ms reached; `multusctl module run` says more"]);
    let rows: Vec<Vec<&str>> =
        said.stdout.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1], ["example:", "loops", "-", "-", "-", "-", "-"]);
    assert_eq!([rows[0].len(), rows[2].len()], [12, 12], "{}", said.stdout);
    let cases =
        multusctl(&folder, &[&bench[..], &["-o", "json"]].concat()).refused(&[]).json()["cases"].take();
    assert!(
        cases[2]["whole"].is_f64() && cases[1]["fault"].is_string() && cases[1]["whole"].is_null(),
        "{cases}"
    );
}

const CRASHES: &str = r#"
use multus_guest::{Attachment, Failure, Plugin};

#[derive(serde::Deserialize)]
struct Settings {
    how: String,
}

multus_guest::transform!(crash);

fn crash(_: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
    match settings.how.as_str() {
        "panic" => lookup(&[1, 2], settings.how.len()),
        "loop" => spin(settings),
        "refuse" => return Err(Failure::new(7, "not like this")),
        "change" => return Ok(drop(plugin.insert("mtu".to_owned(), 9000.into()))),
        _ => give_up(),
    };
    Ok(())
}

#[inline(never)]
fn give_up() -> u8 {
    std::process::abort()
}

#[inline(never)]
fn lookup(places: &[u8], place: usize) -> u8 {
    places[place]
}

#[inline(never)]
fn spin(settings: &Settings) -> u8 {
    let mut turns = 0_u64;
    while std::hint::black_box(turns) < u64::MAX {
        turns += settings.how.len() as u64 & 1;
    }
    0
}
"#;

#[test]
fn a_crash_is_explained_with_its_line() {
    let desk = desk();
    let folder = new_crate(&desk, "crashing-transform", "transform", Some(CRASHES));
    let line = |code: &str| CRASHES.lines().position(|line| line.contains(code)).unwrap() + 1;
    let at = |code: &str| format!("src/lib.rs:{}", line(code));
    let rows = [
        (
            "panic",
            vec![format!("panicked at {}", at("places[place]")), at("places[place]"), "lookup".to_owned()],
        ),
        (
            "loop",
            vec!["time limit of 100 ms reached".to_owned(), "spin".to_owned(), "src/lib.rs:".to_owned()],
        ),
        ("abort", vec!["it crashed".to_owned(), at("abort()"), "give_up".to_owned()]),
    ];
    for (how, expected) in rows {
        let fixture =
            format!("plugin: {{type: bridge}}\nsettings: {{how: {how}}}\nexpect: {{failure: 100}}\n");
        fs::write(folder.join("fixtures/example.yaml"), fixture).unwrap();
        let run = multusctl(&folder, &["module", "run", "--fixture", "fixtures/example.yaml"]).refused(&[]);
        let words: Vec<&str> = expected.iter().map(String::as_str).collect();
        let run = run.has(&words).has(&["  crash   at src/lib.rs:"]);
        assert!(!run.stdout.contains("glue.rs"), "the SDK's own functions explain nothing: {}", run.stdout);
        multusctl(&folder, &["module", "test"]).well();
    }
    let fixture =
        "plugin: {type: bridge}\nsettings: {how: refuse}\nexpect: {failure: 7, message: like that}\n";
    fs::write(folder.join("fixtures/example.yaml"), fixture).unwrap();
    let failed = multusctl(&folder, &["module", "test"]).refused(&["1 failed"]);
    failed.has(&["the failure's message does not have \"like that\" in it: not like this"]);

    // Without names nobody can say where, and how to get them is said.
    let component = build(&folder);
    fs::write(folder.join("abort.yaml"), "plugin: {type: bridge}\nsettings: {how: abort}\n").unwrap();
    let run = ["module", "run", component.to_str().unwrap(), "--fixture", "abort.yaml"];
    multusctl(&folder, &run).refused(&[]).has(&["module build --debug"]);
}

#[test]
fn what_the_compiler_refuses_is_passed_on() {
    let desk = desk();
    let folder = new_crate(&desk, "broken-policy", "policy", Some("fn review() -> u8 { \"\" }"));
    let said =
        multusctl(&folder, &["module", "build"]).refused(&["error[E0308]", "src/lib.rs:1", "was not built"]);
    assert_eq!(said.stdout, "");
    fs::write(folder.join("src/lib.rs"), "pub fn nothing() {}").unwrap();
    multusctl(&folder, &["module", "build"])
        .refused(&["this component is no module", "multus_guest::policy!"]);
    multusctl(desk.path(), &["module", "build"]).refused(&["has no Cargo.toml", "multusctl module new"]);
}

#[test]
fn a_toolchain_that_lacks_something_is_told_what() {
    let desk = desk();
    let folder = new_crate(&desk, "lonely-policy", "policy", None);
    let bin = desk.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let without = |path: &Path| {
        let mut command = command(&folder, &["module", "build"]);
        module::Said::of(command.env("PATH", path).env_remove("CARGO").output().unwrap())
    };
    without(&bin).refused(&["rustc can't be run", "https://rustup.rs"]);
    script(&bin.join("rustc"), "#!/bin/sh\necho /nowhere/lib\n");
    without(&bin).refused(&["rustup target add wasm32-unknown-unknown"]);
}

fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_delegate_is_tried_with_a_host_in_memory() {
    let desk = desk();
    let folder = new_crate(&desk, "first-delegate", "delegate", None);
    let component = build(&folder);
    let inspected = multusctl(&folder, &["module", "inspect", component.to_str().unwrap()]).well();
    inspected.has(&["role       delegate\n", "needs      no grant: the log, and its own attachment's"]);
    let tested = multusctl(&folder, &["module", "test"]).well();
    tested.has(&[
        "example #1 ",
        " ok ",
        "leaves the result to the host",
        "failure 11: the fixture refuses create-veth",
    ]);
    let source = folder.join("src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace("    outside.set_up(true)?;\n", "")).unwrap();
    let failed = multusctl(&folder, &["module", "test"]).refused(&["2 fixtures, 1 failed"]);
    failed.has(&["call 3: expected `set-up veth1 true`, got nothing more; all of them: create-veth net1"]);
    let run = ["module", "run", "--fixture", "fixtures/example.yaml"];
    multusctl(&folder, &run)
        .refused(&[])
        .has(&["  did     create-veth net1 {\"mtu\":1400}\n", "  did     set-up net1 true\n"]);
}

#[test]
fn a_new_crate_takes_nobodys_place() {
    let desk = desk();
    fs::create_dir(desk.path().join("mine")).unwrap();
    fs::write(desk.path().join("mine/notes"), "").unwrap();
    let new = |arguments: &[&str]| multusctl(desk.path(), &[&["module", "new"], arguments].concat());
    new(&["mine", "--role", "policy"]).refused(&["mine is there and not empty", "--dir"]);
    new(&["other", "--role", "policy", "--sdk", "mine"]).refused(&["no crate multus-guest"]);
    assert!(!desk.path().join("other").exists());
    for wrong in [&["Mine", "--role", "policy"][..], &["mine"], &["mine", "--role", "judge"]] {
        assert_eq!(new(wrong).code, Some(2), "{wrong:?}");
    }
    let git =
        ["far", "--role", "policy", "--dir", "a/b", "--sdk", "https://example.org/multus.git", "-o", "json"];
    assert_eq!(new(&git).well().json()["directory"], "a/b");
    let manifest = fs::read_to_string(desk.path().join("a/b/Cargo.toml")).unwrap();
    assert!(manifest.contains("multus-guest = { git = \"https://example.org/multus.git\" }"), "{manifest}");
}

/// The shipped modules are tried with what authors have: from their folders, whatever their role.
#[test]
fn a_shipped_module_is_tried_from_its_folder() {
    let desk = desk();
    for (name, fixtures) in [("dummy", "3 fixtures"), ("mtu", "4 fixtures"), ("tenant-guard", "3 fixtures")] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(name);
        let said = multusctl(desk.path(), &["module", "test", folder.to_str().unwrap()]).well();
        assert!(said.stderr.ends_with(&format!("{fixtures}, 0 failed\n")), "{name}: {}", said.stderr);
    }
    let folder = multusctl(desk.path(), &["module", "inspect", desk.path().to_str().unwrap()]);
    folder.refused(&["is a folder, and this needs a component: `multusctl module build "]);
}

/// The same cases, the same code, with and without WebAssembly.
#[test]
fn fixtures_say_the_same_natively_and_in_the_sandbox() {
    let desk = desk();
    for role in ["policy", "transform", "delegate"] {
        let name = format!("both-{role}");
        let folder = new_crate(&desk, &name, role, None);
        multusctl(&folder, &["module", "test"]).well();
        natively(&folder).well().has(&["it_answers_as_its_fixtures_say ... ok", "1 passed"]);
        let fixture = folder.join("fixtures/example.yaml");
        let text = fs::read_to_string(&fixture).unwrap();
        let (from, to) = match role {
            "policy" => ("verdict: allow", "verdict: warn"),
            "transform" => ("    mtu: 9000\n---", "    mtu: 9001\n---"),
            _ => ("set-up veth1 true", "set-up veth2 true"),
        };
        assert!(text.contains(from), "{text}");
        fs::write(&fixture, text.replace(from, to)).unwrap();
        let sandbox = multusctl(&folder, &["module", "test", "-o", "json"]).refused(&[]).json();
        let cases = sandbox.as_array().unwrap().iter();
        let differences: Vec<&str> = cases
            .flat_map(|case| case["differences"].as_array().unwrap())
            .map(|difference| difference.as_str().unwrap())
            .collect();
        assert_eq!(differences.len(), 1, "{differences:?}");
        fails(natively(&folder)).has(&differences);
    }
}

#[test]
fn a_panic_is_reported_with_its_place_natively_and_in_the_sandbox() {
    let desk = desk();
    let folder = new_crate(&desk, "panicking-transform", "transform", Some(PANICS));
    let line = PANICS.lines().position(|line| line.contains("places[")).unwrap() + 1;
    let said = format!("panicked at src/lib.rs:{line}:");
    let fixture =
        format!("plugin: {{type: bridge}}\nexpect: {{failure: 100, message: \"it crashed: {said}\"}}\n");
    fs::write(folder.join("fixtures/example.yaml"), fixture).unwrap();
    multusctl(&folder, &["module", "test"]).well();
    natively(&folder).well();
    fs::write(folder.join("fixtures/example.yaml"), "plugin: {type: bridge}\nexpect: {plugin: {}}\n")
        .unwrap();
    multusctl(&folder, &["module", "test"]).refused(&[]).has(&[
        "got failure 100: it crashed: ",
        &said,
        "index out of bounds",
    ]);
    fails(natively(&folder)).has(&["got failure 100: it crashed: ", &said, "index out of bounds"]);
}

const PANICS: &str = r#"
use multus_guest::{Attachment, Failure, Plugin};

multus_guest::transform!(crash);
#[cfg(test)]
multus_guest::fixtures!(transform = crash);

fn crash(_: &Attachment, plugin: &mut Plugin, _: &serde::de::IgnoredAny) -> Result<(), Failure> {
    let places = [1, 2];
    plugin.insert("place".to_owned(), places[plugin.len() + 1].into());
    Ok(())
}
"#;

/// `cargo test` of an author's crate.
fn natively(folder: &Path) -> module::Said {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.args(["test", "--lib"]).current_dir(folder);
    cargo.env("CARGO_NET_OFFLINE", "true").env("CARGO_TARGET_DIR", module::build_folder());
    module::Said::of(cargo.output().unwrap())
}

#[track_caller]
fn fails(said: module::Said) -> module::Said {
    assert_eq!(said.code, Some(101), "a test fails: {}{}", said.stdout, said.stderr);
    said
}
