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

/// What the refusal of a status means.
pub(super) fn refused(pod: &PodRef, error: ApiError) -> SourceError {
    match *error.refusal {
        Refusal::Replaced { found, .. } => SourceError::Replaced { pod: pod.clone(), found },
        _ => SourceError::Api(error),
    }
}
