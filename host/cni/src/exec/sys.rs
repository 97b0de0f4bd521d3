//! What the child does between fork and exec.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

/// Ties a command to the thread that starts it, and leaves it some of our descriptors.
///
/// The kernel kills the child when the starting *thread* ends, not the process: that thread has to stay
/// until the child is reaped, as [`super::run`] does. The kernel forgets the tie for what the child forks,
/// and for binaries that are setuid or have file capabilities; those still hold the inherited descriptors.
pub(super) fn prepare(command: &mut Command, parent: Pid, inherit: Vec<RawFd>) {
    let in_child = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above, and then no signal will come.
        if getppid() != parent {
            return Err(io::Error::from_raw_os_error(nix::libc::ESRCH));
        }
        for fd in &inherit {
            // SAFETY: the caller holds these descriptors open until after the spawn; see `process::start`.
            let fd = unsafe { BorrowedFd::borrow_raw(*fd) };
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made (prctl, getppid, fcntl): no allocation, no
    // lock, nothing that another thread of the parent could have left half done.
    unsafe { command.pre_exec(in_child) };
}
