//! Making a [`Failure`].

use std::fmt;

use crate::Failure;

/// The code of a failure that names none: the first one that CNI leaves to plugins.
const OWN: u32 = 100;

impl Failure {
    /// A failure with a CNI error code: 4 to 7, 11, 50, 51 or anything from 100 on.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: String::new() }
    }

    /// The same failure with more to read for whoever looks into it.
    #[must_use]
    pub fn with_details(mut self, details: impl fmt::Display) -> Self {
        self.details = details.to_string();
        self
    }
}

/// Code 100.
impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::new(OWN, message)
    }
}

/// Code 100.
impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::new(OWN, message)
    }
}
