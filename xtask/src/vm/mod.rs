//! `cargo xtask vm`: a virtual machine with this machine's files, another kernel and emulated network cards, for what
//! the kernel here may lack.

mod archive;
mod kernel;
mod machine;
mod netdevsim;
mod parts;
mod power;
mod sources;
mod suite;

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::build::Built;
use crate::run::say;
use crate::setup::Setup;
use crate::workspace::Workspace;
use machine::{Job, Machine};
use parts::Parts;

/// How many network cards with virtual functions there are in the machine.
const CARDS: u32 = 2;

/// Runs a command in the machine. Its exit status is ours.
///
/// # Errors
/// If there is no machine to be had, or it ends before the command.
pub(crate) fn command(workspace: &Workspace, line: &[OsString], limit: Duration) -> Result<ExitCode> {
    let parts = Parts::find(workspace)?;
    let script = format!("{}exec {}\n", environment(workspace), words(line));
    let job = Job { script: &script, cards: CARDS, disk: None, limit };
    let status = Machine::start(workspace, &parts, &job)?.finish(machine::aloud)?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)))
}

/// Runs what is tested in the machine: all of it, or some test programs.
///
/// # Errors
/// If something fails there, or there is no machine to be had.
pub(crate) fn test(workspace: &Workspace, setup: &Setup, built: &Built, programs: &[String]) -> Result<()> {
    suite::run(workspace, &Parts::find(workspace)?, setup, built, programs)
}

/// The same at the end of the gate, which goes on where there is no machine to be had: false then.
///
/// # Errors
/// If something fails in the machine.
pub(crate) fn test_if_any(workspace: &Workspace, setup: &Setup, built: &Built) -> Result<bool> {
    match Parts::find(workspace) {
        Ok(parts) => suite::run(workspace, &parts, setup, built, &[]).map(|()| true),
        Err(error) => {
            println!("    {error:#}");
            say(
                "LEFT OUT: what takes another kernel than this one (VLANs, bonds, virtual functions): no virtual machine",
            );
            Ok(false)
        }
    }
}

/// Lines that give a command in the machine our working folder and our environment.
fn environment(workspace: &Workspace) -> String {
    let mut lines = String::new();
    let path = [(OsString::from("PATH"), workspace.search_path())];
    for (name, value) in env::vars_os().filter(|(name, _)| name != "PATH").chain(path) {
        let Some(name) = name.to_str().filter(|name| is_name(name)) else { continue };
        lines.push_str(&format!("export {name}={}\n", quoted(&value)));
    }
    if let Ok(folder) = env::current_dir() {
        lines.push_str(&format!("cd {}\n", quoted(folder.as_os_str())));
    }
    lines
}

fn is_name(name: &str) -> bool {
    name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}

fn words(line: &[OsString]) -> String {
    line.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word that the shell takes as it is.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_as_they_are() {
        let line = ["echo", "it's", "$HOME", "a b"].map(OsString::from);
        let output = std::process::Command::new("sh").args(["-c", &words(&line)]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's $HOME a b\n");
    }
}
