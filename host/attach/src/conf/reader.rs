//! Members of the conf by their form; what does not fit is gathered, with its place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use multus_document::{Object, Pointer, Problem, json};
use serde_json::{Map, Value};

/// Where problems go while a conf is read.
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn refuse(&mut self, at: &Pointer, message: impl Into<String>, advice: &str) {
        self.problems.push(Problem::new(at.as_str(), message).advise(advice));
    }

    pub(super) fn warn(&mut self, at: &Pointer, message: impl Into<String>, advice: &str) {
        self.problems.push(Problem::new(at.as_str(), message).advise(advice).as_warning());
    }

    pub(super) fn wrong_kind(&mut self, at: &Pointer, found: &Value, expected: &str) {
        self.refuse(
            at,
            format!("expected {expected}, found {}", json::kind(found)),
            &format!("write {expected}"),
        );
    }

    /// A text; an empty one asks for nothing.
    pub(super) fn text(&mut self, source: &Object, parent: &Pointer, key: &str) -> Option<String> {
        match source.get(key)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text),
            Value::Null => None,
            other => {
                self.wrong_kind(&parent.key(key), &other, "a string");
                None
            }
        }
    }

    /// One of a few words; `None` where none of them is written.
    pub(super) fn choice<T: Copy>(&mut self, source: &Object, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(source, &Pointer::root(), key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect();
            let at = Pointer::root().key(key);
            self.refuse(&at, format!("unknown `{key}` `{text}`"), &format!("write {}", known.join(" or ")));
        }
        found
    }

    /// A path, absolute: the runtime's working directory is nobody's to rely on.
    pub(super) fn path(&mut self, source: &Object, parent: &Pointer, key: &str) -> Option<PathBuf> {
        let text = self.text(source, parent, key)?;
        if Path::new(&text).is_absolute() {
            return Some(text.into());
        }
        self.refuse(&parent.key(key), format!("`{text}` is not an absolute path"), "begin it with `/`");
        None
    }

    pub(super) fn object(&mut self, source: &Object, key: &str) -> Option<Map<String, Value>> {
        match source.get(key)? {
            Value::Object(map) => Some(map),
            Value::Null => None,
            other => {
                self.wrong_kind(&Pointer::root().key(key), &other, "an object");
                None
            }
        }
    }

    /// `true` or `false`, also in quotes (CNI-13).
    pub(super) fn flag(&mut self, source: &Object, key: &str) -> Option<bool> {
        match source.get(key)? {
            Value::Null => None,
            Value::Bool(value) => Some(value),
            Value::String(text) if text == "true" || text == "false" => Some(text == "true"),
            other => {
                self.wrong_kind(&Pointer::root().key(key), &other, "`true` or `false`");
                None
            }
        }
    }

    /// A list of texts, each read by `read`, which says what is wrong with one.
    pub(super) fn texts<T>(
        &mut self,
        source: &Object,
        key: &str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let at = Pointer::root().key(key);
        let items = match source.get(key)? {
            Value::Null => return None,
            Value::Array(items) => items,
            other => {
                self.wrong_kind(&at, &other, "a list of strings");
                return None;
            }
        };
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.as_str().map(&read) {
                Some(Ok(value)) => values.push(value),
                Some(Err(problem)) => self.problems.push(problem.below(at.key(index).as_str())),
                None => self.wrong_kind(&at.key(index), item, "a string"),
            }
        }
        Some(values)
    }

    /// Whole seconds, as in `"45s"`.
    pub(super) fn seconds(&mut self, at: &Pointer, value: &Value) -> Option<Duration> {
        let seconds =
            value.as_str().and_then(|text| text.strip_suffix('s')).and_then(|text| text.parse().ok());
        match seconds {
            Some(seconds @ 1..=600_u64) => Some(Duration::from_secs(seconds)),
            _ => {
                self.refuse(
                    at,
                    format!("{value} is not a duration"),
                    "write whole seconds from 1 to 600, as in `\"45s\"`",
                );
                None
            }
        }
    }
}
