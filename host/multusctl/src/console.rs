//! What goes to standard output, and what to standard error.

use std::io::{self, Write};

use multus_attach::{Log, Severity};
use serde::Serialize;

use crate::cli::Format;

/// The two outputs of a command.
pub(crate) struct Console {
    format: Format,
    verbose: bool,
}

/// Data in both forms: `Serialize` is what programs get, `text` what people get.
pub(crate) trait Report: Serialize {
    /// Lines for people, ended by a line feed unless empty.
    fn text(&self) -> String;
}

impl Console {
    pub(crate) fn new(format: Format, verbose: bool) -> Self {
        Self { format, verbose }
    }

    /// Prints data in the form that was asked for.
    pub(crate) fn show(&self, report: &impl Report) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Table => printable(&report.text()),
            Format::Json => serde_json::to_string_pretty(report)? + "\n",
        };
        self.print(text.as_bytes())
    }

    /// Prints bytes that have one form only, such as a completion script.
    pub(crate) fn print(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Says a line on standard error.
    pub(crate) fn say(&self, line: &str) {
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(io::stderr(), "{}", printable(line));
    }
}

/// What the pipeline says while it works.
impl Log for Console {
    fn log(&self, severity: Severity, line: &str) {
        match severity {
            Severity::Debug if !self.verbose => {}
            Severity::Debug | Severity::Info => self.say(line),
            Severity::Warning => self.say(&format!("warning: {line}")),
            Severity::Error => self.say(&format!("error: {line}")),
        }
    }
}

/// Plugins, manifests and records are other people's text: it must not drive the terminal.
fn printable(text: &str) -> String {
    let letter = |letter: char| match letter {
        '\n' | '\t' => letter.to_string(),
        _ if letter.is_control() => letter.escape_default().to_string(),
        _ => letter.to_string(),
    };
    text.chars().map(letter).collect()
}

/// Other people's text as one line of ours.
pub(crate) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_does_not_drive_the_terminal() {
        assert_eq!(printable("a\tb\n\u{1b}[2Jé\r\u{9b}"), "a\tb\n\\u{1b}[2Jé\\r\\u{9b}");
    }
}
