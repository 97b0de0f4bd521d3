//! Why a child that compiles came to an end without an answer.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

use super::{ARTIFACT_BYTES, CompileLimits};
use crate::error::{CompileError, CompileLimit};

/// What Rust says when it gets no memory, before it aborts.
const NO_MEMORY: &str = "memory allocation of ";

/// The reason, from the status (none: it was ended at the deadline) and its last words.
pub(super) fn reason(status: Option<ExitStatus>, said: &str, limits: CompileLimits) -> CompileError {
    let reached = CompileError::Limit;
    let Some(status) = status else {
        return reached(CompileLimit::RealTime(limits.real_time()));
    };
    let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
    match signal {
        Some(Signal::SIGXCPU) => reached(CompileLimit::Time(limits.time)),
        Some(Signal::SIGXFSZ) => reached(CompileLimit::Artifact(ARTIFACT_BYTES)),
        Some(Signal::SIGABRT) if said.contains(NO_MEMORY) => reached(CompileLimit::Memory(limits.memory)),
        Some(Signal::SIGKILL) => CompileError::Killed,
        _ => CompileError::Crashed { how: status.to_string(), said: last_line(said) },
    }
}

fn last_line(said: &str) -> String {
    let line = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_reason() {
        let aborted = "memory allocation of 4096 bytes failed\n";
        let rows = [
            (None, "", "300 s of real time"),
            (Some(died_of(Signal::SIGXCPU)), "", "60 s of CPU time"),
            (Some(died_of(Signal::SIGXFSZ)), "", "512 MiB"),
            (Some(died_of(Signal::SIGABRT)), aborted, "2048 MiB of memory"),
            (Some(died_of(Signal::SIGABRT)), "thread panicked\n\n", "SIGABRT"),
            (Some(died_of(Signal::SIGKILL)), "", "killed from outside"),
            (Some(died_of(Signal::SIGSEGV)), "", "it said nothing"),
            (Some(1 << 8), "no limit\n", "exit status: 1 (no limit)"),
        ];
        for (status, said, expected) in rows {
            let error = reason(status.map(ExitStatus::from_raw), said, CompileLimits::default()).to_string();
            assert!(error.contains(expected), "{status:?}: {error}");
        }
    }

    /// The status of who died of a signal.
    fn died_of(signal: Signal) -> i32 {
        signal as i32
    }
}
