//! One delegate binary, run once.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use multus_cni::env::Command;
use multus_cni::exec::{self, Invocation};
use multus_cni::{Error, Stderr};

/// Whom a delegate is run for: the CNI environment but for the verb.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) container_id: &'a str,
    /// Empty where the namespace is gone.
    pub(crate) netns: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) args: &'a str,
    pub(crate) path: &'a [PathBuf],
}

impl<'a> Target<'a> {
    /// STATUS and GC are about no container (CNI-01).
    pub(crate) fn no_container(path: &'a [PathBuf]) -> Self {
        Self { container_id: "", netns: "", interface: "", args: "", path }
    }
}

/// What bounds and guards the run.
pub(crate) struct Guard<'a> {
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
    /// Locks that the delegate keeps while it lives, even past our own death.
    pub(crate) locks: Vec<BorrowedFd<'a>>,
}

/// Runs a delegate and returns what it printed.
///
/// # Errors
/// The delegate's own code, message and details where it gave them; else what happened to it.
pub(crate) fn run(
    verb: Command,
    binary: &Path,
    target: Target<'_>,
    stdin: &str,
    guard: &Guard<'_>,
) -> Result<Vec<u8>, Error> {
    run_after(verb, binary, target, stdin, guard, || Ok(()))
}

/// The same, where something has to be done before the delegate gets its configuration.
///
/// # Errors
/// Also what `before_input` returns.
pub(crate) fn run_after(
    verb: Command,
    binary: &Path,
    target: Target<'_>,
    stdin: &str,
    guard: &Guard<'_>,
    before_input: impl FnOnce() -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let invocation = Invocation {
        binary,
        verb,
        container_id: target.container_id,
        netns: target.netns,
        ifname: target.interface,
        args: target.args,
        path: target.path,
        stdin: stdin.as_bytes(),
        deadline: guard.deadline.min(Instant::now() + guard.timeout),
        inherit: &guard.locks,
    };
    match exec::run_after(&invocation, &mut Stderr::default(), before_input) {
        Ok(output) => Ok(output.stdout),
        Err(failure) => Err(Error::from(failure)),
    }
}
