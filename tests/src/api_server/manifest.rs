//! Manifests in YAML, one or many in a text. Read without the host's own reader: it is what is tested.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Number, Value};

/// Every object of a text; lists are taken apart.
///
/// # Panics
/// If it is not YAML, or holds what JSON can't.
pub(super) fn objects(text: &str) -> Vec<Value> {
    let documents =
        Yaml::load_from_str(text).unwrap_or_else(|error| panic!("a manifest is no YAML: {error}\n{text}"));
    documents.iter().map(json).filter(|document| !document.is_null()).flat_map(items).collect()
}

/// The objects of a `List`, or the object itself.
pub(super) fn items(object: Value) -> Vec<Value> {
    match &object["items"] {
        Value::Array(items) if object["kind"] == "List" => items.clone(),
        _ => vec![object],
    }
}

fn json(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => Value::Bool(*value),
        Yaml::Value(Scalar::Integer(value)) => Value::from(*value),
        Yaml::Value(Scalar::FloatingPoint(value)) => Value::from(Number::from_f64(value.into_inner())),
        Yaml::Value(Scalar::String(value)) => Value::from(value.as_ref()),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(members) => {
            let members = members.iter();
            members
                .map(|(key, value)| (key.as_str().expect("a key is text").to_owned(), json(value)))
                .collect()
        }
        other => panic!("no manifest has {other:?}"),
    }
}
