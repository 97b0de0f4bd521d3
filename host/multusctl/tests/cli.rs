//! The built tool, as people and scripts call it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Runs the tool where the test data lies, so that paths in its output are short.
fn multusctl(arguments: &[&str]) -> Output {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    Command::new(env!("CARGO_BIN_EXE_multusctl"))
        .args(arguments)
        .current_dir(data)
        .env_remove("CNI_PATH")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Everything that `validate` prints for one file.
fn validate(file: &str) -> (Option<i32>, String) {
    let output = multusctl(&["validate", file]);
    (output.status.code(), stdout(&output))
}

#[test]
fn the_comment_of_the_2018_readme_gets_a_sentence_that_helps() {
    let expected = "\
readme-2018.conf:7:17: error: a comment
    write instead: JSON has no comments: remove the text from `#` to the end of the line
";
    assert_eq!(validate("readme-2018.conf"), (Some(1), expected.to_owned()));
    assert_eq!(stderr(&multusctl(&["validate", "readme-2018.conf"])), "1 file: 1 error, 0 warnings\n");
}

#[test]
fn every_problem_of_a_multus_conf_is_found_at_its_place() {
    let (code, text) = validate("broken.conf");
    assert_eq!(code, Some(1));
    let rows = [
        "broken.conf:2:17: error: CNI version 9.9.9 is not supported",
        "broken.conf:5:13: error: `bin` is not an absolute path\n    write instead: begin it with `/`",
        "broken.conf:5:20: error: a comment",
        "broken.conf:7:16: error: the cluster's objects can't come both from `manifests` and from an API server",
        "broken.conf:7:16: warning: network definitions can run every binary",
        "broken.conf:9:47: error: trailing comma",
        "broken.conf:10:15: error: the type `../ptp` has a path separator in it",
        "broken.conf:10:41: error: a second `masterplugin`",
        "broken.conf:11:36: error: expected a plugin's configuration, found null",
        "broken.conf:11:52: error: expected the name of a plugin, found a number",
    ];
    for row in rows {
        assert!(text.contains(row), "{row} is not in\n{text}");
    }
}

#[test]
fn json_inside_yaml_is_judged_where_it_stands() {
    let expected = "\
manifests.yaml:10:7: error: a comment
    write instead: JSON has no comments: remove the text from `#` to the end of the line
manifests.yaml:11:15: error: the type `a/b` has a path separator in it
    write instead: the name of a plugin; folders are searched by `CNI_PATH`
manifests.yaml:20:5: error: line 1, column 11 in it: expected the name of a plugin, found a number
    write instead: the name of a plugin
manifests.yaml:26:5: warning: the definition has no `spec.config`: each node needs a file for it in `confDir`
    write instead: the network's CNI configuration in `config: |`, unless the nodes have it
manifests.yaml:35:47: error: `team_blue` can't be a namespace
    write instead: use lower-case letters, digits and inner `-`, as Kubernetes does
manifests.yaml:39:13: error: `Web` can't be the name of a Pod
    write instead: use lower-case letters, digits and inner `-` (DNS-1123)
manifests.yaml:44:22: error: `nope` is not an address of 6 bytes
    write instead: xx:xx:xx:xx:xx:xx
";
    assert_eq!(validate("manifests.yaml"), (Some(1), expected.to_owned()));
}

#[test]
fn a_catalog_is_checked_and_what_is_well_says_nothing() {
    let (code, text) = validate("catalog.json");
    assert_eq!(code, Some(1));
    assert!(text.starts_with("catalog.json:3:14: error: no `mayChange`\n"), "{text}");
    assert!(text.contains("catalog.json:5:16: error: no module `guard`\n"), "{text}");
    assert_eq!(validate("plain.conflist"), (Some(0), String::new()));
}

#[test]
fn all_files_come_in_one_list_for_programs() {
    let output = multusctl(&["validate", "settings.json", "nowhere.yaml", "plain.conflist", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let place = |file: &str, line: Value| json!([file, line, "error"]);
    let places: Vec<Value> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["file"], one["line"], one["severity"]]))
        .collect();
    assert_eq!(places, [place("settings.json", json!(1)), place("nowhere.yaml", Value::Null)]);
    assert!(found[1]["message"].as_str().unwrap().contains("No such file"), "{found}");
}

