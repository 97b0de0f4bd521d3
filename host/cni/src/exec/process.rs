//! Starting a plugin in a process group of its own, and ending it.

use std::ffi::{CString, OsString};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, pipe2};
use rustix::process::{PidfdFlags, WaitOptions, pidfd_open, waitpid};

use super::{ExecFailure, Invocation, sys};

/// How long a killed child is waited for. One that hangs in the kernel stays until it is done there, and
/// must not hold up the answer.
const REAP: Duration = Duration::from_secs(2);

/// A plugin that runs, and our ends of its streams.
pub(super) struct Child {
    pid: Pid,
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
}

/// Starts the plugin. A binary that is just being written ("text file busy", as while an installer
/// replaces it) is tried again until the deadline.
pub(super) fn start(invocation: &Invocation<'_>) -> Result<Child, ExecFailure> {
    let mut pause = Duration::from_millis(5);
    if Instant::now() >= invocation.deadline {
        return Err(ExecFailure::NoTime { binary: invocation.binary.to_owned() });
    }
    let failed = |error| ExecFailure::Start { binary: invocation.binary.to_owned(), error };
    let image = image(invocation).map_err(failed)?;
    loop {
        match Child::start(&image, invocation) {
            Ok(child) => return Ok(child),
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy
                    && Instant::now() + pause < invocation.deadline =>
            {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(500));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

impl Child {
    fn start(image: &sys::Image, invocation: &Invocation<'_>) -> io::Result<Self> {
        let [(theirs_in, stdin), (stdout, theirs_out), (stderr, theirs_err)] =
            [pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?];
        let streams = [theirs_in.as_fd(), theirs_out.as_fd(), theirs_err.as_fd()];
        let pid = sys::spawn(image, streams, invocation.inherit)?;
        Ok(Self { pid, stdin: Some(stdin), stdout: Some(stdout), stderr: Some(stderr) })
    }

    /// A descriptor that is readable once the child has ended.
    pub(super) fn watch(&self) -> io::Result<OwnedFd> {
        let pid = rustix::process::Pid::from_raw(self.pid.as_raw()).ok_or(ErrorKind::InvalidInput)?;
        Ok(pidfd_open(pid, PidfdFlags::empty())?)
    }

    /// Waits for its end.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        self.reap(WaitOptions::empty())?.ok_or_else(|| io::Error::other("it has no exit status"))
    }

    fn reap(&self, options: WaitOptions) -> io::Result<Option<ExitStatus>> {
        let ended = waitpid(rustix::process::Pid::from_raw(self.pid.as_raw()), options)?;
        Ok(ended.map(|(_, status)| ExitStatus::from_raw(status.as_raw())))
    }

    /// Ends the child and whatever it started in its group, and takes its exit status off the kernel.
    pub(super) fn end(&self) {
        // It may have ended by itself in the meantime.
        let _ = killpg(self.pid, Signal::SIGKILL);
        // It may have joined another group.
        let _ = kill(self.pid, Signal::SIGKILL);
        let enough = Instant::now() + REAP;
        while matches!(self.reap(WaitOptions::NOHANG), Ok(None)) && Instant::now() < enough {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Our environment with every `CNI_*` variable replaced: plugins may need `PATH` or a proxy, and traces
/// go on through `TRACEPARENT` (CNI-19).
fn image(invocation: &Invocation<'_>) -> io::Result<sys::Image> {
    let ours = std::env::vars_os().filter(|(name, _)| {
        !name.to_str().is_some_and(|name| name.starts_with("CNI_") && name != "CNI_NETNS_OVERRIDE")
    });
    let path: Vec<String> = invocation.path.iter().map(|dir| dir.display().to_string()).collect();
    let path = path.join(":");
    let mut theirs = vec![("CNI_COMMAND", invocation.verb.as_str()), ("CNI_PATH", &path)];
    // STATUS and GC are about no container (CNI-01).
    if !invocation.container_id.is_empty() {
        theirs.extend([
            ("CNI_CONTAINERID", invocation.container_id),
            ("CNI_NETNS", invocation.netns),
            ("CNI_IFNAME", invocation.ifname),
            ("CNI_ARGS", invocation.args),
        ]);
    }
    let theirs = theirs.into_iter().map(|(name, value)| (name.into(), value.into()));
    let environment = ours.chain(theirs).map(|(name, value)| variable(name, value));
    let path = CString::new(invocation.binary.as_os_str().as_bytes())?;
    Ok(sys::Image::new(path, environment.collect::<io::Result<_>>()?))
}

fn variable(mut name: OsString, value: OsString) -> io::Result<CString> {
    name.push("=");
    name.push(value);
    Ok(CString::new(name.into_vec())?)
}
