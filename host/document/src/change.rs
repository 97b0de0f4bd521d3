//! The difference between two configurations, and how the changed one keeps the text of what did not change.

use std::fmt;

use crate::{Object, Pointer};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One place where a transform's answer differs from the configuration it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// JSON pointer of the place.
    pub pointer: String,
    /// The value before, `None` if the member was added.
    pub before: Option<Value>,
    /// The value after, `None` if the member was removed.
    pub after: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pointer, before, after } = self;
        match (before, after) {
            (None, Some(after)) => write!(f, "{pointer} added: {}", short(after)),
            (Some(before), None) => write!(f, "{pointer} removed: {}", short(before)),
            (Some(before), Some(after)) => write!(f, "{pointer}: {} became {}", short(before), short(after)),
            (None, None) => write!(f, "{pointer}"),
        }
    }
}

fn short(value: &Value) -> String {
    const ROOM: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(ROOM) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

/// Every difference, at the deepest place that names it. A member that appears with an object as its value is
/// as many changes as that object has members, so that allowing `/ipam/subnet` allows an `ipam` with just that.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&Pointer::root(), Some(before), Some(after), &mut found);
    found
}

fn compare(place: &Pointer, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    if before == after {
        return;
    }
    let empty = Map::new();
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => members(place, before, after, found),
        (None, Some(Value::Object(after))) if !after.is_empty() => members(place, &empty, after, found),
        (Some(Value::Object(before)), None) if !before.is_empty() => members(place, before, &empty, found),
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(&place.key(index), Some(before), Some(after), found);
            }
        }
        _ => found.push(Change {
            pointer: place.as_str().to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

fn members(
    place: &Pointer,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<Change>,
) {
    // Most are equal: their places need no names.
    for (key, value) in before.iter().filter(|(key, value)| after.get(*key) != Some(value)) {
        compare(&place.key(key), Some(value), after.get(key), found);
    }
    for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        compare(&place.key(key), None, Some(value), found);
    }
}

/// The configuration before, with what changed taken from the one after: order, spelling and number forms of
/// everything else stay the author's, whatever the module's JSON library made of them.
pub fn merge(before: &Object, after: &Object) -> Object {
    let mut merged = before.clone();
    for key in before.keys().filter(|key| !after.contains(key)) {
        merged.remove(key);
    }
    // What has the same text needs no look into it.
    for key in after.keys().filter(|key| before.text(key) != after.text(key)) {
        if let Some(new) = after.raw(key) {
            merged.set_text(key, &merge_text(before.raw(key).map(ToOwned::to_owned), new.to_owned()));
        }
    }
    merged
}

fn merge_text(before: Option<Box<RawValue>>, after: Box<RawValue>) -> Box<RawValue> {
    let new = value_of(&after);
    let Some(before) = before else { return written(&new).unwrap_or(after) };
    let old = value_of(&before);
    if old == new {
        return before;
    }
    let merged = match (&old, &new) {
        (Some(Value::Object(_)), Some(Value::Object(_))) => merge_objects(&before, &after),
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            merge_lists(&before, &after)
        }
        // Written anew: the module's own text could repeat a key, which was compared by its last value only.
        _ => written(&new),
    };
    merged.unwrap_or(after)
}

fn merge_objects(before: &RawValue, after: &RawValue) -> Option<Box<RawValue>> {
    let object = |text: &RawValue| Object::parse(text.get().as_bytes()).ok();
    written(&merge(&object(before)?, &object(after)?))
}

fn merge_lists(before: &RawValue, after: &RawValue) -> Option<Box<RawValue>> {
    let list = |text: &RawValue| serde_json::from_str::<Vec<Box<RawValue>>>(text.get()).ok();
    let pairs = list(before)?.into_iter().zip(list(after)?);
    written(&pairs.map(|(old, new)| merge_text(Some(old), new)).collect::<Vec<_>>())
}

fn written(value: &impl Serialize) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(value).ok()
}

fn value_of(text: &RawValue) -> Option<Value> {
    serde_json::from_str(text.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn pointers(before: &Value, after: &Value) -> Vec<String> {
        changes(before, after).into_iter().map(|change| change.pointer).collect()
    }

    #[test]
    fn differences_are_named_at_the_deepest_place() {
        let rows = [
            (json!({"mtu": 1500}), json!({"mtu": 9000}), vec!["/mtu"]),
            (json!({}), json!({"ipam": {"a": 1, "b": {"c": 2}}}), vec!["/ipam/a", "/ipam/b/c"]),
            (json!({"ipam": {"a": 1}}), json!({}), vec!["/ipam/a"]),
            (json!({}), json!({"ipam": {}}), vec!["/ipam"]),
            (json!({"a": {"b": 1}}), json!({"a": 1}), vec!["/a"]),
            (json!({"a": [{"b": 1}, 2]}), json!({"a": [{"b": 3}, 2]}), vec!["/a/0/b"]),
            (json!({"a": [1]}), json!({"a": [1, 2]}), vec!["/a"]),
            (json!({"a/b": 1, "c~": 1}), json!({"a/b": 2, "c~": 2}), vec!["/a~1b", "/c~0"]),
            (json!({"a": null}), json!({}), vec!["/a"]),
            (json!({"n": 1}), json!({"n": 1.0}), vec!["/n"]),
        ];
        for (before, after, expected) in rows {
            assert_eq!(pointers(&before, &after), expected, "{before} {after}");
        }
    }

    #[test]
    fn what_did_not_change_keeps_its_text() {
        let before =
            Object::parse(br#"{"z": 1e2, "ipam":{"u":"\u00e9","n":2.50}, "old": 1, "mtu": 1}"#).unwrap();
        let after =
            Object::parse(r#"{"mtu":9000,"ipam":{"n":2.5,"u":"é","gw":"x"},"z":100.0}"#.as_bytes()).unwrap();
        assert_eq!(
            merge(&before, &after).to_string(),
            r#"{"z":1e2,"ipam":{"u":"\u00e9","n":2.50,"gw":"x"},"mtu":9000}"#
        );
    }

    #[test]
    fn a_key_that_a_module_repeats_is_gone_wherever_it_changed_something() {
        let before = Object::parse(br#"{"a":[{"n":1.50,"m":1},1e2]}"#).unwrap();
        let after =
            Object::parse(br#"{"a":[{"n":9,"n":1.5,"m":2},1e2],"b":[{"x":{"evil":1},"x":{}}]}"#).unwrap();
        assert_eq!(merge(&before, &after).to_string(), r#"{"a":[{"n":1.50,"m":2},1e2],"b":[{"x":{}}]}"#);
    }

    #[test]
    fn a_change_reads_as_a_sentence() {
        let found = changes(&json!({"type": "macvlan"}), &json!({"type": "bridge", "x": 1}));
        assert_eq!(found[0].to_string(), r#"/type: "macvlan" became "bridge""#);
        assert_eq!(found[1].to_string(), "/x added: 1");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[a-c/~]{1,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn any_object() -> impl Strategy<Value = Value> {
        proptest::collection::btree_map("[a-c]", any_json(), 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn no_change_is_missed_and_the_merged_text_means_what_the_module_said(before in any_object(), after in any_object()) {
            prop_assert_eq!(changes(&before, &after).is_empty(), before == after);
            let merged = merge(&Object::from_value(&before).unwrap(), &Object::from_value(&after).unwrap());
            prop_assert_eq!(merged.to_value(), after);
        }
    }
}
