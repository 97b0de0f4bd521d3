//! What is wrong with a text, for the person who wrote it.

use std::fmt;

/// A place in a text: both numbers start at 1, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The text is not JSON (or YAML) at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", at(*.position), advice_suffix(advice.as_deref()))]
pub struct SyntaxError {
    /// Where the reader stopped, if the text was read that far.
    pub position: Option<Position>,
    /// What was found there.
    pub message: String,
    /// What to write instead.
    pub advice: Option<String>,
}

/// A value that is well-formed but wrong in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole document.
    pub pointer: String,
    /// What is wrong, naming the value found.
    pub message: String,
    /// What to write instead.
    pub advice: Option<String>,
    /// A problem that does not stop an attachment: `validate` shows it, a call goes on.
    pub warning: bool,
}

impl Problem {
    /// A problem that refuses the document.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), advice: None, warning: false }
    }

    /// The same problem with a sentence on what to write instead.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same problem as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// The same problem seen from an enclosing document, where this one stands at `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{}{}", self.message, advice_suffix(self.advice.as_deref()))
    }
}

fn at(position: Option<Position>) -> String {
    position.map(|p| format!("line {}, column {}: ", p.line, p.column)).unwrap_or_default()
}

fn advice_suffix(advice: Option<&str>) -> String {
    advice.map(|a| format!(" ({a})")).unwrap_or_default()
}
