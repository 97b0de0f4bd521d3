//! The child: it gives up what compiling does not need, reads a component, writes an artifact.

use std::fs;
use std::io::{self, Read, Write};

use nix::errno::Errno;
use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::close;

use super::answer::{self, HEAD_BYTES};
use super::{ARTIFACT_BYTES, COMPONENT_BYTES};
use crate::artifact::compile_component;

/// Compiles the component on standard input, within bytes of memory and seconds of CPU time that hold for this whole
/// process from here on. The artifact, or why there is none, goes to standard output.
///
/// # Errors
/// The limits can't be set, and nothing was read then; or the streams are not those of a parent.
pub fn serve(memory: u64, seconds: u64) -> io::Result<()> {
    restrict(memory, seconds)?;
    let mut component = Vec::new();
    io::stdin().take(COMPONENT_BYTES + 1).read_to_end(&mut component)?;
    let compiled = compile_component(&component);
    let mut stdout = io::stdout().lock();
    answer::write(&compiled, &mut stdout)?;
    stdout.flush()
}

/// All of it, or nothing is compiled.
fn restrict(memory: u64, seconds: u64) -> io::Result<()> {
    // A parent that is gone waits for no answer.
    set_pdeathsig(Signal::SIGKILL)?;
    set_no_new_privs()?;
    close_others()?;
    // The second one kills if the first signal does not.
    limit(Resource::RLIMIT_CPU, seconds, seconds.saturating_add(1))?;
    limit(Resource::RLIMIT_AS, memory, memory)?;
    let answer = ARTIFACT_BYTES.saturating_add(HEAD_BYTES);
    limit(Resource::RLIMIT_FSIZE, answer, answer)?;
    limit(Resource::RLIMIT_CORE, 0, 0)?;
    // From here on nothing can be opened.
    limit(Resource::RLIMIT_NOFILE, 0, 0)
}

/// Never more than this process was given.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let (_, most) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(most), hard.min(most))?)
}

/// What our parent's parent left open, whatever that was.
fn close_others() -> io::Result<()> {
    let names = fs::read_dir("/proc/self/fd")?.map(|entry| entry.map(|entry| entry.file_name()));
    let names: Vec<_> = names.collect::<io::Result<_>>()?;
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2) {
        match close(number) {
            // The list's own.
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
