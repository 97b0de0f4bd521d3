//! An object's members, read strictly: what does not fit is gathered, with its place.

use multus_document::{Pointer, Problem, json};
use serde_json::{Map, Value};

/// The members of one JSON object, where it stands, and where its problems go.
pub(crate) struct Fields<'v, 'p> {
    members: &'v Map<String, Value>,
    at: Pointer,
    problems: &'p mut Vec<Problem>,
}

impl<'v, 'p> Fields<'v, 'p> {
    /// The members of `value`, which stands at `at`. Anything but an object is a problem.
    pub(crate) fn of(value: &'v Value, at: Pointer, problems: &'p mut Vec<Problem>) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self { members, at, problems }),
            other => {
                let message = format!("expected an object, found {}", json::kind(other));
                problems.push(Problem::new(at, message));
                None
            }
        }
    }

    /// Where a member stands.
    pub(crate) fn place(&self, key: &str) -> Pointer {
        self.at.key(key)
    }

    /// The keys, in the author's order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.members.keys().map(String::as_str)
    }

    /// A member; null means "not given", as it does to every reader written in Go.
    pub(crate) fn value(&self, key: &str) -> Option<&'v Value> {
        self.members.get(key).filter(|value| !value.is_null())
    }

    /// A member that is a string, not an empty one.
    pub(crate) fn text(&mut self, key: &str) -> Option<&'v str> {
        match self.value(key)? {
            Value::String(text) if text.is_empty() => {
                self.refuse(key, "is empty", "leave it out, or give a value");
                None
            }
            Value::String(text) => Some(text),
            other => self.refuse_kind(key, other, "a string"),
        }
    }

    /// A member that is an object.
    pub(crate) fn object(&mut self, key: &str) -> Option<Fields<'v, '_>> {
        let value = self.value(key)?;
        Fields::of(value, self.at.key(key), self.problems)
    }

    /// A member that is a list.
    pub(crate) fn list(&mut self, key: &str) -> Option<&'v [Value]> {
        match self.value(key)? {
            Value::Array(items) => Some(items),
            other => self.refuse_kind(key, other, "a list"),
        }
    }

    /// The elements of a member that is a list of strings, each read by `read`, which says what is
    /// wrong with it.
    pub(crate) fn each_text<T>(
        &mut self,
        key: &str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let items = self.list(key)?;
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let value = match item {
                Value::String(text) => read(text),
                other => Err(Problem::new("", format!("expected a string, found {}", json::kind(other)))),
            };
            match value {
                Ok(value) => values.push(value),
                Err(problem) => self.add(problem.below(self.at.key(key).key(index).as_str())),
            }
        }
        Some(values)
    }

    /// The elements of a member that is a list of objects, each read by `read`.
    pub(crate) fn each_object<T>(
        &mut self,
        key: &str,
        read: impl Fn(&mut Fields<'v, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.list(key)?;
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = self.at.key(key).key(index);
            values.extend(Fields::of(item, at, self.problems).and_then(|mut fields| read(&mut fields)));
        }
        Some(values)
    }

    /// A member that is a whole number from 1 to `max`.
    pub(crate) fn positive(&mut self, key: &str, max: u64) -> Option<u64> {
        let value = self.value(key)?;
        let number = value.as_u64().filter(|number| (1..=max).contains(number));
        if number.is_none() {
            let found = if value.is_number() { value.to_string() } else { json::kind(value).to_owned() };
            let range = if max == u64::MAX { "from 1".to_owned() } else { format!("from 1 to {max}") };
            self.add(Problem::new(
                self.at.key(key),
                format!("expected a whole number {range}, found {found}"),
            ));
        }
        number
    }

    /// Refuses every key that is not in `valid`: what is dropped in silence, somebody misses.
    pub(crate) fn only(&mut self, valid: &[&str]) {
        for key in self.keys() {
            if !valid.contains(&key) {
                self.refuse(key, &format!("unknown key `{key}`"), &advice_for_key(key, valid));
            }
        }
    }

    /// The same for keys that upstream drops without a word.
    pub(crate) fn only_or_pass_over(&mut self, valid: &[&str]) {
        for key in self.keys() {
            if !valid.contains(&key) {
                self.pass_over(key, &format!("unknown key `{key}`"), &advice_for_key(key, valid));
            }
        }
    }

    /// Adds a problem that upstream passes over.
    pub(crate) fn pass_over(&mut self, key: &str, message: &str, advice: &str) {
        self.add(Problem::new(self.at.key(key), message).advise(advice).as_warning());
    }

    /// Adds a problem with a member.
    pub(crate) fn refuse(&mut self, key: &str, message: &str, advice: &str) {
        self.add(Problem::new(self.at.key(key), message).advise(advice));
    }

    /// Adds any problem.
    pub(crate) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn refuse_kind<T>(&mut self, key: &str, found: &Value, wanted: &str) -> Option<T> {
        let message = format!("expected {wanted}, found {}", json::kind(found));
        self.add(Problem::new(self.at.key(key), message));
        None
    }
}

fn advice_for_key(key: &str, valid: &[&str]) -> String {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    match valid.iter().find(|candidate| plain(candidate) == plain(key)) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("the keys are {}", valid.join(", ")),
    }
}
