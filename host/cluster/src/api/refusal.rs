//! What an answer that is not the wanted one means, and whether to ask again.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tokio_rustls::rustls;

use super::credential::Credential;
use super::error::Refusal;
use super::request::Request;

/// As much of a server's message as is passed on.
const MAX_MESSAGE: usize = 1024;

/// One attempt that came to nothing.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) refusal: Refusal,
    /// Asking once more may help, after at least so long.
    pub(super) again: Option<Duration>,
}

impl Failure {
    /// Asking again would get the same.
    pub(super) fn lasting(refusal: Refusal) -> Self {
        Self { refusal, again: None }
    }

    /// Asking again may help.
    pub(super) fn passing(refusal: Refusal) -> Self {
        Self { refusal, again: Some(Duration::ZERO) }
    }
}

/// A request that got no HTTP answer. What TLS does not like stays so; connections come back.
pub(super) fn unanswered(error: &(dyn Error + 'static)) -> Failure {
    let mut deepest = error;
    while let Some(next) = cause(deepest) {
        deepest = next;
        if let Some(tls) = deepest.downcast_ref::<rustls::Error>() {
            return Failure::lasting(match tls {
                rustls::Error::InvalidCertificate(_) => Refusal::ServerCertificate(tls.to_string()),
                _ => Refusal::Tls(tls.to_string()),
            });
        }
    }
    Failure::passing(Refusal::Unreachable(deepest.to_string()))
}

/// An `io::Error` does not give what it wraps as its source, only that one's source.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// The `Status` object with which API servers refuse.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    kind: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    name: Option<String>,
    causes: Option<Vec<Cause>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    field: Option<String>,
}

