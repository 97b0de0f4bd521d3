//! The plugin: static, built by itself, without a compiler inside (docs/decisions/0001).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::elf;
use crate::run;
use crate::workspace::Workspace;

/// Builds `multus` and checks that it is what it has to be.
///
/// # Errors
/// If it does not compile, is not static, or Cranelift got into its tree.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    without_compiler(workspace)?;
    let own_folder = workspace.target.join("plugin");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--quiet", "--package", "multus", "--profile", "plugin"]);
    cargo.args(["--target", &workspace.triple]).arg("--target-dir").arg(&own_folder);
    let flags = format!("-C target-feature=+crt-static {}", workspace.without_paths());
    cargo.env("RUSTFLAGS", flags);
    run::step("building multus, static and by itself", &mut cargo)?;
    let built = own_folder.join(&workspace.triple).join("plugin/multus");
    let bytes = fs::read(&built).with_context(|| format!("{} was not built", built.display()))?;
    match elf::interpreter(&bytes) {
        Some(None) => super::install(workspace, &built),
        Some(Some(loader)) => bail!("multus is not static: it wants {loader}"),
        None => bail!("{} is no ELF program", built.display()),
    }
}

/// What a compiler consists of. Cranelift's containers (`cranelift-bitset`, …) are in wasmtime's runtime, too.
const COMPILERS: [&str; 4] = ["cranelift-codegen", "wasmtime-internal-cranelift", "regalloc", "winch"];

/// A compiler in the node's plugin would be 10 MB, slow to start, and an attacker's tool.
fn without_compiler(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["tree", "--package", "multus", "--edges", "normal", "--prefix", "none"]);
    let tree = run::output(cargo.args(["--target", &workspace.triple]))?;
    let compiler = tree.lines().find(|line| COMPILERS.iter().any(|name| line.contains(name)));
    ensure!(
        compiler.is_none(),
        "multus must not hold a compiler, but `cargo tree --package multus --edges normal` has {}",
        compiler.unwrap_or_default()
    );
    Ok(())
}
