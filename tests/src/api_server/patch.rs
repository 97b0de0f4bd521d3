//! Patches: JSON merge patch (RFC 7386) and JSON patch (RFC 6902).

use serde_json::{Map, Value};

use super::status::ApiError;

/// The media type of what is applied on the server's side.
pub(super) const APPLY: &str = "application/apply-patch+yaml";

/// What a patch makes of an object.
///
/// What is applied is merged: nobody remembers who managed which field. A strategic merge patch is taken as long as it means what a merge patch means: without lists and directives.
pub(super) fn apply(media: &str, patch: &[u8], current: &Value) -> Result<Value, ApiError> {
    let patch: Value = serde_json::from_slice(patch)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let mut changed = current.clone();
    match media.split(';').next().unwrap_or_default().trim() {
        "application/merge-patch+json" | APPLY => merge(&mut changed, &patch),
        "application/strategic-merge-patch+json" if is_plain(&patch) => merge(&mut changed, &patch),
        "application/json-patch+json" => {
            let steps = patch.as_array().ok_or_else(|| ApiError::bad_request("a JSON patch is a list"))?;
            steps.iter().try_for_each(|step| follow(&mut changed, step))?;
        }
        other => return Err(ApiError::unsupported(other)),
    }
    Ok(changed)
}

fn is_plain(patch: &Value) -> bool {
    match patch {
        Value::Array(_) => false,
        Value::Object(members) => members.iter().all(|(key, value)| !key.starts_with('$') && is_plain(value)),
        _ => true,
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let object = target.as_object_mut().expect("made one a moment ago");
    for (key, value) in members {
        if value.is_null() {
            object.shift_remove(key);
        } else {
            merge(object.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

/// One step of a JSON patch.
fn follow(document: &mut Value, step: &Value) -> Result<(), ApiError> {
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    let (path, from) = (text("path"), text("from"));
    let value = || step.get("value").cloned().ok_or_else(|| ApiError::bad_request("a step without value"));
    match text("op") {
        "add" => insert(document, path, value()?),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            *document.pointer_mut(path).ok_or_else(|| missing(path))? = value()?;
            Ok(())
        }
        "test" if document.pointer(path) == Some(&value()?) => Ok(()),
        "test" => Err(ApiError::unprocessable(format!("testing path {path} value failed"))),
        "copy" => {
            let copied = document.pointer(from).ok_or_else(|| missing(from))?.clone();
            insert(document, path, copied)
        }
        "move" => {
            let moved = remove(document, from)?;
            insert(document, path, moved)
        }
        other => Err(ApiError::bad_request(format!("no step of a JSON patch is called {other:?}"))),
    }
}

fn insert(document: &mut Value, path: &str, value: Value) -> Result<(), ApiError> {
    let Some((parent, key)) = split(path) else {
        *document = value;
        return Ok(());
    };
    match document.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            object.insert(key, value);
        }
        Some(Value::Array(items)) if key == "-" => items.push(value),
        Some(Value::Array(items)) => {
            let index = key.parse().ok().filter(|index| *index <= items.len());
            items.insert(index.ok_or_else(|| missing(path))?, value);
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, ApiError> {
    let (parent, key) = split(path).ok_or_else(|| missing(path))?;
    let removed = match document.pointer_mut(parent) {
        Some(Value::Object(object)) => object.shift_remove(&key),
        Some(Value::Array(items)) => {
            let index = key.parse().ok().filter(|index| *index < items.len());
            index.map(|index: usize| items.remove(index))
        }
        _ => None,
    };
    removed.ok_or_else(|| missing(path))
}

/// The pointer to the parent, and the last key.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, key) = path.rsplit_once('/')?;
    Some((parent, key.replace("~1", "/").replace("~0", "~")))
}

fn missing(path: &str) -> ApiError {
    ApiError::unprocessable(format!("the patch names {path:?}, which is not there"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MERGE: &str = "application/merge-patch+json";
    const STEPS: &str = "application/json-patch+json";
    const STRATEGIC: &str = "application/strategic-merge-patch+json";

    #[test]
    fn patches_do_what_their_rfcs_say() {
        let rows = [
            (MERGE, json!({"a": {"b": 1}}), json!({"a": {"c": 2}}), Ok(json!({"a": {"b": 1, "c": 2}}))),
            (MERGE, json!({"a": {"b": 1}}), json!({"a": {"b": null}}), Ok(json!({"a": {}}))),
            (MERGE, json!({"a": [1, 2]}), json!({"a": [3]}), Ok(json!({"a": [3]}))),
            (MERGE, json!({}), json!({"a": {"b": {"c": null}}}), Ok(json!({"a": {"b": {}}}))),
            (STRATEGIC, json!({"a": 1}), json!({"b": {"c": 2}}), Ok(json!({"a": 1, "b": {"c": 2}}))),
            (STRATEGIC, json!({}), json!({"a": [1]}), Err(415)),
            (STRATEGIC, json!({}), json!({"$patch": "replace"}), Err(415)),
            (APPLY, json!({"a": 1}), json!({"b": 2}), Ok(json!({"a": 1, "b": 2}))),
            ("text/plain", json!({}), json!({}), Err(415)),
            (
                STEPS,
                json!({"a": 1}),
                json!([{"op": "add", "path": "/b~1c", "value": 2}]),
                Ok(json!({"a": 1, "b/c": 2})),
            ),
            (
                STEPS,
                json!({"a": [1]}),
                json!([{"op": "add", "path": "/a/-", "value": 2}]),
                Ok(json!({"a": [1, 2]})),
            ),
            (
                STEPS,
                json!({"a": [1]}),
                json!([{"op": "add", "path": "/a/0", "value": 2}]),
                Ok(json!({"a": [2, 1]})),
            ),
            (STEPS, json!({"a": 1}), json!([{"op": "add", "path": "/b/c", "value": 2}]), Err(422)),
            (STEPS, json!({"a": 1}), json!([{"op": "replace", "path": "/b", "value": 2}]), Err(422)),
            (STEPS, json!({"a": 1}), json!([{"op": "test", "path": "/a", "value": 2}]), Err(422)),
            (
                STEPS,
                json!({"a": 1}),
                json!([{"op": "test", "path": "/a", "value": 1}, {"op": "move", "from": "/a", "path": "/b"}, {"op": "copy", "from": "/b", "path": "/c"}]),
                Ok(json!({"b": 1, "c": 1})),
            ),
            (STEPS, json!({"a": 1}), json!([{"op": "remove", "path": "/a"}]), Ok(json!({}))),
            (STEPS, json!({}), json!({"op": "add"}), Err(400)),
            (STEPS, json!({}), json!([{"op": "shake", "path": ""}]), Err(400)),
        ];
        for (media, current, patch, expected) in rows {
            let found = apply(media, patch.to_string().as_bytes(), &current).map_err(|error| error.code);
            assert_eq!(found, expected, "{patch} on {current}");
        }
    }

    proptest! {
        #[test]
        fn any_patch_is_answered(
            op in "(add|remove|replace|test|move|copy)", path in "(/[ab0-9~-]{0,3}){0,4}", from in "(/[ab01]{0,2}){0,3}",
        ) {
            let patch = json!([{ "op": op, "path": path, "from": from, "value": 1 }]);
            let _ = apply(STEPS, patch.to_string().as_bytes(), &json!({ "a": [1, { "b": 2 }], "b": {} }));
        }
    }
}
