//! One problem at its place in a file.

use std::fmt;

use multus_document::{Position, Problem, SyntaxError};
use serde::{Serialize, Serializer};

/// A problem at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The file as it was named on the command line.
    pub(crate) file: String,
    /// Where in it; `None` for the file as a whole.
    #[serde(flatten, serialize_with = "line_and_column")]
    pub(crate) position: Option<Position>,
    /// Whether it refuses the file.
    pub(crate) severity: Severity,
    /// JSON pointer of the value, empty for the whole document.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) advice: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Error,
    Warning,
}

impl Finding {
    /// An error of the file as a whole.
    pub(crate) fn whole_file(file: &str, message: String) -> Self {
        Self::of(file, None, Problem::new("", message))
    }

    /// A problem at its place.
    pub(crate) fn of(file: &str, position: Option<Position>, problem: Problem) -> Self {
        let Problem { pointer, message, advice, warning } = problem;
        let severity = if warning { Severity::Warning } else { Severity::Error };
        Self { file: file.to_owned(), position, severity, pointer, message, advice }
    }

    /// The place where a reader stopped.
    pub(crate) fn syntax(file: &str, error: SyntaxError) -> Self {
        let problem = Problem { advice: error.advice, ..Problem::new("", error.message) };
        Self::of(file, error.position, problem)
    }
}

/// The form that editors and CI systems turn into links, and the advice below it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(position) = self.position {
            write!(f, "{position}:")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, " {severity}: {}", self.message)?;
        match &self.advice {
            Some(advice) => writeln!(f, "    write instead: {}", without_verb(advice)),
            None => Ok(()),
        }
    }
}

/// Many sentences begin as the line does.
fn without_verb(advice: &str) -> &str {
    ["write it as ", "write "].iter().find_map(|verb| advice.strip_prefix(verb)).unwrap_or(advice)
}

fn line_and_column<S: Serializer>(position: &Option<Position>, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut members = serializer.serialize_map(Some(2))?;
    members.serialize_entry("line", &position.map(|position| position.line))?;
    members.serialize_entry("column", &position.map(|position| position.column))?;
    members.end()
}
