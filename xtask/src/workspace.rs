//! Where things are.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::run;

/// The repository and its build folder.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// The host's triple with glibc, as in `x86_64-unknown-linux-gnu`.
    pub(crate) triple: String,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    /// Asks cargo, which knows every way to move its folders.
    pub(crate) fn find() -> Result<Workspace> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut cargo = cargo_at(here);
        let text = run::output(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("`cargo metadata` answered in an unknown way")?;
        let version = run::output(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let triple = host.context("`rustc -vV` names no host")?.replace("-musl", "-gnu");
        Ok(Workspace { root: metadata.workspace_root, target: metadata.target_directory, triple })
    }

    /// A cargo command in the repository.
    pub(crate) fn cargo(&self) -> Command {
        cargo_at(&self.root)
    }

    /// Compiler flags that keep this machine's folders out of what is shipped, so that the same source gives
    /// the same digest elsewhere.
    pub(crate) fn without_paths(&self) -> String {
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
        let folders = [(Some(self.root.clone()), "multus-host"), (home, "cargo")];
        let flags = folders.iter().filter_map(|(folder, name)| {
            Some(format!("--remap-path-prefix={}={name}", folder.as_ref()?.display()))
        });
        flags.collect::<Vec<_>>().join(" ")
    }

    /// This program, to be started again. A build since it began may have put a new one in its place, which does as well.
    pub(crate) fn own_program() -> Result<PathBuf> {
        let own = env::current_exe().context("xtask's own path")?;
        let text = own.to_string_lossy();
        Ok(text.strip_suffix(" (deleted)").map_or_else(|| own.clone(), PathBuf::from))
    }

    /// Where `build` puts the finished binaries.
    pub(crate) fn binaries(&self) -> PathBuf {
        self.target.join("bin")
    }

    /// Where `build` puts the finished components.
    pub(crate) fn components(&self) -> PathBuf {
        self.target.join("components")
    }

    /// Programs of the machine that `setup` had to fetch.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The search path of everything that is run: an ordinary user's lacks the folders where `ip` is.
    pub(crate) fn search_path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        let own = [self.tools().join("bin")];
        let usual = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        let all = own.into_iter().chain(env::split_paths(&path)).chain(usual);
        env::join_paths(all).unwrap_or(path)
    }

    /// Is there a program of this name?
    pub(crate) fn has_program(&self, name: &str) -> bool {
        self.program(name).is_some()
    }

    /// Where the program of this name is.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.search_path()).map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// A path as people know it: from the repository's root.
    pub(crate) fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

fn cargo_at(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told us of ourselves is no business of what we build: ring's build script asks for it, and would have
    // all of TLS and every test built anew whenever somebody changes between `cargo build` and us.
    let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}
