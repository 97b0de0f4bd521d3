//! The objects, and what happened to them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::resource::Resource;
use super::stamp;

/// Which object: group and plural, namespace, name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    group: String,
    plural: String,
    namespace: String,
    name: String,
}

impl Key {
    pub(super) fn new(resource: &Resource, namespace: &str, name: &str) -> Key {
        let namespace = if resource.namespaced { namespace } else { "" };
        Key {
            group: resource.group.clone(),
            plural: resource.plural.clone(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Is it one of these? An empty namespace stands for all.
    pub(super) fn is_of(&self, resource: &Resource, namespace: &str) -> bool {
        self.group == resource.group
            && self.plural == resource.plural
            && (namespace.is_empty() || self.namespace == namespace)
    }
}

/// One step in the history.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) key: Key,
    /// `None` at create.
    pub(super) before: Option<Value>,
    /// `None` at delete.
    pub(super) after: Option<Value>,
}

/// All objects, with one revision for all, as etcd has it.
#[derive(Debug, Default)]
pub(super) struct Store {
    revision: u64,
    objects: BTreeMap<Key, Value>,
    history: Vec<Change>,
    /// Changes up to this one are forgotten.
    forgotten: u64,
}

impl Store {
    /// The newest revision.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// One object.
    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// All objects of a resource, of a namespace or all.
    pub(super) fn all<'a>(
        &'a self,
        resource: &'a Resource,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Value> {
        let of = move |(key, _): &(&Key, &Value)| key.is_of(resource, namespace);
        self.objects.iter().filter(of).map(|(_, object)| object)
    }

    /// Puts an object there, new or not, with a new resourceVersion; gives it what every object has.
    pub(super) fn put(&mut self, key: Key, mut object: Value) -> Value {
        self.revision += 1;
        let before = self.objects.get(&key).cloned();
        let was = before.as_ref().map(|before| &before["metadata"]);
        let metadata = object_member(&mut object, "metadata");
        metadata.insert("name".into(), json!(key.name));
        if !key.namespace.is_empty() {
            metadata.insert("namespace".into(), json!(key.namespace));
        }
        for (field, made) in [("uid", stamp::uid as fn() -> String), ("creationTimestamp", stamp::now)] {
            let given = metadata.get(field).is_some_and(|value| !value.is_null());
            if !given {
                let kept = was.map(|was| was[field].clone()).unwrap_or_else(|| json!(made()));
                metadata.insert(field.into(), kept);
            }
        }
        metadata.insert("resourceVersion".into(), json!(self.revision.to_string()));
        self.objects.insert(key.clone(), object.clone());
        self.history.push(Change { revision: self.revision, key, before, after: Some(object.clone()) });
        object
    }

    /// Takes an object away and returns it as it was, with the revision of its end.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Value> {
        let mut object = self.objects.remove(key)?;
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let (key, before) = (key.clone(), Some(object.clone()));
        self.history.push(Change { revision: self.revision, key, before, after: None });
        Some(object)
    }

    /// What happened after a revision; the oldest revision to ask for if that was forgotten.
    pub(super) fn since(&self, revision: u64) -> Result<&[Change], u64> {
        if revision < self.forgotten {
            return Err(self.forgotten);
        }
        let first = self.history.partition_point(|change| change.revision <= revision);
        Ok(self.history.get(first..).unwrap_or_default())
    }

    /// Forgets the history, as etcd does every few minutes.
    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.forgotten = self.revision;
    }
}

/// A member that is an object; made if it is not there or something else.
fn object_member<'a>(object: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    if !object[name].is_object() {
        object[name] = json!({});
    }
    object[name].as_object_mut().expect("made a moment ago")
}
