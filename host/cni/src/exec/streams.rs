//! Feeding a plugin, reading what it prints, and ending it at its deadline: one loop, no thread.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitStatus;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::failure::last_words;
use super::process::Child;
use super::{ExecFailure, Invocation};
use crate::env::Command;

/// More than any result; a plugin that prints more is ended.
const MAX_STDOUT: usize = 4 << 20;
/// What is kept of standard error for the message.
const TAIL: usize = 4 << 10;

/// What a child printed, and how it ended.
pub(super) struct Streams {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr_tail: String,
}

struct Exchange<'a> {
    stdin: Option<(File, &'a [u8])>,
    stdout: Option<File>,
    stderr: Option<File>,
    /// Readable once the child has ended.
    ended: OwnedFd,
    printed: Vec<u8>,
    tail: Vec<u8>,
    pass_on: &'a mut dyn Write,
}

/// Runs the conversation until the child has ended. What it started itself and what still holds its
/// pipes is not waited for: once the child is dead, only what is in the pipes is read.
pub(super) fn exchange(
    child: &mut Child,
    invocation: &Invocation<'_>,
    stderr: &mut dyn Write,
) -> Result<Streams, ExecFailure> {
    let result = talk(child, invocation, stderr);
    if result.is_err() {
        child.end();
    }
    result
}

fn talk(
    child: &mut Child,
    invocation: &Invocation<'_>,
    stderr: &mut dyn Write,
) -> Result<Streams, ExecFailure> {
    let io_error = |error: io::Error| ExecFailure::Pipe { binary: invocation.binary.to_owned(), error };
    let started = Instant::now();
    let mut exchange = Exchange::new(child, invocation.stdin, stderr).map_err(io_error)?;
    loop {
        let ended = exchange.turn(invocation.deadline).map_err(io_error)?;
        if exchange.printed.len() > MAX_STDOUT {
            if matches!(invocation.verb, Command::Add | Command::Version) {
                return Err(ExecFailure::TooMuch { binary: invocation.binary.to_owned(), limit: MAX_STDOUT });
            }
            // The other verbs have no result: what they print must not make them fail.
            exchange.printed.truncate(MAX_STDOUT);
        }
        if ended {
            // What it printed last was read after it had ended; a grandchild's pipe is not waited for.
            let status = child.wait().map_err(io_error)?;
            return Ok(Streams { status, stderr_tail: exchange.stderr_tail(), stdout: exchange.printed });
        }
        if Instant::now() >= invocation.deadline {
            return Err(ExecFailure::Deadline {
                binary: invocation.binary.to_owned(),
                after: started.elapsed(),
                stderr: last_words(&exchange.stderr_tail()),
            });
        }
    }
}

impl<'a> Exchange<'a> {
    fn new(child: &mut Child, stdin: &'a [u8], pass_on: &'a mut dyn Write) -> io::Result<Self> {
        let own = |fd: Option<OwnedFd>| fd.map(non_blocking).transpose();
        Ok(Self {
            ended: child.watch()?,
            stdin: own(child.stdin.take())?.map(|pipe| (pipe, stdin)),
            stdout: own(child.stdout.take())?,
            stderr: own(child.stderr.take())?,
            printed: Vec::new(),
            tail: Vec::new(),
            pass_on,
        })
    }

    fn stderr_tail(&self) -> String {
        String::from_utf8_lossy(&self.tail).trim().to_owned()
    }

    /// Waits until something happens, then moves what can be moved; says whether the child has ended.
    fn turn(&mut self, deadline: Instant) -> io::Result<bool> {
        let wait = deadline.saturating_duration_since(Instant::now());
        let mut events = vec![PollFd::new(self.ended.as_fd(), PollFlags::POLLIN)];
        events.extend(self.stdin.iter().map(|(pipe, _)| PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)));
        events.extend(
            self.stdout.iter().chain(&self.stderr).map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)),
        );
        match poll(&mut events, PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ended = events.first().and_then(PollFd::any).unwrap_or(false);
        self.write()?;
        self.read()?;
        Ok(ended)
    }

    /// A child that does not read its input is no failure: many plugins answer without it.
    fn write(&mut self) -> io::Result<()> {
        let Some((pipe, rest)) = &mut self.stdin else { return Ok(()) };
        let done = match pipe.write(rest) {
            Ok(count) => {
                *rest = rest.get(count..).unwrap_or_default();
                rest.is_empty()
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => false,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => true,
            Err(error) => return Err(error),
        };
        if done {
            self.stdin = None;
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        if let Some(pipe) = &mut self.stdout
            && pull(pipe, &mut self.printed)?
        {
            self.stdout = None;
        }
        let Some(pipe) = &mut self.stderr else { return Ok(()) };
        let mut said = Vec::new();
        let ended = pull(pipe, &mut said)?;
        // Nobody may be listening to our own standard error.
        let _ = self.pass_on.write_all(&said);
        self.tail.extend_from_slice(&said);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        if ended {
            self.stderr = None;
        }
        Ok(())
    }
}

/// Reads what is there without waiting, up to a little past the limit; says whether the pipe has ended.
fn pull(pipe: &mut File, into: &mut Vec<u8>) -> io::Result<bool> {
    // Most results are shorter; more would be cleared at each reading.
    let mut buffer = [0_u8; 4 << 10];
    while into.len() <= MAX_STDOUT {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(count) => into.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn non_blocking(fd: OwnedFd) -> io::Result<File> {
    set_non_blocking(fd.as_fd())?;
    Ok(File::from(fd))
}

fn set_non_blocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}
