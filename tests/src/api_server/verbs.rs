//! Each verb on the objects: get, list, create, update, patch, delete.

use serde_json::{Value, json};

use super::request::{Call, Verb};
use super::resource::{CRDS, Resource, Resources};
use super::selector::Selector;
use super::status::ApiError;
use super::store::{Key, Store};
use super::{patch, stamp};

/// What a request brought along.
pub(super) struct Sent<'a> {
    /// `Content-Type`.
    pub(super) media: &'a str,
    pub(super) body: &'a [u8],
}

/// What there is, and what is served.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) store: Store,
    pub(super) served: Resources,
}

impl Contents {
    /// Does what is asked, unless it is a watch. Returns the HTTP status and the object.
    pub(super) fn serve(&mut self, call: &Call, sent: &Sent<'_>) -> Result<(u16, Value), ApiError> {
        match call.verb {
            Verb::Get => self.existing(call).map(|object| (200, render(&call.resource, object))),
            Verb::List | Verb::Watch => self.list(call).map(|list| (200, list)),
            Verb::Create => self.create(call, object(sent)?).map(|object| (201, object)),
            Verb::Update => self.update(call, object(sent)?).map(|object| (200, object)),
            Verb::Patch => self.patch(call, sent).map(|object| (200, object)),
            Verb::Delete => self.delete(call, sent).map(|status| (200, status)),
        }
    }

    /// Puts an object there whatever there was, and its namespace, too: for tests, not for clients.
    pub(super) fn load(&mut self, object: &Value) -> Option<Value> {
        let resource = self.served.of(object)?.clone();
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str()?;
        let namespace = metadata["namespace"].as_str().unwrap_or("default");
        if resource.namespaced {
            self.ensure_namespace(namespace);
        }
        let stored = self.store.put(Key::new(&resource, namespace, name), object.clone());
        self.learn(&resource, &stored);
        Some(stored)
    }

    fn ensure_namespace(&mut self, name: &str) {
        let namespaces = self.served.named("namespaces").expect("built in").clone();
        let key = Key::new(&namespaces, "", name);
        if self.store.get(&key).is_none() {
            let labels = json!({ "kubernetes.io/metadata.name": name });
            let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
            self.store.put(key, object);
        }
    }

    fn existing(&self, call: &Call) -> Result<&Value, ApiError> {
        let key = Key::new(&call.resource, &call.namespace, &call.name);
        self.store.get(&key).ok_or_else(|| ApiError::not_found(&call.resource, &call.name))
    }

    fn list(&self, call: &Call) -> Result<Value, ApiError> {
        let resource = &call.resource;
        let selector = Selector::parse(resource, call.option("labelSelector"), call.option("fieldSelector"))?;
        let chosen = self.store.all(resource, &call.namespace).filter(|object| selector.matches(object));
        let items: Vec<Value> = chosen.map(|object| render(resource, object)).collect();
        let metadata = json!({ "resourceVersion": self.store.revision().to_string() });
        let kind = format!("{}List", resource.kind);
        Ok(
            json!({ "kind": kind, "apiVersion": resource.api_version(), "metadata": metadata, "items": items }),
        )
    }

    fn create(&mut self, call: &Call, mut object: Value) -> Result<Value, ApiError> {
        let resource = &call.resource;
        check_kind(resource, &object)?;
        if object["metadata"]["name"].as_str().unwrap_or_default().is_empty() {
            object["metadata"]["name"] = json!(generated(resource, &object)?);
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        check_place(call, &name, &object)?;
        if resource.namespaced {
            self.check_namespace(&call.namespace)?;
        }
        check_event(resource, &name, &object)?;
        let key = Key::new(resource, &call.namespace, &name);
        if self.store.get(&key).is_some() {
            return Err(ApiError::already_exists(resource, &name));
        }
        for field in ["uid", "creationTimestamp", "resourceVersion"] {
            object["metadata"].as_object_mut().map(|metadata| metadata.shift_remove(field));
        }
        let stored = self.store.put(key, object);
        Ok(self.learn(resource, &stored))
    }

    fn update(&mut self, call: &Call, object: Value) -> Result<Value, ApiError> {
        let current = self.existing(call)?.clone();
        check_kind(&call.resource, &object)?;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        if !uid.is_empty() && current["metadata"]["uid"] != uid {
            return Err(ApiError::conflict(&call.resource, &call.name, &other_uid(uid, &current)));
        }
        self.replace(call, &current, object)
    }

    fn patch(&mut self, call: &Call, sent: &Sent<'_>) -> Result<Value, ApiError> {
        let applied = sent.media.starts_with(patch::APPLY);
        if applied && call.option("fieldManager").is_empty() {
            return Err(ApiError::bad_request("fieldManager is required for apply patch"));
        }
        if applied && self.existing(call).is_err() {
            return self.create(call, decode(sent.body)?);
        }
        let current = self.existing(call)?.clone();
        let changed = patch::apply(sent.media, sent.body, &current)?;
        self.replace(call, &current, changed)
    }

    /// The common end of update and patch.
    fn replace(&mut self, call: &Call, current: &Value, mut object: Value) -> Result<Value, ApiError> {
        let resource = &call.resource;
        check_place(call, &call.name, &object)?;
        let (before, after) = (&current["metadata"], &object["metadata"]);
        let version = after["resourceVersion"].as_str().unwrap_or_default();
        if !version.is_empty() && before["resourceVersion"] != version {
            let why =
                "the object has been modified; please apply your changes to the latest version and try again";
            return Err(ApiError::conflict(resource, &call.name, why));
        }
        if after["uid"].as_str().is_some_and(|uid| before["uid"] != uid) {
            let why = format!("Invalid value: {}: field is immutable", after["uid"]);
            return Err(ApiError::invalid(resource, &call.name, "metadata.uid", &why));
        }
        for field in ["uid", "creationTimestamp", "resourceVersion"] {
            object["metadata"][field] = before[field].clone();
        }
        keep_apart(call, current, &mut object);
        if object == *current {
            return Ok(render(resource, current));
        }
        let stored = self.store.put(Key::new(resource, &call.namespace, &call.name), object);
        Ok(self.learn(resource, &stored))
    }

    /// Takes the object away at once, a pod, too: nobody is here to end it gracefully.
    fn delete(&mut self, call: &Call, sent: &Sent<'_>) -> Result<Value, ApiError> {
        let current = self.existing(call)?.clone();
        let options: Value = serde_json::from_slice(sent.body).unwrap_or_default();
        if let Some(uid) =
            options["preconditions"]["uid"].as_str().filter(|uid| current["metadata"]["uid"] != *uid)
        {
            return Err(ApiError::conflict(&call.resource, &call.name, &other_uid(uid, &current)));
        }
        self.store.remove(&Key::new(&call.resource, &call.namespace, &call.name));
        if call.resource.plural == CRDS {
            self.served.undefine(&current);
        }
        let details = json!({ "name": call.name, "group": call.resource.group, "kind": call.resource.plural, "uid": current["metadata"]["uid"] });
        Ok(
            json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details }),
        )
    }

    fn check_namespace(&self, name: &str) -> Result<(), ApiError> {
        let namespaces = self.served.named("namespaces").expect("built in");
        let found = self.store.get(&Key::new(namespaces, "", name));
        found.map(drop).ok_or_else(|| ApiError::not_found(namespaces, name))
    }

    /// A definition of resources serves them from now on, and says so.
    fn learn(&mut self, resource: &Resource, stored: &Value) -> Value {
        if resource.plural != CRDS {
            return render(resource, stored);
        }
        self.served.define(stored);
        let conditions =
            ["NamesAccepted", "Established"].map(|kind| json!({ "type": kind, "status": "True" }));
        let mut established = stored.clone();
        established["status"] = json!({ "conditions": conditions, "acceptedNames": stored["spec"]["names"] });
        if established != *stored {
            let name = stored["metadata"]["name"].as_str().unwrap_or_default();
            established = self.store.put(Key::new(resource, "", name), established);
        }
        render(resource, &established)
    }
}

