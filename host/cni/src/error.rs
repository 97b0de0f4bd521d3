//! The error object that a plugin prints (CNI 1.1.0, section 5), and the codes it may carry.

use serde::Serialize;
use serde_json::{Map, Value};

/// What went wrong, as the caller of a CNI plugin gets it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{msg}{}{details}", if details.is_empty() { "" } else { "; " })]
pub struct Error {
    /// One of [`Code`], or the number that a plugin chose itself (100 and above).
    pub code: u32,
    /// What was tried, on what, and what happened.
    pub msg: String,
    /// What to do about it, or a longer explanation; may be empty.
    pub details: String,
}

/// Codes of the specification, and two that its reference library adds (CNI-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// The configuration's version is none that we speak.
    IncompatibleVersion = 1,
    /// A field that we don't support; the message names key and value.
    UnsupportedField = 2,
    /// The container is not known or gone; the caller need not call DEL.
    UnknownContainer = 3,
    /// A CNI_* variable is missing or invalid; the message names it.
    InvalidEnvironment = 4,
    /// Reading, writing or starting something failed.
    Io = 5,
    /// Text that is not what it should be: a conf, a result.
    Decode = 6,
    /// The network configuration is wrong.
    InvalidConfig = 7,
    /// `CNI_NETNS` is not a usable namespace. Not in the specification, but in its library.
    InvalidNetns = 8,
    /// A condition that passes: the caller should try again later.
    TryAgainLater = 11,
    /// STATUS: ADD can't be served now.
    NotAvailable = 50,
    /// STATUS: ADD can't be served, and existing containers have limited connectivity.
    NotAvailableLimited = 51,
    /// A failure without a code of its own. Not in the specification, but in its library.
    Internal = 999,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    cni_version: &'a str,
    code: u32,
    msg: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    details: &'a str,
}

impl Error {
    /// An error with one of the known codes.
    pub fn new(code: Code, msg: impl Into<String>) -> Self {
        Self::with_raw_code(code as u32, msg)
    }

    /// An error with a number that somebody else chose: a plugin's or a module's own code.
    pub fn with_raw_code(code: u32, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), details: String::new() }
    }

    /// The same error with other details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// The same error, its message preceded by what it happened to: `prefix: msg`.
    #[must_use]
    pub fn context(mut self, prefix: &str) -> Self {
        self.msg = format!("{prefix}: {}", self.msg);
        self
    }

    /// Whether this is a known code.
    pub fn is(&self, code: Code) -> bool {
        self.code == code as u32
    }

    /// The error object for standard output (CNI-03): one line of JSON. `details` is left out when empty.
    pub fn to_json(&self, cni_version: &str) -> String {
        let wire = Wire { cni_version, code: self.code, msg: &self.msg, details: &self.details };
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The error object that a failing plugin printed, or `None` if the text is none.
    ///
    /// An object counts if it has a `code` or a `msg`: a result that was printed before the plugin
    /// failed has neither. A code that is missing, 0 or no number becomes 999.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let object: Map<String, Value> = serde_json::from_slice(text).ok()?;
        if !object.contains_key("code") && !object.contains_key("msg") {
            return None;
        }
        let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let code = object.get("code").and_then(Value::as_u64).and_then(|code| u32::try_from(code).ok());
        let code = code.filter(|code| *code != 0).unwrap_or(Code::Internal as u32);
        Some(Self::with_raw_code(code, text("msg")).with_details(text("details")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cni_03_the_error_object_has_version_code_msg_and_details() {
        let error = Error::new(Code::InvalidConfig, "no \"type\"").context("network a");
        assert_eq!(
            error.to_json("1.0.0"),
            r#"{"cniVersion":"1.0.0","code":7,"msg":"network a: no \"type\""}"#
        );
        let error = error.with_details("add one");
        assert_eq!(error.to_string(), "network a: no \"type\"; add one");
        assert_eq!(Error::from_json(error.to_json("1.0.0").as_bytes()), Some(error));
    }

    #[test]
    fn cni_04_a_plugins_own_error_object_is_kept() {
        let rows = [
            (r#"{"cniVersion":"1.0.0","code":100,"msg":"m","details":"d"}"#, Some((100, "m", "d"))),
            (r#"{"code":11,"msg":"busy"}"#, Some((11, "busy", ""))),
            (r#"{"msg":"no code"}"#, Some((999, "no code", ""))),
            (r#"{"code":0,"msg":"zero"}"#, Some((999, "zero", ""))),
            (r#"{"code":-5,"msg":7}"#, Some((999, "", ""))),
            (r#"{"code":99999999999}"#, Some((999, "", ""))),
            (r#"{"cniVersion":"1.0.0","ips":[]}"#, None),
            (r#"[{"code":1}]"#, None),
            ("null", None),
            ("", None),
            ("panic: oh no", None),
        ];
        for (text, expected) in rows {
            let found = Error::from_json(text.as_bytes());
            let found = found.as_ref().map(|e| (e.code, e.msg.as_str(), e.details.as_str()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn cni_04_codes_are_the_specifications() {
        let rows = [
            (Code::IncompatibleVersion, 1),
            (Code::UnsupportedField, 2),
            (Code::UnknownContainer, 3),
            (Code::InvalidEnvironment, 4),
            (Code::Io, 5),
            (Code::Decode, 6),
            (Code::InvalidConfig, 7),
            (Code::InvalidNetns, 8),
            (Code::TryAgainLater, 11),
            (Code::NotAvailable, 50),
            (Code::NotAvailableLimited, 51),
            (Code::Internal, 999),
        ];
        for (code, number) in rows {
            assert_eq!(Error::new(code, "").code, number);
            assert!(Error::with_raw_code(number, "").is(code));
        }
    }
}
