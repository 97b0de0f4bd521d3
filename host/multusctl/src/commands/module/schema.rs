//! A module's schema of its settings, for people.

use serde_json::{Map, Value};

use crate::console::plain;

/// How deep settings are told; JSON has all of them.
const DEPTH: usize = 4;

/// The settings in lines: names, kinds, and what their author says of each. The first line stands behind a heading, the
/// others below it.
pub(super) fn in_words(schema: &Value) -> String {
    let mut lines = Vec::new();
    tell(schema, schema, "", 0, &mut lines);
    if lines.is_empty() { "any".to_owned() } else { lines.join("\n           ") }
}

fn tell(root: &Value, schema: &Value, indent: &str, depth: usize, lines: &mut Vec<String>) {
    if depth > DEPTH {
        return;
    }
    let schema = followed(root, schema);
    let required: Vec<&Value> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().collect();
    for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let needed = if required.iter().any(|key| *key == name) { "" } else { ", optional" };
        let says = member.get("description").or_else(|| followed(root, member).get("description"));
        let says = says.and_then(Value::as_str).map(|says| format!(": {says}")).unwrap_or_default();
        let line = format!("{name} ({}{needed}){says}", kind(root, member));
        lines.push(format!("{indent}{}", plain(&line)));
        tell(root, member, &format!("{indent}  "), depth + 1, lines);
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(below).filter(|below| below.is_object()) {
            tell(root, below, indent, depth + 1, lines);
        }
    }
}

/// What a schema refers to, or the one alternative that is not `null`.
fn followed<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEPTH {
        let other = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|target| root.pointer(target.strip_prefix('#')?));
        let alternatives = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let other =
            other.or_else(|| alternatives.into_iter().find(|one| one.get("type") != Some(&"null".into())));
        match other {
            Some(other) => schema = other,
            None => break,
        }
    }
    schema
}

fn kind(root: &Value, schema: &Value) -> String {
    let schema = followed(root, schema);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(text).collect::<Vec<_>>().join(" or ");
    }
    let kinds = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        Some(kind) => text(kind),
        None => "any".to_owned(),
    };
    let items =
        schema.get("items").map(|items| format!(" of {}", kind(root, items))).filter(|_| kinds == "array");
    let bound =
        |word: &str| schema.as_object().and_then(|words: &Map<String, Value>| words.get(word)).map(text);
    let range = match (bound("minimum"), bound("maximum")) {
        (Some(low), Some(high)) => format!(" {low} to {high}"),
        (Some(low), None) => format!(" from {low}"),
        (None, Some(high)) => format!(" to {high}"),
        (None, None) => String::new(),
    };
    format!("{kinds}{}{range}", items.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_told_with_their_kinds_and_their_authors_words() {
        let schema = json!({
            "type": "object", "required": ["mtu"],
            "properties": {
                "mtu": {"type": "integer", "minimum": 68, "maximum": 65535, "description": "In bytes."},
                "tenants": {"type": "object", "additionalProperties": {"$ref": "#/$defs/rule"}, "description": "By\nname"},
                "mode": {"enum": ["fast", "safe"]},
                "default": {"anyOf": [{"$ref": "#/$defs/rule"}, {"type": "null"}]},
            },
            "$defs": {"rule": {"type": "object", "required": ["types"], "properties": {
                "types": {"type": "array", "items": {"type": "string"}},
            }}},
        });
        let lines = [
            "mtu (integer 68 to 65535): In bytes.",
            "tenants (object, optional): By name",
            "  types (array of string)",
            "mode (fast or safe, optional)",
            "default (object, optional)",
            "  types (array of string)",
        ];
        assert_eq!(in_words(&schema), lines.join("\n           "));
        assert_eq!(in_words(&json!(true)), "any");
        let around = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}});
        assert!(in_words(&around).lines().count() < 100);
    }
}
