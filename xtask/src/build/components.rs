//! The components below `plugins/`.

use std::fs;
use std::path::PathBuf;

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
    for name in &names {
        cargo.args(["--package", name]);
    }
    run::step(&format!("building the components {}", names.join(", ")), &mut cargo)?;
    let folder = workspace.components();
    fs::create_dir_all(&folder)?;
    for name in &names {
        let file = format!("{}.wasm", name.replace('-', "_"));
        let core = workspace.target.join(COMPONENT_TARGET).join("component").join(&file);
        let core = fs::read(&core).with_context(|| format!("{} was not built", core.display()))?;
        let component =
            multus_componentize::componentize(&core).with_context(|| format!("plugins/{name}"))?;
        fs::write(folder.join(&file), component)?;
    }
    Ok(folder)
}

/// A folder in `plugins/` is a package of that name.
fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let entries = fs::read_dir(workspace.root.join("plugins")).context("there is no folder `plugins`")?;
    let folders = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").is_file());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}