/// An object as this version of its resource has it.
pub(super) fn render(resource: &Resource, object: &Value) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = json!(resource.api_version());
    object["kind"] = json!(resource.kind);
    object
}

fn object(sent: &Sent<'_>) -> Result<Value, ApiError> {
    if !sent.media.starts_with("application/json") {
        return Err(ApiError::unsupported(sent.media));
    }
    decode(sent.body)
}

fn decode(body: &[u8]) -> Result<Value, ApiError> {
    let object: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("the object provided is unrecognized: {error}")))?;
    if object.is_object() { Ok(object) } else { Err(ApiError::bad_request("the body is no object")) }
}

fn check_kind(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    if object["apiVersion"] == resource.api_version().as_str() && object["kind"] == resource.kind.as_str() {
        return Ok(());
    }
    let (version, kind) = (&object["apiVersion"], &object["kind"]);
    Err(ApiError::bad_request(format!(
        "the API version in the data ({version}, kind {kind}) does not match the expected API version ({}, kind {})",
        resource.api_version(),
        resource.kind
    )))
}

/// Name and namespace of the object are those of the URL.
fn check_place(call: &Call, name: &str, object: &Value) -> Result<(), ApiError> {
    let metadata = &object["metadata"];
    if metadata["name"].as_str() != Some(name) {
        return Err(ApiError::bad_request("the name of the object does not match the name on the URL"));
    }
    if metadata["namespace"].as_str().is_some_and(|namespace| namespace != call.namespace) {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// API servers refuse events beside their object. Those of cluster-wide objects are in `default`.
fn check_event(resource: &Resource, name: &str, event: &Value) -> Result<(), ApiError> {
    let field = if resource.group.is_empty() { "involvedObject" } else { "regarding" };
    let place = event[field]["namespace"].as_str().unwrap_or("default");
    if resource.plural == "events" && event["metadata"]["namespace"].as_str().is_some_and(|own| own != place)
    {
        let why = format!("Invalid value: {place:?}: does not match event.namespace");
        return Err(ApiError::invalid(resource, name, &format!("{field}.namespace"), &why));
    }
    Ok(())
}

/// The status is written by itself, the rest without it; a custom resource's metadata belong to the rest.
fn keep_apart(call: &Call, current: &Value, object: &mut Value) {
    if !call.resource.status_apart {
        return;
    }
    let keep = |object: &mut Value, member: &str| match current.get(member) {
        Some(value) => object[member] = value.clone(),
        None => drop(object.as_object_mut().map(|object| object.shift_remove(member))),
    };
    if call.subresource == "status" {
        let members: Vec<String> =
            object.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
        let given = |member: &&String| *member != "status" && (*member != "metadata" || call.resource.custom);
        members.iter().filter(given).for_each(|member| keep(object, member));
    } else {
        keep(object, "status");
    }
}

fn generated(resource: &Resource, object: &Value) -> Result<String, ApiError> {
    match object["metadata"]["generateName"].as_str() {
        Some(prefix) if !prefix.is_empty() => Ok(format!("{prefix}{}", stamp::suffix())),
        _ => Err(ApiError::invalid(
            resource,
            "",
            "metadata.name",
            "Required value: name or generateName is required",
        )),
    }
}

fn other_uid(uid: &str, current: &Value) -> String {
    let found = current["metadata"]["uid"].as_str().unwrap_or_default();
    format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {found}")
}
