//! What modules log, within bounds.

use std::fmt;

const MAX_LINES: usize = 64;
const MAX_BYTES: usize = 8 << 10;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the module's author.
    Debug,
    /// For whoever looks.
    Info,
    /// For the operator.
    Warn,
    /// For the operator, soon.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// One line of a module; control characters are escaped, so it is one line wherever it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How grave.
    pub level: Level,
    /// The text.
    pub message: String,
}

/// The lines of one call.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: Vec<LogLine>,
    bytes: usize,
    dropped: usize,
    last_error: Option<String>,
}

impl Log {
    pub(crate) fn push(&mut self, level: Level, message: &str) {
        if self.lines.len() >= MAX_LINES || self.bytes >= MAX_BYTES {
            self.dropped += 1;
        } else {
            let message = one_line(message, MAX_BYTES - self.bytes);
            // An empty line is not free either: each one is kept.
            self.bytes += message.len().max(1);
            self.lines.push(LogLine { level, message });
        }
        if level == Level::Error {
            // Kept even where the log is full: a panic after a flood still explains itself.
            self.last_error = Some(one_line(message, 1024));
        }
    }

    /// A line of standard error. Not as grave as the module's own errors; but what stands there last explains a crash.
    pub(crate) fn push_last_words(&mut self, message: &str) {
        self.push(Level::Warn, message);
        // Rust's advice to its programmers.
        if !message.starts_with("note: ") {
            self.last_error = Some(one_line(message, 1024));
        }
    }

    /// The last line of level error: what a module says before it crashes.
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// The lines kept, and one more that tells how many were not.
    pub(crate) fn into_lines(mut self) -> Vec<LogLine> {
        if self.dropped > 0 {
            let message = format!("{} more lines were dropped", self.dropped);
            self.lines.push(LogLine { level: Level::Warn, message });
        }
        self.lines
    }
}

pub(crate) fn one_line(message: &str, room: usize) -> String {
    let mut line = String::new();
    for character in message.trim_end().chars() {
        let escaped = character.is_control() && character != '\t';
        let length = if escaped { character.escape_default().count() } else { character.len_utf8() };
        if line.len() + length > room {
            line.push('…');
            break;
        }
        if escaped { line.extend(character.escape_default()) } else { line.push(character) }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_ends_in_one_line_that_counts_the_rest() {
        let mut log = Log::default();
        for number in 0..1000 {
            log.push(Level::Info, &number.to_string());
        }
        let lines = log.into_lines();
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines.last().unwrap().message, "936 more lines were dropped");
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_an_error_is_still_heard() {
        let mut log = Log::default();
        log.push(Level::Info, &"ü".repeat(MAX_BYTES));
        log.push(Level::Error, "panicked at src/lib.rs:7: no mtu");
        assert_eq!(log.last_error(), Some("panicked at src/lib.rs:7: no mtu"));
        let lines = log.into_lines();
        assert!(lines[0].message.len() <= MAX_BYTES + '…'.len_utf8());
        assert!(lines[0].message.ends_with("ü…"));
        assert_eq!(lines[1].message, "1 more lines were dropped");
    }

    #[test]
    fn a_module_cannot_forge_lines_or_terminal_commands() {
        let mut log = Log::default();
        log.push(Level::Info, "ok\nerror: forged\u{1b}[2J\n");
        assert_eq!(log.into_lines()[0].message, "ok\\nerror: forged\\u{1b}[2J");
    }
}
