//! Where delegate binaries are found, and what they in turn may find.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use multus_cni::exec::find_plugin;
use multus_cni::{Code, Error};
use sha2::{Digest, Sha256};

use crate::conf::ExecRules;

/// The folders searched for one call, and the rules on what may run.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    dirs: Vec<PathBuf>,
    rules: ExecRules,
}

impl Search {
    /// `bin_dir` comes first, then the runtime's `CNI_PATH`, as upstream does.
    pub(crate) fn new(bin_dir: &Path, cni_path: &[PathBuf], rules: &ExecRules) -> Self {
        let mut dirs = vec![bin_dir.to_owned()];
        dirs.extend(cni_path.iter().filter(|dir| *dir != bin_dir).cloned());
        Self { dirs, rules: rules.clone() }
    }

    /// The binary that a delegate's `type` means.
    ///
    /// # Errors
    /// Code 7: not on `exec.allow`, or in none of the folders.
    pub(crate) fn find(&self, name: &str) -> Result<PathBuf, Error> {
        self.check_allowed(name)?;
        find_plugin(name, &self.dirs)
    }

    /// Refuses a binary that `exec.allow` does not list.
    pub(crate) fn check_allowed(&self, name: &str) -> Result<(), Error> {
        if self.rules.allows(name) {
            return Ok(());
        }
        let allowed = self.rules.allow.as_deref().unwrap_or_default().join(", ");
        let details = format!(
            "`exec.allow` of the multus conf lists: {}",
            if allowed.is_empty() { "nothing" } else { &allowed }
        );
        Err(Error::new(Code::InvalidConfig, format!("the binary `{name}` is not allowed to run"))
            .with_details(details))
    }

    /// The `CNI_PATH` that a delegate gets. Under `exec.allow` it is a folder of links to allowed
    /// binaries only, below `lock_dir`: an allowed binary must not reach another through its own
    /// delegation.
    ///
    /// # Errors
    /// Code 5 if that folder can't be made.
    pub(crate) fn delegate_path(&self, lock_dir: &Path) -> Result<Vec<PathBuf>, Error> {
        let Some((folder, found)) = self.allowed_folder(lock_dir) else { return Ok(self.dirs.clone()) };
        make_links(&folder, &found).map_err(|error| {
            Error::new(
                Code::Io,
                format!("can't make the folder of allowed binaries {}: {error}", folder.display()),
            )
        })?;
        Ok(vec![folder])
    }

    /// The same path, told without making the folder.
    pub(crate) fn planned_delegate_path(&self, lock_dir: &Path) -> Vec<PathBuf> {
        self.allowed_folder(lock_dir).map_or_else(|| self.dirs.clone(), |(folder, _)| vec![folder])
    }

    fn allowed_folder(&self, lock_dir: &Path) -> Option<(PathBuf, BTreeMap<&str, PathBuf>)> {
        let allowed = self.rules.allow.as_ref()?;
        let found: BTreeMap<&str, PathBuf> = allowed
            .iter()
            .filter_map(|name| Some((name.as_str(), find_plugin(name, &self.dirs).ok()?)))
            .collect();
        Some((lock_dir.join(format!("allowed-{}", fingerprint(&found))), found))
    }

    /// The folders themselves.
    pub(crate) fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }
}

fn fingerprint(found: &BTreeMap<&str, PathBuf>) -> String {
    let mut hash = Sha256::new();
    for (name, path) in found {
        hash.update(format!("{name}\0{}\0", path.display()));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Made under another name and renamed: another call sees the whole folder or none.
fn make_links(folder: &Path, found: &BTreeMap<&str, PathBuf>) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let draft = folder.with_extension(std::process::id().to_string());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&draft)?;
    for (name, path) in found {
        symlink(path, draft.join(name))?;
    }
    match fs::rename(&draft, folder) {
        Err(_) if folder.is_dir() => fs::remove_dir_all(&draft),
        other => other,
    }
}
