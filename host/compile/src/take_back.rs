//! What a refused installation has written goes again: a file that nothing names would stay for good.

use std::path::{Path, PathBuf};

use multus_document::file;
use multus_wasm::Lock;

use crate::install::{Installation, write_json};

/// What is on disk before anything is written.
pub(crate) struct Before {
    /// The files that are written and were not there: what was may be another catalog's.
    new: Vec<PathBuf>,
    lock: PathBuf,
    /// What the lock said; `None` if there was none.
    said: Option<Lock>,
}

impl Before {
    /// Notes it, for an installation that writes these files.
    pub(crate) fn of(installation: &Installation, files: Vec<PathBuf>, lock: &Lock) -> Self {
        let path = installation.lock_path();
        let said = is_there(&path).then(|| lock.clone());
        Self { new: files.into_iter().filter(|file| !is_there(file)).collect(), lock: path, said }
    }

    /// Makes it as it was. The lock first, so that it never names what is gone. What can't be taken back is only in the way:
    /// the error that counts is the one that refused the installation.
    pub(crate) fn restore(&self) {
        let _ = match &self.said {
            Some(lock) if Lock::load(&self.lock).ok().as_ref() == Some(lock) => Ok(()),
            Some(lock) => write_json(&self.lock, lock).map_err(drop),
            None => file::remove(&self.lock).map_err(drop),
        };
        for file in &self.new {
            let _ = file::remove(file);
        }
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
