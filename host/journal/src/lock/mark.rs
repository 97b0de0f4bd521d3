//! The mark of a DEL that waits: a shared lock on a file of its own, so it can't outlive its process.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::file;

/// Set until dropped. Never inherited by a delegate: its descriptor is closed on exec.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    path: PathBuf,
}

impl Mark {
    /// Sets the mark, beside other DELs'. `None` in the instant in which an ADD looks at it: try again.
    pub(super) fn try_set(path: &Path) -> Option<Self> {
        let file = file::try_shared(path).ok().flatten()?;
        Some(Self { file, path: path.to_owned() })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = self.file.unlock();
        // The last one to leave removes the file.
        if self.file.try_lock().is_ok() {
            file::unlink(&self.file, &self.path);
        }
    }
}
