//! Settings compared with the JSON Schema that a module brings along, as far as settings need one: draft 2020-12's words for
//! kinds, members, items, ranges and alternatives. Patterns and formats are left to the module, which judges its settings
//! by itself.

use multus_document::{Pointer, Problem, json};
use serde_json::{Map, Value};

/// A schema is a stranger's: how deep one is followed, and how many of its parts are looked at.
const DEPTH: usize = 64;
const PARTS: usize = 100_000;
/// Problems that are told at once.
const PROBLEMS: usize = 20;

/// Everything about `value` that is not as its schema says, each at its place.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<Problem> {
    let mut check = Check { root: schema, parts: 0, found: Vec::new() };
    check.value(schema, value, &Pointer::root(), 0);
    check.found.truncate(PROBLEMS);
    check.found
}

struct Check<'a> {
    root: &'a Value,
    parts: usize,
    found: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn say(&mut self, place: &Pointer, message: impl Into<String>) {
        self.found.push(Problem::new(place.as_str(), message));
    }

    fn value(&mut self, schema: &'a Value, value: &Value, place: &Pointer, depth: usize) {
        self.parts += 1;
        if self.parts > PARTS || depth > DEPTH {
            if self.found.is_empty() {
                self.say(place, "the module's schema has too many parts to be followed");
            }
            return;
        }
        let words = match schema {
            Value::Bool(false) => return self.say(place, "there is no such setting"),
            Value::Object(words) => words,
            _ => return,
        };
        if let Some(target) = words.get("$ref").and_then(Value::as_str) {
            match target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(target) => self.value(target, value, place, depth + 1),
                None => {
                    self.say(
                        place,
                        format!("the module's schema refers to {target}, which it does not have"),
                    );
                }
            }
        }
        self.kind(words, value, place);
        self.alternatives(words, value, place, depth);
        match value {
            Value::Object(members) => self.members(words, members, place, depth),
            Value::Array(items) => self.items(words, items, place, depth),
            Value::Number(number) => self.range(words, number.as_f64().unwrap_or_default(), place),
            Value::String(text) => {
                let length = text.chars().count();
                self.bounds(words, ["minLength", "maxLength"], length, "characters", place);
            }
            _ => {}
        }
    }

    fn kind(&mut self, words: &Map<String, Value>, value: &Value, place: &Pointer) {
        let kinds: Vec<&str> = match words.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is(value, kind)) {
            self.say(place, format!("expected {}, found {}", kinds.join(" or "), json::kind(value)));
        }
        let wanted = match (words.get("const"), words.get("enum").and_then(Value::as_array)) {
            (Some(wanted), _) => std::slice::from_ref(wanted),
            (None, Some(wanted)) => wanted.as_slice(),
            (None, None) => return,
        };
        if !wanted.contains(value) {
            let wanted: Vec<String> = wanted.iter().map(Value::to_string).collect();
            self.say(place, format!("{value} is none of {}", wanted.join(", ")));
        }
    }

    fn alternatives(&mut self, words: &'a Map<String, Value>, value: &Value, place: &Pointer, depth: usize) {
        for schema in words.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(schema, value, place, depth + 1);
        }
        for (word, at_most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            let Some(schemas) = words.get(word).and_then(Value::as_array) else { continue };
            let (mut fitting, mut nearest) = (0, None::<Vec<Problem>>);
            for schema in schemas {
                let before = std::mem::take(&mut self.found);
                self.value(schema, value, place, depth + 1);
                let found = std::mem::replace(&mut self.found, before);
                fitting += usize::from(found.is_empty());
                // The one that gets furthest into the settings is the one that was meant.
                let reach = |problems: &[Problem]| problems.iter().map(|one| one.pointer.len()).max();
                if nearest.as_deref().is_none_or(|nearest| reach(&found) > reach(nearest)) {
                    nearest = Some(found);
                }
            }
            match fitting {
                0 => self.found.extend(nearest.into_iter().flatten()),
                fitting if fitting > at_most => {
                    self.say(place, "fits more than one of the kinds that it may be");
                }
                _ => {}
            }
        }
    }

    fn members(
        &mut self,
        words: &'a Map<String, Value>,
        members: &Map<String, Value>,
        place: &Pointer,
        depth: usize,
    ) {
        for key in words.get("required").and_then(Value::as_array).into_iter().flatten() {
            if let Some(key) = key.as_str().filter(|key| !members.contains_key(*key)) {
                self.say(&place.key(key), "is missing");
            }
        }
        let known = words.get("properties").and_then(Value::as_object);
        for (key, value) in members {
            match (known.and_then(|known| known.get(key)), words.get("additionalProperties")) {
                (Some(schema), _) => self.value(schema, value, &place.key(key), depth + 1),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> =
                        known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                    self.say(&place.key(key), format!("there is no such setting; there are {known}"));
                }
                (None, Some(schema)) => self.value(schema, value, &place.key(key), depth + 1),
                (None, None) => {}
            }
        }
        self.bounds(words, ["minProperties", "maxProperties"], members.len(), "members", place);
    }

    fn items(&mut self, words: &'a Map<String, Value>, items: &[Value], place: &Pointer, depth: usize) {
        if let Some(schema) = words.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(schema, item, &place.key(index), depth + 1);
            }
        }
        self.bounds(words, ["minItems", "maxItems"], items.len(), "items", place);
        if words.get("uniqueItems") == Some(&Value::Bool(true)) {
            let twice = items
                .iter()
                .enumerate()
                .find(|(at, item)| items.iter().take(*at).any(|other| other == *item));
            if let Some((at, item)) = twice {
                self.say(&place.key(at), format!("{item} stands there twice"));
            }
        }
    }

    fn bounds(
        &mut self,
        words: &Map<String, Value>,
        [least, most]: [&str; 2],
        found: usize,
        of: &str,
        place: &Pointer,
    ) {
        let bound = |word: &str| words.get(word).and_then(Value::as_u64);
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        if let Some(least) = bound(least).filter(|least| found < *least) {
            self.say(place, format!("has {found} {of}, fewer than {least}"));
        }
        if let Some(most) = bound(most).filter(|most| found > *most) {
            self.say(place, format!("has {found} {of}, more than {most}"));
        }
    }

    fn range(&mut self, words: &Map<String, Value>, number: f64, place: &Pointer) {
        let bound = |word: &str| words.get(word).and_then(Value::as_f64);
        let outside = [
            (bound("minimum").filter(|low| number < *low), "is less than"),
            (bound("maximum").filter(|high| number > *high), "is more than"),
            (bound("exclusiveMinimum").filter(|low| number <= *low), "is not more than"),
            (bound("exclusiveMaximum").filter(|high| number >= *high), "is not less than"),
        ];
        for (bound, how) in outside {
            if let Some(bound) = bound {
                self.say(place, format!("{number} {how} {bound}"));
            }
        }
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        // 1.0 is one, says the specification.
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(schema: &Value, value: Value) -> Vec<String> {
        problems(schema, &value).iter().map(|one| format!("{} {}", one.pointer, one.message)).collect()
    }

    #[test]
    fn each_problem_is_named_at_its_place() {
        let schema = json!({
            "type": "object", "required": ["mtu"], "additionalProperties": false,
            "properties": {
                "mtu": {"type": "integer", "minimum": 68, "maximum": 65535},
                "mode": {"enum": ["fast", "safe"]},
                "names": {"type": "array", "items": {"$ref": "#/$defs/name"}, "maxItems": 2, "uniqueItems": true},
                "tenants": {"type": "object", "additionalProperties": {"$ref": "#/$defs/name"}},
                "default": {"anyOf": [{"$ref": "#/$defs/rule"}, {"type": "null"}]},
            },
            "$defs": {
                "name": {"type": "string", "minLength": 1},
                "rule": {"type": "object", "required": ["networks"]},
            },
        });
        let rows = [
            (json!({"mtu": 9000}), vec![]),
            (json!({"mtu": 9000.0, "default": null, "mode": "safe"}), vec![]),
            (json!([]), vec![" expected object, found a list"]),
            (json!({}), vec!["/mtu is missing"]),
            (json!({"mtu": 7}), vec!["/mtu 7 is less than 68"]),
            (json!({"mtu": 65536}), vec!["/mtu 65536 is more than 65535"]),
            (json!({"mtu": 1.5}), vec!["/mtu expected integer, found a number", "/mtu 1.5 is less than 68"]),
            (json!({"mtu": "9"}), vec!["/mtu expected integer, found a string"]),
            (
                json!({"mtu": 68, "mut": 1}),
                vec!["/mut there is no such setting; there are mtu, mode, names, tenants, default"],
            ),
            (json!({"mtu": 68, "mode": "slow"}), vec!["/mode \"slow\" is none of \"fast\", \"safe\""]),
            (json!({"mtu": 68, "names": ["a", ""]}), vec!["/names/1 has 0 characters, fewer than 1"]),
            (
                json!({"mtu": 68, "names": ["a", "b", "a"]}),
                vec!["/names has 3 items, more than 2", "/names/2 \"a\" stands there twice"],
            ),
            (
                json!({"mtu": 68, "tenants": {"a/b": 1}}),
                vec!["/tenants/a~1b expected string, found a number"],
            ),
            (json!({"mtu": 68, "default": {}}), vec!["/default/networks is missing"]),
        ];
        for (value, expected) in rows {
            assert_eq!(found(&schema, value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn a_schema_without_end_ends() {
        let around = json!({"$ref": "#"});
        assert_eq!(found(&around, json!(1)), [" the module's schema has too many parts to be followed"]);
        let twice = json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]});
        assert_eq!(found(&twice, json!(1)).len(), 1);
        assert_eq!(found(&json!({"$ref": "#/x"}), json!(1)).len(), 1);
        assert_eq!(found(&json!(true), json!(1)), [""; 0]);
        assert_eq!(found(&json!(false), json!(1)), [" there is no such setting"]);
    }

    #[test]
    fn of_two_kinds_only_one_may_fit_where_the_schema_says_so() {
        let schema = json!({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]});
        assert_eq!(found(&schema, json!(1)), [""; 0]);
        assert_eq!(found(&schema, json!(3)), [" fits more than one of the kinds that it may be"]);
    }
}
