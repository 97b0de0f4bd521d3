//! Standard output and standard error, which are lines of the log.

use crate::context::Context;
use crate::log::Level;

/// How much of a line is kept until it ends; the log has a bound of its own.
const LINE_BYTES: usize = 8 << 10;

/// A stream to write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Lines for whoever looks.
    Stdout,
    /// Lines for the operator. The last one is what a crash is explained by.
    Stderr,
}

/// What was written to both and is no whole line yet.
#[derive(Debug, Default)]
pub(crate) struct Written {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Written {
    fn of(&mut self, output: Output) -> &mut Vec<u8> {
        match output {
            Output::Stdout => &mut self.stdout,
            Output::Stderr => &mut self.stderr,
        }
    }
}

impl Context {
    /// Takes what a module writes.
    pub(super) fn write(&mut self, output: Output, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = self.written.of(output);
            let room = LINE_BYTES.saturating_sub(line.len());
            line.extend(piece.iter().take(room));
            if piece.ends_with(b"\n") {
                self.end_line(output);
            }
        }
    }

    /// What has no end when the call has.
    pub(crate) fn end_lines(&mut self) {
        self.end_line(Output::Stdout);
        self.end_line(Output::Stderr);
    }

    fn end_line(&mut self, output: Output) {
        let line = std::mem::take(self.written.of(output));
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            return;
        }
        match output {
            Output::Stdout => self.log.push(Level::Info, &text),
            Output::Stderr => self.log.push_last_words(&text),
        }
    }
}
