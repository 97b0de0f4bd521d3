//! Work that must leave no trace on the thread it is done for.

use std::io;

use nix::sched::{CloneFlags, clone};
use nix::sys::wait::{WaitPidFlag, waitpid};

/// For a few system calls, and the formatting of an error.
const STACK: usize = 64 << 10;

/// Runs `work` in a process of its own that shares our memory and descriptors, while this thread waits for
/// its end: what it changes of itself, such as its namespace, ends with it. A thread would do as well, and
/// costs four times as much.
///
/// # Errors
/// The process could not be started, or was killed.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    let mut stack = vec![0_u8; STACK];
    let (mut work, mut done) = (Some(work), None);
    let callback = || {
        done = work.take().map(|work| work());
        0
    };
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK | CloneFlags::CLONE_FILES;
    // SAFETY: until the process ends this thread sleeps (CLONE_VFORK), so it is as if this thread itself went
    // on, on a stack of its own: its thread-local data, locks and memory are those that `work` sees.
    let process = unsafe { clone(Box::new(callback), &mut stack, flags, None) }?;
    waitpid(process, Some(WaitPidFlag::__WCLONE))?;
    done.ok_or_else(|| io::Error::other("the process that was to do it was killed"))
}
