//! A folder with a script that poses as a plugin.

use std::fs::{self, Permissions};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use multus_cni::Command;
use multus_cni::exec::{self, ExecFailure, Invocation, Output};
use tempfile::TempDir;

pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) verb: Command,
    pub(crate) stdin: Vec<u8>,
    pub(crate) timeout: Duration,
}

impl Bench {
    /// `body` runs with the working folder of the test; `$DIR` in it is this bench's folder.
    pub(crate) fn new(body: &str) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let body = body.replace("$DIR", dir.path().to_str().unwrap());
        let bench = Self { dir, verb: Command::Add, stdin: b"{}".to_vec(), timeout: Duration::from_secs(20) };
        fs::write(bench.binary(), format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(bench.binary(), Permissions::from_mode(0o755)).unwrap();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn binary(&self) -> PathBuf {
        self.path("plugin")
    }

    pub(crate) fn run(&self) -> Result<Output, ExecFailure> {
        self.run_with(&[], &mut Vec::new())
    }

    pub(crate) fn run_with(
        &self,
        inherit: &[BorrowedFd<'_>],
        stderr: &mut dyn std::io::Write,
    ) -> Result<Output, ExecFailure> {
        let path = ["/opt/cni/bin".into(), "/usr/lib/cni".into()];
        let binary = self.binary();
        let deadline = Instant::now() + self.timeout;
        let invocation = add(&binary, &path, deadline);
        exec::run(&Invocation { verb: self.verb, stdin: &self.stdin, inherit, ..invocation }, stderr)
    }

    /// The process id that the script wrote into a file; waits for it.
    pub(crate) fn pid(&self, name: &str) -> i32 {
        let path = self.path(name);
        wait_until("the script writes its pid", || {
            fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))
        });
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }
}

pub(crate) fn add<'a>(binary: &'a Path, path: &'a [PathBuf], deadline: Instant) -> Invocation<'a> {
    Invocation {
        binary,
        verb: Command::Add,
        container_id: "c1",
        netns: "/run/netns/x",
        ifname: "net1",
        args: "K=V;L=",
        path,
        stdin: b"{}",
        deadline,
        inherit: &[],
    }
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A dead process that nobody has reaped yet is dead.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
