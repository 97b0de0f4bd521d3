//! The program's entry, in place of the one that Rust's runtime brings. That one also prepares for an overflow of the
//! stack, for which the C library reads and parses `/proc/self/maps`: a tenth of a millisecond of each call. An
//! overflow ends the process without it as well.

use std::os::fd::{BorrowedFd, IntoRawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::Mode;

/// What the C library calls.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[cfg_attr(test, allow(dead_code, reason = "tests have an entry of their own"))]
extern "C" fn main(_count: libc::c_int, _arguments: *const *const libc::c_char) -> libc::c_int {
    if prepare().is_err() {
        return 1;
    }
    libc::c_int::from(!crate::call())
}

/// What the rest of the program, and Rust's standard library, take for granted.
fn prepare() -> nix::Result<()> {
    open_streams()?;
    // SAFETY: sets no handler. Writing to a pipe that nobody reads is an error to be told, not the end.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }.map(drop)
}

/// A file that got the number of a closed standard stream would be written to as that stream.
fn open_streams() -> nix::Result<()> {
    // SAFETY: the numbers are only asked about; `poll` says of each whether it is open.
    let streams = [0, 1, 2].map(|number| unsafe { BorrowedFd::borrow_raw(number) });
    let mut asked = streams.map(|stream| PollFd::new(stream, PollFlags::empty()));
    while let Err(errno) = poll(&mut asked, PollTimeout::ZERO) {
        if errno != Errno::EINTR {
            return Err(errno);
        }
    }
    let closed =
        |asked: &PollFd<'_>| asked.revents().is_some_and(|found| found.contains(PollFlags::POLLNVAL));
    // Each one gets the lowest free number, which is that of the first closed stream.
    for _ in asked.iter().filter(|asked| closed(asked)) {
        let _ = open("/dev/null", OFlag::O_RDWR, Mode::empty())?.into_raw_fd();
    }
    Ok(())
}
