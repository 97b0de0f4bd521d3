//! What a module is told when a host call is refused.

use multus_cni::{Code, Error};
use multus_journal::{JournalError, NotDone};
use multus_net::Refused;
use multus_wasm::node::Failure;

/// The call's words make no sense.
pub(super) fn invalid(message: impl Into<String>) -> Failure {
    failure(Code::InvalidConfig, message, "")
}

/// The module may not do that: `what` completes "may not …".
pub(super) fn not_allowed(what: &str, details: &str) -> Failure {
    failure(Code::InvalidConfig, format!("this module may not {what}"), details)
}

/// The catalog lacks a grant, `"links": ["cni0"]`.
pub(super) fn not_granted(what: &str, grant: &str) -> Failure {
    not_allowed(what, &format!("the operator would have to grant it in the catalog: {grant}"))
}

pub(super) fn failure(code: Code, message: impl Into<String>, details: &str) -> Failure {
    Failure { code: code as u32, message: message.into(), details: details.to_owned() }
}

/// The kernel's refusal.
pub(super) fn refused(refused: &Refused) -> Failure {
    failure(Code::Io, refused.to_string(), "")
}

pub(super) fn journal(error: &JournalError) -> Failure {
    failure(Code::Io, error.to_string(), "")
}

pub(super) fn of_error(error: Error) -> Failure {
    Failure { code: error.code, message: error.msg, details: error.details }
}

/// An effect that is not there, with the words for its own failure.
pub(super) fn not_done<E>(error: NotDone<E>, own: impl FnOnce(E) -> Failure) -> Failure {
    match error {
        NotDone::Effect(error) => own(error),
        NotDone::Record(error) => journal(&error),
    }
}
