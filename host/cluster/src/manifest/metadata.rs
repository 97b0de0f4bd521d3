//! An object's `metadata`.

use std::collections::BTreeMap;

use multus_document::{Problem, json};
use serde_json::Value;

use super::Kind;
use crate::fields::Fields;
use crate::name;

/// What is read of an object's `metadata`.
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Metadata {
    /// Reads the `metadata` of an object.
    pub(super) fn read(object: &mut Fields<'_, '_>, kind: Kind) -> Option<Self> {
        if object.value("metadata").is_none() {
            object.refuse("metadata", "`metadata` is missing", "add `metadata:` with a `name`");
        }
        let mut fields = object.object("metadata")?;
        let name = read_name(&mut fields, kind);
        let namespace = read_namespace(&mut fields);
        let uid = fields.text("uid").map(str::to_owned);
        let labels = read_strings(&mut fields, "labels");
        let annotations = read_strings(&mut fields, "annotations");
        Some(Self { name: name?, namespace, uid, labels, annotations })
    }
}

fn read_name(fields: &mut Fields<'_, '_>, kind: Kind) -> Option<String> {
    if fields.value("name").is_none() {
        fields.refuse(
            "name",
            "`name` is missing",
            "give the object a name; generated ones are not known here",
        );
    }
    let name = fields.text("name")?;
    let fits = if kind == Kind::Namespace { name::is_label(name) } else { name::is_subdomain(name) };
    if !fits {
        let message = format!("`{}` can't be the name of a {kind}", name.escape_debug());
        fields.refuse("name", &message, "use lower-case letters, digits and inner `-` (DNS-1123)");
    }
    Some(name.to_owned())
}

fn read_namespace(fields: &mut Fields<'_, '_>) -> String {
    let namespace = fields.text("namespace").unwrap_or("default");
    if !name::is_label(namespace) {
        let message = format!("`{}` can't be a namespace", namespace.escape_debug());
        fields.refuse("namespace", &message, "use lower-case letters, digits and inner `-` (DNS-1123)");
    }
    namespace.to_owned()
}

/// A member whose own members are strings; a value left blank is the empty string, as it is to
/// API servers.
fn read_strings(fields: &mut Fields<'_, '_>, key: &str) -> BTreeMap<String, String> {
    let Some(mut members) = fields.object(key) else { return BTreeMap::new() };
    let mut strings = BTreeMap::new();
    for key in members.keys() {
        match members.value(key) {
            None => drop(strings.insert(key.to_owned(), String::new())),
            Some(Value::String(text)) => drop(strings.insert(key.to_owned(), text.clone())),
            Some(other) => {
                let message = format!("expected a string, found {}", json::kind(other));
                let problem = Problem::new(members.place(key), message);
                members.add(problem.advise(if other.is_object() || other.is_array() {
                    "write it as text: `|` and the JSON below it"
                } else {
                    "put it in quotes"
                }));
            }
        }
    }
    strings
}
