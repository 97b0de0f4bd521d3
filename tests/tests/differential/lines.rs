//! What was seen, one fact a line: `links: node br0 mtu = 1500`. What comes before the colon is the kind of fact.

use std::collections::BTreeSet;

use serde_json::Value;

/// Facts, sorted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lines(pub(crate) BTreeSet<String>);

impl Lines {
    pub(crate) fn say(&mut self, kind: &str, fact: impl std::fmt::Display) {
        self.0.insert(format!("{kind}: {fact}"));
    }

    /// A document, one line a leaf.
    pub(crate) fn document(&mut self, kind: &str, of: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    self.document(kind, &format!("{of}/{key}"), value);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.document(kind, &format!("{of}/{index}"), value);
                }
            }
            leaf => self.say(kind, format!("{of} = {leaf}")),
        }
    }

    /// Every line with these texts replaced.
    pub(crate) fn renamed(&self, names: &[(String, String)]) -> Lines {
        let rename = |line: &String| {
            names.iter().fold(line.clone(), |line, (from, to)| line.replace(from.as_str(), to))
        };
        Lines(self.0.iter().map(rename).collect())
    }

    /// Lines that only this side has.
    pub(crate) fn beyond<'a>(&'a self, other: &'a Lines) -> impl Iterator<Item = &'a str> {
        self.0.difference(&other.0).map(String::as_str)
    }
}

/// What comes before the colon.
pub(crate) fn kind(line: &str) -> &str {
    line.split_once(':').map_or(line, |(kind, _)| kind)
}
