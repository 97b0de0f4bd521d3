//! What a plugin answered.

use std::process::ExitStatus;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// All that a runtime gets to see of one call.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The verb, for messages.
    pub verb: String,
    /// How the process ended.
    pub status: ExitStatus,
    /// Standard output, as it is.
    pub stdout: Vec<u8>,
    /// Standard error, for people.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

/// The CNI error object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CniError {
    /// The version that the object speaks.
    #[serde(rename = "cniVersion", default)]
    pub cni_version: String,
    /// CNI 1.1.0, section 5.
    pub code: u32,
    /// One line.
    pub msg: String,
    /// More.
    #[serde(default)]
    pub details: String,
}

impl Answer {
    /// Did it end with exit status 0?
    pub fn is_success(&self) -> bool {
        self.status.success()
    }

    /// The one JSON document on standard output; `None` if nothing is there or it is something else.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.stdout).ok()
    }

    /// The result of an ADD (or VERSION) that succeeded.
    ///
    /// # Panics
    /// If it failed, or printed anything but one JSON document.
    pub fn result(&self) -> Value {
        self.succeeded();
        self.json().unwrap_or_else(|| panic!("no result: {self}"))
    }

    /// For verbs without a result.
    ///
    /// # Panics
    /// If it failed.
    pub fn succeeded(&self) -> &Answer {
        assert!(self.is_success(), "{self}");
        self
    }

    /// The error object of a call that failed.
    ///
    /// # Panics
    /// If it succeeded, ended by a signal, or standard output is not one error object.
    pub fn error(&self) -> CniError {
        self.try_error().unwrap_or_else(|problem| panic!("{problem}: {self}"))
    }

    /// The same for those who count instead of stopping.
    ///
    /// # Errors
    /// What is wrong with the failure.
    pub fn try_error(&self) -> Result<CniError, String> {
        match self.status.code() {
            Some(0) => return Err("it should have failed".into()),
            None => return Err("it was ended by a signal".into()),
            Some(_) => {}
        }
        serde_json::from_slice(&self.stdout).map_err(|error| format!("not one CNI error object ({error})"))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(f, "{} ended with {} after {:.0?}", self.verb, self.status, self.took)?;
        write!(f, "\n  stdout: {}\n  stderr: {}", stdout.trim_end(), self.stderr.trim_end())
    }
}