#[test]
fn the_examples_are_well() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let names = [
        "2018/multus-demo-network.conf",
        "2018/node-cni-network.conf",
        "demo/multus.conf",
        "demo/namespaces.yaml",
        "demo/networks.yaml",
        "demo/pods.yaml",
    ];
    for name in names {
        let path = examples.join(name);
        let output = multusctl(&["validate", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    }
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let commands: &[&[&str]] = &[
        &[],
        &["validate"],
        &["explain"],
        &["attach"],
        &["detach"],
        &["check"],
        &["module", "new"],
        &["module", "build"],
        &["module", "test"],
        &["module", "run"],
        &["module", "bench"],
        &["module", "inspect"],
        &["module", "add"],
        &["module", "list"],
        &["module", "verify"],
        &["module", "compile"],
        &["module", "remove"],
        &["journal", "show"],
        &["journal", "sweep"],
    ];
    for command in commands {
        let output = multusctl(&[*command, &["--help"]].concat());
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        assert!(stdout(&output).contains("Examples:\n  multusctl"), "{command:?}: {}", stdout(&output));
    }
}

#[test]
fn a_wrong_command_line_has_a_status_of_its_own() {
    let lines: [&[&str]; 5] = [
        &["validate"],
        &["attach", "--conf", "broken.conf"],
        &["attach", "--conf", "broken.conf", "--netns", "/n", "--pid", "1"],
        &["module", "list", "--catalog", "catalog.json"],
        &["module", "compile", "--conf", "broken.conf"],
    ];
    for line in lines {
        let output = multusctl(line);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{line:?}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let output = multusctl(&["completions", shell]);
        assert!(output.status.success());
        assert!(stdout(&output).contains("journal") && stdout(&output).contains("inspect"), "{shell}");
    }
}

#[test]
fn an_empty_journal_has_nothing_to_show() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let output = multusctl(&["journal", "show", "--cni-dir", dir]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), String::new()));
    assert_eq!(stderr(&output), format!("{dir}: 0 records, 0 leftovers\n"));
    let output = multusctl(&["journal", "show", "--cni-dir", dir, "--output", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found, json!({"records": [], "leftovers": [], "quarantined": [], "unreadable": []}));
    assert_eq!(multusctl(&["journal", "show", "c1", "--cni-dir", dir]).status.code(), Some(1));
}

#[test]
fn foreign_files_among_the_records_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("attachments/c1@eth0")).unwrap();
    std::fs::create_dir_all(folder.path().join("quarantine")).unwrap();
    std::fs::write(folder.path().join("quarantine/c2@eth0@1"), "x").unwrap();
    let output = multusctl(&["journal", "show", "--cni-dir", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("quarantine/c2@eth0@1") && text.contains("unreadable:\n"), "{text}");
}

#[test]
fn a_conf_with_problems_is_refused_with_all_of_them() {
    let output = multusctl(&["attach", "--conf", "broken.conf", "--netns", "/run/netns/x"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.starts_with("multusctl: broken.conf can't be used:\nbroken.conf:2:17: error:"), "{text}");
    assert!(!text.contains("warning"), "{text}");
    let output = multusctl(&["explain", "--conf", "plain.conflist"]);
    assert!(stderr(&output).contains("plain.conflist can't be used here"), "{}", stderr(&output));
}

#[test]
fn modules_of_a_catalog_that_is_not_there_are_no_crash() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (catalog, modules, cache) = (at("catalog.json"), at("modules"), at("cache"));
    let places = ["--catalog", &catalog, "--module-dir", &modules, "--cache-dir", &cache];
    let output = multusctl(&[&["module", "list"], &places[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("catalog.json"), "{}", stderr(&output));
    let add = ["module", "add", "settings.json", "--name", "x", "--role", "policy"];
    let output = multusctl(&[&add[..], &places[..]].concat());
    assert!(stderr(&output).contains("not a component"), "{}", stderr(&output));
    assert!(!Path::new(&catalog).exists());
}
