//! Kubernetes objects as they stand in manifests.

mod kind;
mod metadata;

use std::collections::BTreeMap;

use multus_document::{Pointer, Problem};
use serde_json::Value;

pub(crate) use kind::Kind;
use metadata::Metadata;

use crate::devices::Demand;
use crate::fields::Fields;
use crate::object::{Network2018, NetworkDefinition, NetworkRef, Pod, is_static};

/// An object that we read, and where it stands in its document.
pub(crate) struct Found<'a> {
    pub(crate) kind: Kind,
    pub(crate) at: Pointer,
    pub(crate) value: &'a Value,
}

/// What an object says.
pub(crate) enum Manifest {
    Pod(Pod),
    Network(NetworkDefinition),
    Network2018(Network2018),
    Namespace { name: String, labels: BTreeMap<String, String> },
}

/// The objects of a document that we read, those in a `kind: List` included. Objects of other kinds
/// are left out; what could be a misspelt one of ours is a problem.
pub(crate) fn objects<'a>(document: &'a Value, problems: &mut Vec<Problem>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    gather(document, Pointer::root(), &mut found, problems);
    found
}

fn gather<'a>(value: &'a Value, at: Pointer, found: &mut Vec<Found<'a>>, problems: &mut Vec<Problem>) {
    let Some(mut fields) = Fields::of(value, at.clone(), problems) else { return };
    if fields.value("kind").is_none() {
        fields.refuse("kind", "`kind` is missing", "write what the object is, such as `kind: Pod`");
    }
    let Some(name) = fields.text("kind") else { return };
    if let Some(kind) = Kind::named(name) {
        check_api_version(kind, &mut fields);
        found.push(Found { kind, at, value });
    } else if name == "List" {
        for (index, item) in fields.list("items").unwrap_or_default().iter().enumerate() {
            gather(item, at.key("items").key(index), found, problems);
        }
    } else if name.strip_suffix("List").and_then(Kind::named).is_some() {
        fields.refuse("kind", &format!("`{name}` is not read"), "write `kind: List` and `apiVersion: v1`");
    } else if let Some(kind) = misspelt(name) {
        fields.refuse("kind", &format!("unknown kind `{name}`"), &format!("did you mean `{kind}`?"));
    }
}

/// A kind of ours in other letters: kinds of others never differ from it in case alone.
fn misspelt(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name.trim_end_matches('s')))
}

fn check_api_version(kind: Kind, fields: &mut Fields<'_, '_>) {
    let wanted = kind.api_version();
    let version = fields.text("apiVersion");
    if version.is_some_and(|version| version != wanted) || fields.value("apiVersion").is_none() {
        let message = format!("a {kind} of apiVersion `{}` is not known", version.unwrap_or_default());
        fields.refuse("apiVersion", &message, &format!("write `apiVersion: {wanted}`"));
    }
}

/// Reads an object; of use only if no problem came up. Configurations and annotations are not
/// looked into: that is for those who use them.
pub(crate) fn read(found: &Found<'_>, problems: &mut Vec<Problem>) -> Option<Manifest> {
    let mut fields = Fields::of(found.value, found.at.clone(), problems)?;
    let metadata = Metadata::read(&mut fields, found.kind)?;
    Some(match found.kind {
        Kind::Pod => {
            let demand = Demand::of(found.value);
            Manifest::Pod(Pod { demand, ..pod(metadata, &mut fields) })
        }
        Kind::Network => Manifest::Network(network(metadata, &mut fields)),
        Kind::Network2018 => Manifest::Network2018(network_2018(metadata, &mut fields)),
        Kind::Namespace => Manifest::Namespace { name: metadata.name, labels: metadata.labels },
    })
}

fn pod(metadata: Metadata, fields: &mut Fields<'_, '_>) -> Pod {
    let account = fields.object("spec").and_then(|mut spec| spec.text("serviceAccountName"));
    Pod {
        static_pod: is_static(&metadata.annotations),
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid.unwrap_or_default(),
        service_account: account.unwrap_or("default").to_owned(),
        labels: metadata.labels,
        annotations: metadata.annotations,
        namespace_labels: BTreeMap::new(),
        demand: Demand::default(),
    }
}

fn network(metadata: Metadata, fields: &mut Fields<'_, '_>) -> NetworkDefinition {
    let config = fields.object("spec").and_then(|mut spec| match spec.value("config") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            let advice = "write the configuration as text: `config: |` and JSON below it";
            spec.refuse("config", "the configuration is not a string", advice);
            None
        }
        None => None,
    });
    NetworkDefinition {
        reference: NetworkRef { namespace: metadata.namespace, name: metadata.name },
        config: config.unwrap_or_default(),
        annotations: metadata.annotations,
    }
}

/// `plugin` and `args` stand beside `metadata`, not in a `spec`.
fn network_2018(metadata: Metadata, fields: &mut Fields<'_, '_>) -> Network2018 {
    for key in ["plugin", "args"] {
        if fields.value(key).is_none() {
            fields.refuse(
                key,
                &format!("`{key}` is missing"),
                "a Network has `plugin` and `args`, both text",
            );
        }
    }
    Network2018 {
        reference: NetworkRef { namespace: metadata.namespace, name: metadata.name },
        plugin: fields.text("plugin").unwrap_or_default().to_owned(),
        args: fields.text("args").unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
