//! The plugin: static, built by itself, small, without a compiler inside (docs/decisions/0001).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::{elf, tree};
use crate::run;
use crate::workspace::Workspace;

/// Neither a loader nor relocations at each start (docs/decisions/0001).
const STATIC: &str = "-C target-feature=+crt-static -C relocation-model=static";

/// Builds `multus` and checks that it is what it has to be.
///
/// # Errors
/// If it does not compile, is not static, is too big, or its tree has a compiler or a second provider of
/// cryptography.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    judge_tree(workspace)?;
    let own_folder = workspace.target.join("plugin");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--quiet", "--package", "multus", "--profile", "plugin"]);
    cargo.args(["--target", &workspace.triple]).arg("--target-dir").arg(&own_folder);
    let flags = format!("{STATIC} {}", workspace.without_paths());
    cargo.env("RUSTFLAGS", flags);
    run::step("building multus, static and by itself", &mut cargo)?;
    let built = own_folder.join(&workspace.triple).join("plugin/multus");
    let bytes = fs::read(&built).with_context(|| format!("{} was not built", built.display()))?;
    light_enough(bytes.len() as u64)?;
    match elf::interpreter(&bytes) {
        Some(None) => super::install(workspace, &built),
        Some(Some(loader)) => bail!("multus is not static: it wants {loader}"),
        None => bail!("{} is no ELF program", built.display()),
    }
}

/// What the plugin may weigh: the kernel reads it on every start and stop of a pod, and nodes fetch it.
pub(crate) const MAX_BYTES: u64 = 12 << 20;

fn light_enough(size: u64) -> Result<()> {
    ensure!(
        size <= MAX_BYTES,
        "multus has {} KiB, and may have {}: `cargo tree --package multus --edges normal` shows what is in it",
        size / 1024,
        MAX_BYTES / 1024
    );
    Ok(())
}

fn judge_tree(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["tree", "--package", "multus", "--edges", "normal", "--prefix", "none"]);
    tree::judge(&run::output(cargo.args(["--target", &workspace.triple]))?)
        .context("`cargo tree --package multus --edges normal`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_mebibytes_are_enough() {
        light_enough(12 * 1024 * 1024).unwrap();
        let error = light_enough(12 * 1024 * 1024 + 1).unwrap_err().to_string();
        assert!(error.contains("may have 12288"), "{error}");
    }
}
