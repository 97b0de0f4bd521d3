//! Reads members of a JSON document, noting what is wrong with them.

use std::fmt::Display;
use std::ops::RangeInclusive;

use multus_document::{Pointer, Problem, json};
use serde_json::{Map, Value};

use crate::limits::InvalidLimit;

/// Collects the problems of one document.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

/// A number with a unit: how it is written, between what, and how people read it.
pub(super) struct Quantity<T> {
    pub(super) parse: fn(&str) -> Result<T, InvalidLimit>,
    pub(super) range: RangeInclusive<T>,
    pub(super) human: fn(T) -> String,
}

impl Reader {
    pub(super) fn problem(&mut self, at: &Pointer, message: impl Display, advice: impl Into<String>) {
        self.problems.push(Problem::new(at.as_str(), message.to_string()).advise(advice));
    }

    pub(super) fn quantity<T: PartialOrd + Copy>(
        &mut self,
        at: &Pointer,
        members: &Map<String, Value>,
        key: &str,
        quantity: &Quantity<T>,
    ) -> Option<T> {
        let value = members.get(key)?;
        let (at, human, range) = (at.key(key), quantity.human, &quantity.range);
        let between = format!("between {} and {}", human(*range.start()), human(*range.end()));
        match value.as_str().map(quantity.parse) {
            Some(Ok(found)) if range.contains(&found) => return Some(found),
            Some(Ok(found)) => self.problem(&at, format!("{} is out of range", human(found)), between),
            Some(Err(error)) => self.problem(&at, error, between),
            None => self.problem(&at, wrong_kind("a string", value), between),
        }
        None
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        at: &Pointer,
        members: &Map<String, Value>,
        key: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let value = members.get(key)?;
        let found = choices.iter().find(|(name, _)| value.as_str() == Some(name)).map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.problem(
                &at.key(key),
                format!("{value} is no {key}"),
                format!("write one of {}", list(&names)),
            );
        }
        found
    }

    pub(super) fn strings(
        &mut self,
        at: &Pointer,
        members: &Map<String, Value>,
        key: &str,
    ) -> Option<Vec<String>> {
        let value = members.get(key)?;
        let at = at.key(key);
        let Some(list) = value.as_array() else {
            self.problem(&at, wrong_kind("a list of strings", value), "write [\"…\"]");
            return None;
        };
        let mut strings = Vec::new();
        for (index, value) in list.iter().enumerate() {
            match value.as_str() {
                Some(text) => strings.push(text.to_owned()),
                None => self.problem(&at.key(index), wrong_kind("a string", value), "write \"…\""),
            }
        }
        Some(strings)
    }

    pub(super) fn object<'a>(&mut self, at: &Pointer, value: &'a Value) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.problem(at, wrong_kind("an object", value), "write {…}");
        }
        object
    }

    pub(super) fn known_keys(&mut self, at: &Pointer, members: &Map<String, Value>, known: &[&str]) {
        for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problem(&at.key(key), format!("unknown key `{key}`"), format!("valid are {}", list(known)));
        }
    }
}

pub(super) fn wrong_kind(wanted: &str, found: &Value) -> String {
    format!("expected {wanted}, found {}", json::kind(found))
}

pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
