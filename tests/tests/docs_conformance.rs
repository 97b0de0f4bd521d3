//! docs/conformance.md names tests: each of them exists, and no scenario is left without an answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page() -> String {
    fs::read_to_string(repository().join("docs/conformance.md")).unwrap()
}

/// What stands between backticks and is `file::test`.
fn named(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|quoted| quoted.split_once("::"))
        .filter(|(file, test)| is_path(file) && is_path(test))
        .collect()
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-/".contains(letter))
}

/// The source of a test's file: from the root for `host/…`, else among the whole-system tests.
fn source(file: &str) -> PathBuf {
    let folder = if file.starts_with("host/") { "" } else { "tests/tests" };
    repository().join(folder).join(format!("{file}.rs"))
}

/// The tests of a file: functions marked as such, and the rows of the macros that make tests.
fn tests(source: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let (mut marked, mut rows) = (false, false);
    for line in source.lines() {
        let words = line.trim_start();
        if let Some(function) = words.strip_prefix("fn ") {
            let name = function.split(['(', '<']).next().unwrap();
            found.extend(marked.then_some(name));
            marked = false;
        }
        marked |= words == "#[test]";
        rows &= line != "}";
        if rows {
            found.extend(words.split(' ').next());
        }
        rows |= ["rows! {", "stories! {"].contains(&line);
    }
    found
}

#[test]
fn every_test_that_is_named_exists() {
    let page = page();
    let names = named(&page);
    assert!(names.len() > 100, "the page names tests as `file::test`: {names:?}");
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let mut missing = Vec::new();
    for (file, test) in names {
        let text = files.entry(file).or_insert_with(|| fs::read_to_string(source(file)).unwrap_or_default());
        if !tests(text).contains(test) {
            missing.push(format!("{file}::{test}"));
        }
    }
    assert_eq!(missing, [""; 0], "docs/conformance.md names tests that are not there");
}

/// A scenario has a test, or a reason.
#[test]
fn every_scenario_of_upstream_has_an_answer() {
    let page = page();
    let section = page.split("\n## Upstream's unit tests\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let rows: Vec<Vec<&str>> =
        rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect();
    assert!(rows.len() > 80, "{}", rows.len());
    for row in rows.iter().filter(|row| !row[0].starts_with("scenario")) {
        let [scenario, answer] = row[..] else { panic!("two columns: {row:?}") };
        let reason = ["does not apply: ", "the same", "there is no daemon", "nothing here"];
        let answered = !named(answer).is_empty() || reason.iter().any(|reason| answer.starts_with(reason));
        assert!(!scenario.is_empty() && answered, "{row:?}");
    }
}

/// The reader of sources sees what a test is and what is none.
#[test]
fn what_is_a_test_is_seen() {
    let source = "fn helper() {}\n#[test]\nfn plain() {}\nproptest! {\n    #[test]\n    fn any(text in \".*\") {}\n}\n\
                  rows! {\n    np_01_one \"NP-01\" \"…\" lifecycle::one;\n}\nfn story<C: Cluster>() {}\n";
    assert_eq!(tests(source), BTreeSet::from(["plain", "any", "np_01_one"]));
    assert_eq!(named("`a/b::c`, `::/0`, `x`, `d::e_f`"), [("a/b", "c"), ("d", "e_f")]);
}
