//! The errors of an API server: objects of kind Status.

use serde_json::{Value, json};

use super::resource::Resource;

/// A request that was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    /// The HTTP status.
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { code, reason, message: message.into(), details: None }
    }

    fn about(mut self, resource: &Resource, name: &str) -> ApiError {
        self.details = Some(json!({ "name": name, "group": resource.group, "kind": resource.plural }));
        self
    }

    /// There is no such object.
    pub(super) fn not_found(resource: &Resource, name: &str) -> ApiError {
        let message = format!("{} {name:?} not found", resource.qualified());
        ApiError::new(404, "NotFound", message).about(resource, name)
    }

    /// There is no such resource; its definition was not loaded, say.
    pub(super) fn no_such_path() -> ApiError {
        ApiError::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// There is one already.
    pub(super) fn already_exists(resource: &Resource, name: &str) -> ApiError {
        let message = format!("{} {name:?} already exists", resource.qualified());
        ApiError::new(409, "AlreadyExists", message).about(resource, name)
    }

    /// Somebody else was faster.
    pub(super) fn conflict(resource: &Resource, name: &str, why: &str) -> ApiError {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        ApiError::new(409, "Conflict", message).about(resource, name)
    }

    /// A field that can't be as it is asked for.
    pub(super) fn invalid(resource: &Resource, name: &str, field: &str, why: &str) -> ApiError {
        let message = format!("{} {name:?} is invalid: {field}: {why}", resource.kind);
        let mut error = ApiError::new(422, "Invalid", message).about(resource, name);
        if let Some(details) = &mut error.details {
            details["kind"] = json!(resource.kind);
            details["causes"] = json!([{ "reason": "FieldValueInvalid", "message": why, "field": field }]);
        }
        error
    }

    /// The words were understood, and can't be followed.
    pub(super) fn unprocessable(message: impl Into<String>) -> ApiError {
        ApiError::new(422, "Invalid", message)
    }

    /// The words were not understood.
    pub(super) fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "BadRequest", message)
    }

    /// Nobody knows who asks.
    pub(super) fn unauthorized() -> ApiError {
        ApiError::new(401, "Unauthorized", "Unauthorized")
    }

    /// Who asks may not.
    pub(super) fn forbidden(resource: &Resource, name: &str, why: &str) -> ApiError {
        let quoted = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        let message = format!("{}{quoted} is forbidden: {why}", resource.qualified());
        ApiError::new(403, "Forbidden", message).about(resource, name)
    }

    /// The verb is not for this path.
    pub(super) fn method_not_allowed() -> ApiError {
        ApiError::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// The body is of a kind that this server does not read.
    pub(super) fn unsupported(media: &str) -> ApiError {
        let message = format!("the body of the request was in an unknown format: {media}");
        ApiError::new(415, "UnsupportedMediaType", message)
    }

    /// What happened since then was forgotten.
    pub(super) fn expired(asked: u64, oldest: u64) -> ApiError {
        ApiError::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// What a test ordered.
    pub(super) fn ordered(code: u16) -> ApiError {
        let (reason, message) = match code {
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden: ordered by the test"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => ("Conflict", "the object has been modified: ordered by the test"),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("InternalError", "an error on the server: ordered by the test"),
        };
        let mut error = ApiError::new(code, reason, message);
        error.details = matches!(code, 429 | 503).then(|| json!({ "retryAfterSeconds": 1 }));
        error
    }

    /// The object that is sent.
    pub(super) fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}
