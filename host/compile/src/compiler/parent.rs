//! The parent: it starts the child with nothing but a component, waits no longer than it has to, and looks at what came
//! back.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::answer::{self, HEAD_BYTES};
use super::ended;
use super::{ARTIFACT_BYTES, Worker};
use crate::artifact::{Artifact, check_kind};
use crate::error::CompileError;

/// What the child says when it dies: its last words.
const SAID_BYTES: u64 = 64 << 10;

/// How often the child is looked after. A small component takes 30 ms.
const PAUSE: Duration = Duration::from_millis(2);

/// Has a child compile a component.
pub(super) fn compile(worker: &Worker, component: &[u8]) -> Result<Artifact, CompileError> {
    check_kind(component)?;
    let Ended { status, answer, said } =
        run(worker, component).map_err(|error| CompileError::Compiler(error.to_string()))?;
    match status {
        Some(status) if status.success() => answer::read(component, &answer),
        other => Err(ended::reason(other, &String::from_utf8_lossy(&said), worker.limits)),
    }
}

/// A child that has ended, or was ended at the deadline: then it has no status.
struct Ended {
    status: Option<ExitStatus>,
    answer: Vec<u8>,
    said: Vec<u8>,
}

/// Files without names take what goes to and fro: nobody waits for anybody, and both sides bound what is written.
fn run(worker: &Worker, component: &[u8]) -> io::Result<Ended> {
    let [mut given, mut answer, mut said] = [memory_file()?, memory_file()?, memory_file()?];
    given.write_all(component)?;
    given.rewind()?;
    let mut command = Command::new(&worker.program);
    command.args(&worker.arguments);
    command.args([worker.limits.memory.to_string(), worker.limits.seconds().to_string()]);
    command.env_clear().current_dir("/").arg0("multusctl");
    command.stdin(given).stdout(answer.try_clone()?).stderr(said.try_clone()?);
    let deadline = Instant::now() + worker.limits.real_time();
    let status = Running(command.spawn()?).wait(deadline)?;
    let answer = content(&mut answer, ARTIFACT_BYTES + HEAD_BYTES)?;
    let said = content(&mut said, SAID_BYTES)?;
    Ok(Ended { status, answer, said })
}

fn memory_file() -> io::Result<File> {
    /// `MFD_NOEXEC_SEAL`: some nodes allow no others.
    const NEVER_EXECUTABLE: u32 = 8;
    let create = |flags| memfd_create("multus-compile", MFdFlags::MFD_CLOEXEC | flags);
    let file = match create(MFdFlags::from_bits_retain(NEVER_EXECUTABLE)) {
        // Kernels before 6.3 don't know it.
        Err(Errno::EINVAL) => create(MFdFlags::empty())?,
        other => other?,
    };
    Ok(file.into())
}

fn content(file: &mut File, most: u64) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A child that does not outlive this.
struct Running(Child);

impl Running {
    /// Its status, or none if it had to be ended.
    fn wait(mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(Some(status)),
                None if Instant::now() >= deadline => return Ok(None),
                None => sleep(PAUSE),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing is left to be done about either; one that has ended is not waited for again.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::CompileLimits;

    /// What comes of a child that does this instead of compiling.
    fn child(script: &str) -> String {
        let limits = CompileLimits { time: Duration::from_secs(1), ..CompileLimits::default() };
        let worker =
            Worker { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], limits };
        compile(&worker, b"\0asm\x0d\0\x01\0").unwrap_err().to_string()
    }

    #[test]
    fn a_child_that_does_something_else_is_told_apart() {
        let rows = [
            ("is killed", "kill -KILL $$", "killed from outside"),
            ("crashes", "echo alas >&2; kill -SEGV $$", "SIGSEGV"),
            ("is past its time", "kill -XCPU $$", "1 s of CPU time"),
            ("fails", "echo first >&2; echo last >&2; exit 3", "exit status: 3 (last)"),
            ("says nothing", "exit 0", "cut short"),
            ("says something else", "echo hello", "not to be trusted: expected"),
            ("does not end", "kill -STOP $$", "5 s of real time"),
        ];
        for (what, script, expected) in rows {
            let error = child(script);
            assert!(error.contains(expected), "{what}: {error}");
        }
    }

    #[test]
    fn it_gets_the_component_its_limits_and_nothing_else() {
        assert!(child("/bin/cat /proc/$$/environ >&2; exit 1").contains("(it said nothing)"));
        assert!(
            child("pwd >&2; exit 1")
                .ends_with("exit status: 1 (/): install another build of it, and report this one")
        );
        assert!(child("echo $0 $1 >&2; exit 1").contains("(2147483648 1)"));
        assert!(child("/usr/bin/od -An -tx1 >&2; exit 1").contains("( 00 61 73 6d 0d 00 01 00)"));
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let worker =
            Worker { program: "/nowhere".into(), arguments: Vec::new(), limits: CompileLimits::default() };
        let error = compile(&worker, b"\0asm\x0d\0\x01\0").unwrap_err().to_string();
        assert!(error.starts_with("cannot start the compiler: "), "{error}");
    }
}
