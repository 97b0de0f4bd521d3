//! Where a new module's crate takes the SDK from.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The SDK's place in a checkout of this project.
const IN_CHECKOUT: &str = "guest-sdk/rust";

/// The crate `multus-guest`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sdk {
    /// The folder of the crate.
    Folder(PathBuf),
    /// A git repository that has it.
    Git(String),
}

impl Sdk {
    /// The one that was named, or the one of the checkout that `near` or this program lies in: then SDK and host are
    /// of one version.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn find(named: Option<&str>, near: &Path) -> anyhow::Result<Self> {
        if let Some(named) = named {
            return Self::named(named);
        }
        let near = std::path::absolute(near).unwrap_or_else(|_| near.to_owned());
        let program = env::current_exe().unwrap_or_default();
        let folders = near.ancestors().chain(program.ancestors());
        let found = folders.map(|folder| folder.join(IN_CHECKOUT)).find(|folder| is_sdk(folder));
        match found {
            Some(folder) => Ok(Self::Folder(folder)),
            None => bail!(
                "the SDK was not found above {} nor above this program: name a checkout of the project with --sdk PATH, \
                 or its git repository with --sdk URL",
                near.display()
            ),
        }
    }

    fn named(named: &str) -> anyhow::Result<Self> {
        if named.contains("://") {
            return Ok(Self::Git(named.to_owned()));
        }
        let folder = fs::canonicalize(named).with_context(|| format!("can't use the SDK {named}"))?;
        let found = [folder.clone(), folder.join(IN_CHECKOUT)].into_iter().find(|folder| is_sdk(folder));
        match found {
            Some(folder) => Ok(Self::Folder(folder)),
            None => bail!("{named} has no crate multus-guest, and no {IN_CHECKOUT} with it"),
        }
    }

    /// The value of the dependency in the manifest of a crate that is to be in `directory`. Within one checkout the path
    /// is relative, so that both can move together.
    ///
    /// # Errors
    /// The folder, which has to exist, can't be found.
    pub(super) fn dependency(&self, directory: &Path) -> anyhow::Result<String> {
        let folder = match self {
            Self::Git(url) => return Ok(format!("{{ git = {url:?} }}")),
            Self::Folder(folder) => folder,
        };
        let directory =
            fs::canonicalize(directory).with_context(|| format!("can't use {}", directory.display()))?;
        let checkout = folder.ancestors().nth(2).filter(|_| folder.ends_with(IN_CHECKOUT));
        let inside = checkout.and_then(|checkout| directory.strip_prefix(checkout).ok());
        let path = match inside {
            Some(inside) => {
                let up: PathBuf = inside.components().map(|_| "..").collect();
                up.join(IN_CHECKOUT)
            }
            None => folder.clone(),
        };
        Ok(format!("{{ path = {:?} }}", path.display().to_string()))
    }
}

fn is_sdk(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml"));
    manifest.is_ok_and(|text| text.lines().any(|line| line == "name = \"multus-guest\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> PathBuf {
        fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
    }

    #[test]
    fn a_checkout_and_the_sdks_own_folder_are_the_same_sdk() {
        let sdk = Sdk::Folder(checkout().join(IN_CHECKOUT));
        for named in [checkout(), checkout().join(IN_CHECKOUT)] {
            assert_eq!(Sdk::find(named.to_str(), Path::new("/")).unwrap(), sdk);
        }
        assert_eq!(Sdk::find(None, &checkout().join("a/b")).unwrap(), sdk);
        for other in ["/", "/nowhere"] {
            assert!(Sdk::find(Some(other), Path::new("/")).is_err(), "{other}");
        }
    }

    #[test]
    fn within_the_checkout_the_path_is_relative() {
        let sdk = Sdk::find(checkout().to_str(), Path::new("/")).unwrap();
        let inside = sdk.dependency(&checkout().join("host/multusctl")).unwrap();
        assert_eq!(inside, r#"{ path = "../../guest-sdk/rust" }"#);
        let outside = sdk.dependency(Path::new("/")).unwrap();
        assert_eq!(outside, format!("{{ path = \"{}\" }}", checkout().join(IN_CHECKOUT).display()));
        let git = Sdk::find(Some("https://example.org/multus.git"), Path::new("/")).unwrap();
        assert_eq!(git.dependency(Path::new("/")).unwrap(), r#"{ git = "https://example.org/multus.git" }"#);
    }
}
