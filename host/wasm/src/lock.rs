//! `modules.lock`: which compiled artifact belongs to which component. Written by `host/compile`, trusted
//! like the catalog, beside which it lies.

use std::path::{Path, PathBuf};

use multus_document::{Problem, json};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::FileError;
use crate::trusted;

/// The artifacts that may be loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// One entry for each component and engine.
    pub artifacts: Vec<LockEntry>,
}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockEntry {
    /// The component it was made from.
    pub component: Digest,
    /// The engine it was made for ([`crate::ENGINE_ID`]): two versions of the plugin can share a node.
    pub engine: String,
    /// The artifact's own digest, also its name in the cache directory.
    pub artifact: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl LockEntry {
    /// Where the artifact lies.
    pub fn path(&self, cache_dir: &Path) -> PathBuf {
        cache_dir.join(format!("{}.cwasm", self.artifact.hex()))
    }
}

impl Lock {
    /// Reads a lock; one that does not exist is empty.
    ///
    /// # Errors
    /// Why it can't be read or trusted, or what is wrong in it; each is a [`FileError::Lock`].
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let unusable = |error| FileError::Lock { source: Box::new(error) };
        let text = match trusted::read(path) {
            Err(FileError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            other => other.map_err(unusable)?,
        };
        json::parse(&text).map_err(|error| {
            let problems = vec![Problem::new("", error.to_string())];
            unusable(FileError::Invalid { path: path.to_owned(), problems })
        })
    }

    /// The artifact of a component for an engine.
    pub fn find(&self, component: &Digest, engine: &str) -> Option<&LockEntry> {
        self.artifacts.iter().find(|entry| entry.component == *component && entry.engine == engine)
    }
}

/// The lock of a catalog: `modules.lock` in the same directory.
pub fn lock_path(catalog: &Path) -> PathBuf {
    catalog.with_file_name("modules.lock")
}
