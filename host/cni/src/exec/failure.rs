//! What went wrong with a plugin binary, as a CNI error.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Output;
use super::streams::Streams;
use crate::error::{Code, Error};

/// Bytes of a plugin's own words in a message.
const EXCERPT: usize = 400;

/// Why a plugin did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ExecFailure {
    /// It could not be started.
    #[error("{} could not be started: {error}", binary.display())]
    Start {
        /// The binary.
        binary: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A pipe to it broke.
    #[error("talking to {}: {error}", binary.display())]
    Pipe {
        /// The binary.
        binary: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It was not started, because the deadline had passed before.
    #[error("{} was not started: no time was left for it", binary.display())]
    NoTime {
        /// The binary.
        binary: PathBuf,
    },
    /// It did not end in time, and was killed with its process group.
    #[error("{} did not finish in {:.1} s and was killed{}", binary.display(), after.as_secs_f64(), words("", stderr))]
    Deadline {
        /// The binary.
        binary: PathBuf,
        /// How long it was given.
        after: Duration,
        /// The end of its standard error.
        stderr: String,
    },
    /// It printed more than a result can be.
    #[error("{} printed more than {limit} bytes and was killed", binary.display())]
    TooMuch {
        /// The binary.
        binary: PathBuf,
        /// Bytes that were accepted.
        limit: usize,
    },
    /// What had to be done before it might get its configuration failed; it was killed without it.
    #[error("{0}")]
    Withheld(Error),
    /// It reported an error in the way of the specification: code, message and details are its own.
    #[error("{0}")]
    Reported(Error),
    /// It failed without an error object.
    #[error("{} {how} without an error object on its standard output{}", binary.display(), words(stdout, stderr))]
    Silent {
        /// The binary.
        binary: PathBuf,
        /// "exited with status 1", "was ended by signal 9".
        how: String,
        /// The start of what it printed instead.
        stdout: String,
        /// The end of its standard error.
        stderr: String,
    },
}

fn words(stdout: &str, stderr: &str) -> String {
    let part =
        |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("; {name}: {text}") };
    part("stdout", stdout) + &part("stderr", stderr)
}

impl From<ExecFailure> for Error {
    fn from(failure: ExecFailure) -> Self {
        let code = match &failure {
            ExecFailure::Reported(_) | ExecFailure::Withheld(_) => Code::Internal,
            ExecFailure::Start { .. } | ExecFailure::Pipe { .. } => Code::Io,
            ExecFailure::Deadline { .. } | ExecFailure::NoTime { .. } => Code::TryAgainLater,
            ExecFailure::TooMuch { .. } => Code::Decode,
            ExecFailure::Silent { .. } => Code::Internal,
        };
        match failure {
            ExecFailure::Reported(error) | ExecFailure::Withheld(error) => error,
            other => Self::new(code, other.to_string()),
        }
    }
}

/// Success is exit status 0, whatever was printed; else standard output should hold the error (CNI-03).
pub(super) fn judge(binary: &Path, streams: Streams) -> Result<Output, ExecFailure> {
    let Streams { status, stdout, stderr_tail } = streams;
    if status.success() {
        return Ok(Output { stdout, stderr_tail });
    }
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    };
    let stderr = last_words(&stderr_tail);
    if let Some(mut error) = Error::from_json(&stdout) {
        if error.msg.is_empty() {
            error.msg = format!("{} {how} and gave no message{}", binary.display(), words("", &stderr));
        }
        return Err(ExecFailure::Reported(error));
    }
    let stdout = excerpt(&String::from_utf8_lossy(&stdout));
    Err(ExecFailure::Silent { binary: binary.to_owned(), how, stdout, stderr })
}

/// The end of a text: what a plugin says last is why it gave up.
pub(super) fn last_words(text: &str) -> String {
    let text = text.trim();
    // Counted from the end: index EXCERPT - 1 is the first character that is kept.
    match text.char_indices().rev().nth(EXCERPT - 1) {
        Some((start, _)) if start > 0 => format!("…{}", text.get(start..).unwrap_or_default()),
        _ => text.to_owned(),
    }
}

/// The start of a text.
fn excerpt(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
