//! The network-status of a pod, as one annotation of it (NP-27).

use serde_json::{Map, Value, json};

use super::error::{ApiError, Refusal};
use super::request::Request;
use crate::NETWORK_STATUS_ANNOTATION;
use crate::object::PodRef;
use crate::source::SourceError;

/// A merge patch of exactly this annotation. A UID in a patch is never written: a server refuses the
/// patch if the pod has another one.
pub(super) fn request(pod: &PodRef, status: &str) -> Request {
    let mut metadata = Map::new();
    if let Some(uid) = &pod.uid {
        metadata.insert("uid".to_owned(), json!(uid));
    }
    metadata.insert("annotations".to_owned(), json!({ NETWORK_STATUS_ANNOTATION: status }));
    let patch = json!({ "metadata": Value::Object(metadata) });
    Request::patch_pod_status(&pod.namespace, &pod.name, patch.to_string().into_bytes())
}

/// The same by writing the whole pod, as it was read, back. Upstream writes it so, and its role allows nothing
/// less.
///
/// # Errors
/// What was read is not this pod.
pub(super) fn replacement(pod: &PodRef, read: &[u8], status: &str) -> Result<Request, Refusal> {
    let unfit = |problem: &str| Refusal::Answer(problem.to_owned());
    let mut object: Value = serde_json::from_slice(read).map_err(|error| unfit(&error.to_string()))?;
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let metadata = metadata.ok_or_else(|| unfit("the pod has no `metadata`"))?;
    let found = metadata.get("uid").and_then(Value::as_str);
    if let Some(expected) = &pod.uid
        && found != Some(expected)
    {
        let message = format!("the pod's UID is not {expected}");
        return Err(Refusal::Replaced { message, found: found.map(str::to_owned) });
    }
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    let annotations = annotations.as_object_mut().ok_or_else(|| unfit("`annotations` is no object"))?;
    annotations.insert(NETWORK_STATUS_ANNOTATION.to_owned(), json!(status));
    Ok(Request::replace_pod_status(&pod.namespace, &pod.name, object.to_string().into_bytes()))
}

/// What the refusal of a status means.
pub(super) fn refused(pod: &PodRef, error: ApiError) -> SourceError {
    match *error.refusal {
        Refusal::Replaced { found, .. } => SourceError::Replaced { pod: pod.clone(), found },
        _ => SourceError::Api(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_written_back_with_one_annotation_more_or_not_at_all() {
        let pod = |uid: Option<&str>| PodRef {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            uid: uid.map(str::to_owned),
        };
        let read =
            r#"{"metadata":{"uid":"1","resourceVersion":"7","annotations":{"a":"b"}},"spec":{"x":[1.0]}}"#;
        let bare = r#"{"metadata":{"uid":"1"}}"#;
        let key = NETWORK_STATUS_ANNOTATION;
        let whole = read.replace(r#"{"a":"b"}"#, &format!(r#"{{"a":"b","{key}":"[]"}}"#));
        let filled = format!(r#"{{"metadata":{{"uid":"1","annotations":{{"{key}":"[]"}}}}}}"#);
        let rows = [
            (Some("1"), read, Ok(whole.clone())),
            (None, read, Ok(whole)),
            (Some("1"), bare, Ok(filled)),
            (Some("2"), read, Err("another object of this name")),
            (Some("1"), r#"{"metadata":{"annotations":{}}}"#, Err("another object of this name")),
            (None, r#"{"metadata":{"annotations":[]}}"#, Err("`annotations` is no object")),
            (None, "{}", Err("no `metadata`")),
            (None, "[", Err("EOF")),
        ];
        for (uid, read, expected) in rows {
            match (replacement(&pod(uid), read.as_bytes(), "[]"), expected) {
                (Ok(request), Ok(object)) => assert_eq!(request.body().unwrap().1, object, "{read}"),
                (Err(refusal), Err(words)) => {
                    assert!(refusal.to_string().contains(words), "{read}: {refusal}");
                }
                (found, _) => panic!("{read}: {found:?}"),
            }
        }
    }
}
