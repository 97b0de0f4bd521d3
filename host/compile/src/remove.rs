//! Taking modules away again.

use std::path::Path;

use multus_document::file;
use multus_wasm::{Catalog, Digest, Lock, LockEntry};

use crate::error::InstallError;
use crate::install::{Installation, write_json};
use crate::registry::without_module;

/// A module that is in the catalog no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Its component.
    pub digest: Digest,
    /// Whether component and artifact went, too; else another module uses the same ones.
    pub files: bool,
}

impl Installation {
    /// Takes a module out of the catalog and its order, then its component and artifacts, unless another module has the
    /// same. What is detached later needs none of it.
    ///
    /// # Errors
    /// There is no such module, or files can't be read or written. Where the catalog is written already, what is left
    /// over is never used.
    pub fn remove(&self, name: &str) -> Result<Removed, InstallError> {
        let _locked = self.lock_installation()?;
        let before = self.read_catalog()?;
        let catalog = without_module(before.clone(), name)?;
        let modules =
            |value| Catalog::from_value(value).map_err(|problems| InstallError::Invalid { problems });
        let (before, after) = (modules(&before)?, modules(&catalog)?);
        let unknown = || InstallError::unknown(name, &before);
        let digest = before.modules.get(name).map(|module| module.digest).ok_or_else(unknown)?;
        let mut lock = Lock::load(&self.lock_path())?;
        write_json(&self.catalog, &catalog)?;
        let files = self.drop_unused(&digest, &after, &mut lock)?;
        Ok(Removed { digest, files })
    }

    /// Takes a component and its artifacts away, unless a module of the catalog has it. Whether they went.
    pub(crate) fn drop_unused(
        &self,
        digest: &Digest,
        catalog: &Catalog,
        lock: &mut Lock,
    ) -> Result<bool, InstallError> {
        if catalog.modules.values().any(|module| module.digest == *digest) {
            return Ok(false);
        }
        let old: Vec<LockEntry> = lock.artifacts.extract_if(.., |entry| entry.component == *digest).collect();
        self.write_lock(lock)?;
        for entry in old {
            delete(&entry.path(&self.cache_dir))?;
        }
        delete(&self.component_path(digest))?;
        Ok(true)
    }
}

fn delete(path: &Path) -> Result<(), InstallError> {
    file::remove(path).map_err(InstallError::io("remove", path))
}
