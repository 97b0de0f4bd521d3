//! Running a plugin binary: found, started, fed, watched, and its answer or failure understood
//! (CNI 1.1.0, section 2; CNI-03, CNI-17).

mod failure;
mod process;
mod search;
mod streams;
#[allow(unsafe_code, reason = "what a child does between fork and exec has no safe form")]
mod sys;

use std::io::Write;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use failure::ExecFailure;
pub use search::find_plugin;

use crate::env::Command;
use crate::error::Error;

/// One call of a plugin binary.
#[derive(Debug)]
pub struct Invocation<'a> {
    /// The binary, as [`find_plugin`] found it.
    pub binary: &'a Path,
    /// `CNI_COMMAND`.
    pub verb: Command,
    /// `CNI_CONTAINERID`; not set where empty (STATUS, GC).
    pub container_id: &'a str,
    /// `CNI_NETNS`; empty where the namespace is gone.
    pub netns: &'a str,
    /// `CNI_IFNAME`; not set where empty.
    pub ifname: &'a str,
    /// `CNI_ARGS`.
    pub args: &'a str,
    /// Folders of `CNI_PATH`.
    pub path: &'a [PathBuf],
    /// The configuration.
    pub stdin: &'a [u8],
    /// When it is killed, with everything it started in its process group.
    pub deadline: Instant,
    /// Descriptors that it keeps for as long as it lives, such as the container's lock.
    pub inherit: &'a [BorrowedFd<'a>],
}

/// What a plugin that succeeded printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr_tail: String,
}

/// Runs a plugin to its end. Its standard error is passed on to `stderr` as it comes; a writer that blocks
/// holds up the deadline, which [`crate::Stderr`] never does. The plugin is also killed when the calling thread ends.
///
/// # Errors
/// It could not be started, did not end in time, died, or reported a failure of its own.
pub fn run(invocation: &Invocation<'_>, stderr: &mut dyn Write) -> Result<Output, ExecFailure> {
    run_after(invocation, stderr, || Ok(()))
}

/// The same for a plugin that must not act before something else is done: that is done while the plugin
/// starts, which takes it about as long as a sync to the disk, and only then it gets its configuration. A
/// plugin can't act without one.
///
/// # Errors
/// Also what `before_input` returns; the plugin is killed then.
pub fn run_after(
    invocation: &Invocation<'_>,
    stderr: &mut dyn Write,
    before_input: impl FnOnce() -> Result<(), Error>,
) -> Result<Output, ExecFailure> {
    let mut child = process::start(invocation)?;
    if let Err(error) = before_input() {
        child.end();
        return Err(ExecFailure::Withheld(error));
    }
    let streams = streams::exchange(&mut child, invocation, stderr)?;
    failure::judge(invocation.binary, streams)
}
