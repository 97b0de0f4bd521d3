//! Starting a plugin in a process group of its own.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::getpid;

use super::{ExecFailure, Invocation, sys};

/// Starts the plugin. A binary that is just being written ("text file busy", as while an installer
/// replaces it) is tried again until the deadline.
pub(super) fn start(invocation: &Invocation<'_>) -> Result<Child, ExecFailure> {
    let mut pause = Duration::from_millis(5);
    if Instant::now() >= invocation.deadline {
        return Err(ExecFailure::NoTime { binary: invocation.binary.to_owned() });
    }
    if let Err(error) = check_format(invocation.binary) {
        return Err(ExecFailure::Start { binary: invocation.binary.to_owned(), error });
    }
    loop {
        match command(invocation).spawn() {
            Ok(child) => return Ok(child),
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy
                    && Instant::now() + pause < invocation.deadline =>
            {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(500));
            }
            Err(error) => return Err(ExecFailure::Start { binary: invocation.binary.to_owned(), error }),
        }
    }
}

/// Refuses what the kernel would not run: the C library then hands the file to a shell, which would take the
/// bytes of a torn binary for commands, and an empty file for success.
fn check_format(binary: &Path) -> io::Result<()> {
    // One that may be run but not read, or is gone: the kernel will say.
    let Ok(file) = File::open(binary) else { return Ok(()) };
    let mut head = Vec::new();
    file.take(4).read_to_end(&mut head)?;
    let known = head == b"\x7fELF" || head.starts_with(b"#!");
    if known { Ok(()) } else { Err(io::Error::from_raw_os_error(nix::libc::ENOEXEC)) }
}

/// Our environment with every `CNI_*` variable replaced: plugins may need `PATH` or a proxy, and traces
/// go on through `TRACEPARENT` (CNI-19).
fn command(invocation: &Invocation<'_>) -> Command {
    let path: Vec<String> = invocation.path.iter().map(|dir| dir.display().to_string()).collect();
    let mut command = Command::new(invocation.binary);
    for (name, _) in std::env::vars_os() {
        let replaced =
            name.to_str().is_some_and(|name| name.starts_with("CNI_") && name != "CNI_NETNS_OVERRIDE");
        if replaced {
            command.env_remove(name);
        }
    }
    command.env("CNI_COMMAND", invocation.verb.as_str()).env("CNI_PATH", path.join(":"));
    // STATUS and GC are about no container (CNI-01).
    if !invocation.container_id.is_empty() {
        command
            .env("CNI_CONTAINERID", invocation.container_id)
            .env("CNI_NETNS", invocation.netns)
            .env("CNI_IFNAME", invocation.ifname)
            .env("CNI_ARGS", invocation.args);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    sys::prepare(&mut command, getpid(), invocation.inherit.iter().map(AsRawFd::as_raw_fd).collect());
    command
}
