//! A container runtime for the test that lets a real one call the plugin.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::debian;
use crate::run::say;
use crate::workspace::Workspace;

/// What the runtime consists of; the shim and `runc` are found by search path.
const PROGRAMS: [&str; 4] = ["containerd", "containerd-shim-runc-v2", "ctr", "runc"];

/// A folder with all of its programs: links to the machine's, or to those that apt fetches into
/// `target/containerd`. `None`, after saying so, if neither is to be had: the tests go on without.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let fetched = workspace.target.join("containerd");
    let folder = fetched.join("bin");
    match gather(workspace, &fetched, &folder) {
        Ok(()) => Some(folder),
        Err(error) => {
            println!("    {error:#}");
            println!("    LEFT OUT: pods that a real runtime starts. Install containerd and runc.");
            None
        }
    }
}

fn gather(workspace: &Workspace, fetched: &Path, folder: &Path) -> Result<()> {
    if complete(folder) {
        return Ok(());
    }
    if PROGRAMS.iter().any(|name| workspace.program(name).is_none()) {
        say("fetching a container runtime (containerd, runc) with apt, into target/containerd");
        debian::unpack(workspace, "containerd", fetched)?;
    }
    // apt leaves out what is installed.
    let program = |name: &&str| debian::program(fetched, name).or_else(|| workspace.program(name));
    let programs: Option<Vec<_>> = PROGRAMS.iter().map(program).collect();
    link(&programs.context("containerd was fetched, but one of its programs is not there")?, folder)
}

/// Are they all there, and not links to what was removed since?
fn complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|name| folder.join(name).is_file())
}

fn link(programs: &[PathBuf], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (program, name) in programs.iter().zip(PROGRAMS) {
        let link = folder.join(name);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => symlink(program, &link)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_anew_where_one_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("bin");
        let programs = PROGRAMS.map(|name| root.path().join(name));
        for program in &programs {
            fs::write(program, "").unwrap();
        }
        assert!(!complete(&folder));
        for _ in 0..2 {
            link(&programs, &folder).unwrap();
            assert!(complete(&folder));
        }
        fs::remove_file(&programs[3]).unwrap();
        assert!(!complete(&folder));
    }
}
