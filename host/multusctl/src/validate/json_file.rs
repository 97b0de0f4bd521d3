//! A JSON file: a configuration, a catalog or a manifest.

use multus_document::{Position, json};

use super::finding::Finding;
use super::kind;
use super::manifest::{self, Locate};
use super::recover::{self, Recovered};

/// Every problem of a JSON file.
pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    let Recovered { object, text, errors } = recover::read(text);
    let mut findings: Vec<Finding> = errors.into_iter().map(|error| Finding::syntax(file, error)).collect();
    let Some(object) = object else { return findings };
    let problems = kind::problems(&object);
    let places = Places { text: &text };
    if kind::is_manifest(&object) {
        findings.extend(manifest::findings(file, &object.to_value(), problems, &places));
    } else {
        let located =
            problems.into_iter().map(|problem| Finding::of(file, places.value(&problem.pointer), problem));
        findings.extend(located);
    }
    findings
}

/// Places in JSON text.
struct Places<'a> {
    text: &'a str,
}

impl Locate for Places<'_> {
    fn value(&self, pointer: &str) -> Option<Position> {
        json::locate(self.text, pointer)
    }

    /// JSON inside a JSON string is full of escapes: its own places are told in words.
    fn inside(&self, _: &str, _: &str, _: Position) -> Option<Position> {
        None
    }
}
