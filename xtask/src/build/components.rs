//! The components below `plugins/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run;
use crate::setup::{self, COMPONENT_TARGET};
use crate::workspace::Workspace;

/// Builds every component; the folder they are in.
///
/// # Errors
/// If one does not compile, or does not make a component.
pub(super) fn build(workspace: &Workspace) -> Result<PathBuf> {
    setup::rust_target(workspace, COMPONENT_TARGET)?;
    let names = names(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--quiet", "--profile", "component", "--target", COMPONENT_TARGET]);
    cargo.env("RUSTFLAGS", workspace.without_paths());
    for name in &names {
        cargo.args(["--package", name]);
    }
    run::step(&format!("building the components {}", names.join(", ")), &mut cargo)?;
    let folder = workspace.components();
    fs::create_dir_all(&folder)?;
    for name in &names {
        let file = format!("{}.wasm", name.replace('-', "_"));
        encode(&core_modules(workspace).join(&file), &folder.join(&file))?;
    }
    Ok(folder)
}

/// What the tests of the sandbox let loose on it, beside the components that are shipped.
const HOSTILE: [&str; 9] = [
    "hostile_transform.wasm",
    "hostile_policy.wasm",
    "hostile_delegate.wasm",
    "late_delegate.wasm",
    "chained_delegate.wasm",
    "stops_midway.wasm",
    "loops_at_start.wasm",
    "uses_wasi.wasm",
    "sleeping_delegate.wasm",
];

/// What they show the whole interface with.
const CONFORMANCE: [&str; 5] = [
    "calls_everything.wasm",
    "looks_at_links.wasm",
    "lives_on.wasm",
    "changes_everything.wasm",
    "judges_everything.wasm",
];

/// Builds the tests' components, below the folder of those that are shipped.
///
/// # Errors
/// If one does not compile, or does not make a component.
pub(crate) fn hostile(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--quiet", "--profile", "component", "--target", COMPONENT_TARGET]);
    cargo.args(["--package", "hostile-guests", "--package", "conformance-guests", "--examples"]);
    cargo.env("RUSTFLAGS", workspace.without_paths());
    run::step("building hostile components and conformance components for the tests", &mut cargo)?;
    for (folder, files) in [("hostile", &HOSTILE[..]), ("conformance", &CONFORMANCE[..])] {
        let folder = workspace.components().join(folder);
        fs::create_dir_all(&folder)?;
        for file in files {
            encode(&core_modules(workspace).join("examples").join(file), &folder.join(file))?;
        }
    }
    Ok(())
}

fn core_modules(workspace: &Workspace) -> PathBuf {
    workspace.target.join(COMPONENT_TARGET).join("component")
}

fn encode(core: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(core).with_context(|| format!("{} was not built", core.display()))?;
    let component = multus_componentize::componentize(&bytes).with_context(|| core.display().to_string())?;
    fs::write(to, component).with_context(|| format!("{} can't be written", to.display()))
}

/// A folder in `plugins/` is a package of that name.
fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let entries = fs::read_dir(workspace.root.join("plugins")).context("there is no folder `plugins`")?;
    let folders = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").is_file());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}
