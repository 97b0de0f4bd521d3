//! The three kinds of things that are shipped: the plugin, the operator's tool, the components.

mod components;
mod elf;
mod plugin;
mod tree;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};

use crate::run;
use crate::workspace::Workspace;

pub(crate) use components::hostile;
pub(crate) use plugin::MAX_BYTES;

/// What was built.
pub(crate) struct Built {
    pub(crate) multus: PathBuf,
    pub(crate) multusctl: PathBuf,
    /// Folder of the components.
    pub(crate) components: PathBuf,
}

/// Builds everything that is shipped, as it is shipped.
///
/// # Errors
/// If something does not compile, or the plugin is not what a plugin has to be.
pub(crate) fn run(workspace: &Workspace) -> Result<Built> {
    let components = components::build(workspace)?;
    let multus = plugin::build(workspace)?;
    run::step(
        "building multusctl",
        workspace.cargo().args(["build", "--quiet", "--release", "--package", "multusctl"]),
    )?;
    let multusctl = install(workspace, &workspace.target.join("release/multusctl"))?;
    Ok(Built { multus, multusctl, components })
}

/// The same for tests: `multusctl` comes out of the tests' own build, with a compiler inside that is optimised there as
/// well (`profile.dev.package`). A second build of that compiler would be a third of the gate.
///
/// # Errors
/// As [`run`].
pub(crate) fn for_tests(workspace: &Workspace) -> Result<Built> {
    let components = components::build(workspace)?;
    // The plugin's last minutes, linked as one, keep one processor busy; the tests have a folder of their own.
    let (multus, tests) = thread::scope(|scope| {
        let multus = scope.spawn(|| plugin::build(workspace));
        let tests = run::step(
            "building the tests and multusctl",
            workspace.cargo().args(["build", "--quiet", "--workspace", "--bins", "--tests"]),
        );
        (multus.join(), tests)
    });
    tests?;
    let multus = multus.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok(Built { multus, multusctl: workspace.target.join("debug/multusctl"), components })
}

/// What the variables name that tests find these by, or else what [`for_tests`] builds.
///
/// # Errors
/// As [`run`].
pub(crate) fn named_or_for_tests(workspace: &Workspace) -> Result<Built> {
    let named = |name: &str| env::var_os(name).map(PathBuf::from);
    match (named("MULTUS_BIN"), named("MULTUSCTL_BIN")) {
        (Some(multus), Some(multusctl)) => {
            let components = named("MULTUS_COMPONENTS").unwrap_or_else(|| workspace.components());
            Ok(Built { multus, multusctl, components })
        }
        _ => for_tests(workspace),
    }
}

/// The tests' own delegates, optimised: for the bench and the demo. Their folder.
pub(crate) fn delegates(workspace: &Workspace) -> Result<PathBuf> {
    run::step(
        "building the delegates that stand in for real ones",
        workspace.cargo().args(["build", "--quiet", "--release", "--package", "multus-tests", "--bins"]),
    )?;
    Ok(workspace.target.join("release"))
}

/// Copies a binary to where everything looks for it. By rename: the old one may be running.
fn install(workspace: &Workspace, built: &Path) -> Result<PathBuf> {
    let folder = workspace.binaries();
    let name = built.file_name().context("a binary has a name")?;
    let (fresh, path) = (folder.join(name).with_extension("new"), folder.join(name));
    fs::create_dir_all(&folder)?;
    fs::copy(built, &fresh).with_context(|| format!("{} can't be copied", built.display()))?;
    fs::rename(&fresh, &path)?;
    Ok(path)
}