/// An HTTP answer other than success.
pub(super) fn answered(
    request: &Request,
    credential: &Credential,
    code: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Failure {
    let status = serde_json::from_slice::<Status>(body).ok();
    let status = status.filter(|status| status.kind.as_deref() == Some("Status"));
    let message = message(code, status.as_ref(), body);
    if let Some(found) = status.as_ref().and_then(|status| successor(code, status)) {
        return Failure::lasting(Refusal::Replaced { message, found });
    }
    let refusal = match code {
        StatusCode::UNAUTHORIZED => Refusal::Unauthorized { message, credential: credential.describe() },
        StatusCode::FORBIDDEN => Refusal::Forbidden { message, rule: request.rule() },
        StatusCode::NOT_FOUND if status.as_ref().is_some_and(names_an_object) => Refusal::Absent(message),
        StatusCode::NOT_FOUND => Refusal::NotServed { resource: request.resource().to_string() },
        _ => Refusal::Status { status: code.as_u16(), message },
    };
    // A conflict that is not about the UID is about the version: somebody else wrote at the same time.
    let passing = code.is_server_error()
        || matches!(code, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
        || (code == StatusCode::CONFLICT && !request.is_stale_after_conflict());
    Failure { refusal, again: passing.then(|| retry_after(headers)) }
}

/// Where the whole type is unknown, the 404 comes from the server's router: as plain text, or as a Status
/// about nothing.
fn names_an_object(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| details.name.is_some())
}

/// A patch that carries a UID was for a pod that is no more. API servers say so as an
/// immutable field (422), or as a precondition that failed (409). Some tell the UID
/// of the pod that is there now.
fn successor(code: StatusCode, status: &Status) -> Option<Option<String>> {
    let message = status.message.as_deref().unwrap_or_default();
    let causes = status.details.as_ref().and_then(|details| details.causes.as_deref()).unwrap_or_default();
    match code {
        StatusCode::UNPROCESSABLE_ENTITY => {
            causes.iter().any(|cause| cause.field.as_deref() == Some("metadata.uid")).then_some(None)
        }
        StatusCode::CONFLICT if message.contains("UID in precondition") => {
            let found = message.split("UID in object meta:").nth(1).map(str::trim);
            Some(found.filter(|uid| !uid.is_empty()).map(str::to_owned))
        }
        StatusCode::CONFLICT if message.contains("uid mismatch") => Some(None),
        _ => None,
    }
}

fn message(code: StatusCode, status: Option<&Status>, body: &[u8]) -> String {
    let text = match status.and_then(|status| status.message.as_deref()) {
        Some(message) => message.to_owned(),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect::<String>() {
        line if line.is_empty() => code.canonical_reason().unwrap_or("no reason given").to_owned(),
        line => line,
    }
}

/// API servers give seconds. The date that HTTP allows as well is as good as nothing.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::credential::CredentialKind;
    use super::super::request::{NETWORKS, PODS};
    use super::*;

    fn refused(code: u16, body: &str) -> Failure {
        let credential = Credential { kind: CredentialKind::Token("t".into()), origin: "here".to_owned() };
        let request = Request::get(&NETWORKS, Some("red"), "storage");
        let code = StatusCode::from_u16(code).unwrap();
        answered(&request, &credential, code, &HeaderMap::new(), body.as_bytes())
    }

    fn status(message: &str, details: &str) -> String {
        format!(r#"{{"kind":"Status","apiVersion":"v1","message":"{message}","details":{details}}}"#)
    }

    #[test]
    fn what_a_refusal_means_and_whether_to_ask_again() {
        let uid = r#"{"causes":[{"reason":"FieldValueInvalid","field":"metadata.uid"}]}"#;
        let rows: &[(u16, String, &str, bool)] = &[
            (
                401,
                status("Unauthorized", "{}"),
                "401, Unauthorized: the token (here) may have expired; renew it",
                false,
            ),
            (
                403,
                status("no", "{}"),
                "403, no; grant it: apiGroups: [\"k8s.cni.cncf.io\"], resources: [\"network-attachment-definitions\"], verbs: [\"get\"]",
                false,
            ),
            (404, status("not found", r#"{"name":"storage"}"#), "404, not found", false),
            (
                404,
                "404 page not found\n".into(),
                "404, the server has no network-attachment-definitions.k8s.cni.cncf.io; install its CustomResourceDefinition",
                false,
            ),
            (
                404,
                status("the server could not find the requested resource", "{}"),
                "404, the server has no network-attachment-definitions.k8s.cni.cncf.io; install its CustomResourceDefinition",
                false,
            ),
            (409, status("the object has been modified", "{}"), "409, the object has been modified", true),
            (
                409,
                status("Precondition failed: UID in precondition: a, UID in object meta: b", "null"),
                "Precondition failed: UID in precondition: a, UID in object meta: b; another object of this name has taken its place",
                false,
            ),
            (
                422,
                status("uid is immutable", uid),
                "uid is immutable; another object of this name has taken its place",
                false,
            ),
            (422, status("too long", "{}"), "422, too long", false),
            (429, String::new(), "429, Too Many Requests", true),
            (500, "\u{1}oh\n\tno".into(), "500, oh no", true),
            (503, status("etcd is away", "null"), "503, etcd is away", true),
            (302, String::new(), "302, Found", false),
        ];
        for (code, body, said, again) in rows {
            let failure = refused(*code, body);
            assert_eq!(failure.refusal.to_string(), *said);
            assert_eq!(failure.again.is_some(), *again, "{said}");
        }
    }

    #[test]
    fn a_conflict_tells_the_successor_if_the_server_does() {
        let rows = [
            (
                "Precondition failed: UID in precondition: a, UID in object meta: b",
                Some(Some("b".to_owned())),
            ),
            ("StorageError: UID in precondition: a, UID in object meta: ", Some(None)),
            ("uid mismatch: the provided object specified uid a", Some(None)),
            ("please apply your changes to the latest version", None),
        ];
        for (message, found) in rows {
            let status = Status { message: Some(message.to_owned()), ..Status::default() };
            assert_eq!(successor(StatusCode::CONFLICT, &status), found, "{message}");
        }
    }

    #[test]
    fn the_server_says_when_to_come_back() {
        let credential = Credential { kind: CredentialKind::Unsent, origin: String::new() };
        let request = Request::get(&PODS, Some("red"), "web");
        for (value, seconds) in [("3", 3), (" 7 ", 7), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("-1", 0)] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            let failure = answered(&request, &credential, StatusCode::TOO_MANY_REQUESTS, &headers, b"");
            assert_eq!(failure.again, Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_body_gives_one_line(code in 300_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let said = refused(code, &String::from_utf8_lossy(&body)).refusal.to_string();
            prop_assert!(!said.contains('\n') && !said.is_empty());
        }
    }
}
