//! Where the sources of a module's crate lie on this machine, so that it can be kept out of what is shipped.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

/// Folders of this machine and what a component calls them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// The same for every crate that is built from here: other values would have each dependency compiled again.
    shared: Vec<(PathBuf, String)>,
    /// The crate's own.
    own: Vec<(PathBuf, String)>,
}

/// What `cargo metadata` says of a workspace.
#[derive(Debug, Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    /// Of one that lies in a folder.
    path: Option<PathBuf>,
}

impl Sources {
    /// Asks cargo where the crate's workspace is, and which folders it depends on.
    ///
    /// # Errors
    /// There is no cargo, or it refuses the crate's manifest.
    pub(super) fn find(manifest: &Path) -> anyhow::Result<Self> {
        let metadata = Metadata::of(manifest)?;
        let mut sources = Self::default();
        let workspace = (metadata.workspace_root.clone(), ".".to_owned());
        match metadata.packages.len() {
            0 | 1 => sources.own.push(workspace),
            _ => sources.shared.push(workspace),
        }
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
        sources.shared.extend(home.map(|home| (home, "cargo".to_owned())));
        let mut known = Vec::new();
        metadata.folders(manifest, &mut known)?;
        let outside = known.into_iter().filter(|(folder, _)| !folder.starts_with(&metadata.workspace_root));
        sources.shared.extend(outside);
        // What build scripts write. The last that fits is the one that counts.
        sources.shared.push((metadata.target_directory, "target".to_owned()));
        Ok(sources)
    }

    /// Flags for the compilers of the crate and of all that it depends on, in the form of `CARGO_ENCODED_RUSTFLAGS`.
    pub(super) fn shared_flags(&self) -> OsString {
        self.shared.iter().map(flag).collect::<Vec<_>>().join("\u{1f}".as_ref())
    }

    /// Flags for the crate's own compiler.
    pub(super) fn own_flags(&self) -> Vec<OsString> {
        self.own.iter().map(flag).collect()
    }
}

fn flag((folder, name): &(PathBuf, String)) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(folder);
    flag.push("=");
    flag.push(name);
    flag
}

impl Metadata {
    fn of(manifest: &Path) -> anyhow::Result<Self> {
        let mut cargo = cargo();
        cargo.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
        let output = cargo.output().map_err(|error| no_rust("cargo", &error))?;
        if !output.status.success() {
            bail!(
                "cargo can't use {}: {}",
                manifest.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("cargo describes {} in an unknown way", manifest.display()))
    }

    /// The folders that a package depends on, those they depend on, and so on, each with its package's name.
    fn folders(&self, manifest: &Path, known: &mut Vec<(PathBuf, String)>) -> anyhow::Result<()> {
        let package = self.packages.iter().find(|package| package.manifest_path == manifest);
        for dependency in package.iter().flat_map(|package| &package.dependencies) {
            let Some(folder) = &dependency.path else { continue };
            if known.iter().any(|(known, _)| known == folder) {
                continue;
            }
            let manifest = folder.join("Cargo.toml");
            let metadata = Self::of(&manifest)?;
            let named = metadata.packages.iter().find(|package| package.manifest_path == manifest);
            known.extend(named.map(|package| (folder.clone(), package.name.clone())));
            metadata.folders(&manifest, known)?;
        }
        Ok(())
    }
}

/// The cargo that this program was started by, or the one on the search path.
pub(super) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

pub(super) fn no_rust(program: &str, error: &std::io::Error) -> anyhow::Error {
    anyhow::anyhow!("{program} can't be run ({error}): install Rust, see https://rustup.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> PathBuf {
        std::fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
    }

    #[test]
    fn a_crate_elsewhere_shares_all_but_its_own_folder_with_others() {
        let desk = tempfile::tempdir().unwrap();
        let desk = std::fs::canonicalize(desk.path()).unwrap();
        let write = |folder: &str, text: String| {
            std::fs::create_dir_all(desk.join(folder).join("src")).unwrap();
            std::fs::write(desk.join(folder).join("src/lib.rs"), "").unwrap();
            std::fs::write(desk.join(folder).join("Cargo.toml"), text).unwrap();
        };
        let package = |name: &str, dependency: &str| {
            format!(
                "[package]\nname = \"{name}\"\nedition = \"2024\"\n[dependencies]\n{dependency}\n[workspace]\n"
            )
        };
        let sdk = checkout().join("guest-sdk/cni");
        write("helper", package("helper", &format!("multus-guest-cni = {{ path = {sdk:?} }}")));
        for name in ["one", "two"] {
            write(name, package(name, "helper = { path = \"../helper\" }"));
        }
        let sources = |name: &str| Sources::find(&desk.join(name).join("Cargo.toml")).unwrap();
        let (one, two) = (sources("one"), sources("two"));
        assert_eq!(one.own, [(desk.join("one"), ".".to_owned())]);
        assert_eq!(
            one.own_flags(),
            [format!("--remap-path-prefix={}=.", desk.join("one").display()).as_str()]
        );
        let names =
            |sources: &Sources| sources.shared.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
        assert_eq!(
            names(&one),
            [
                "cargo",
                "helper",
                "multus-guest-cni",
                "multus-guest",
                "multus-fixtures",
                "multus-document",
                "target",
            ]
        );
        let without_target = |sources: &Sources| sources.shared.split_last().unwrap().1.to_vec();
        assert_eq!(without_target(&one), without_target(&two));
    }

    #[test]
    fn a_member_of_a_workspace_is_named_from_its_root() {
        let sources = Sources::find(&checkout().join("plugins/mtu/Cargo.toml")).unwrap();
        assert!(sources.own.is_empty());
        assert!(sources.shared.contains(&(checkout(), ".".to_owned())), "{sources:?}");
        assert!(!sources.shared.iter().any(|(_, name)| name == "multus-guest"), "{sources:?}");
    }

    #[test]
    fn a_manifest_that_cargo_refuses_is_said_to_be_so() {
        let desk = tempfile::tempdir().unwrap();
        let manifest = desk.path().join("Cargo.toml");
        std::fs::write(&manifest, "[package]\nname = 1\n").unwrap();
        let error = Sources::find(&manifest).unwrap_err().to_string();
        assert!(error.contains("cargo can't use") && error.contains("name"), "{error}");
    }
}
