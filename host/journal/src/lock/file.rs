//! One lock file: locked without waiting, and surely the file that others find at the path.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;

use crate::error::JournalError;
use crate::folder;

/// Takes the lock alone; `None` if anybody has it.
pub(super) fn try_exclusive(path: &Path) -> Result<Option<File>, JournalError> {
    try_lock(path, File::try_lock)
}

/// Takes the lock beside others who share it; `None` if somebody has it alone.
pub(super) fn try_shared(path: &Path) -> Result<Option<File>, JournalError> {
    try_lock(path, File::try_lock_shared)
}

fn try_lock(
    path: &Path,
    lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<Option<File>, JournalError> {
    loop {
        let file = open_or_create(path)?;
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(JournalError::io("lock", path, source)),
        }
        // Between the two, its last holder may have removed it: then nobody else would find our lock.
        if is_at(&file, path) {
            return Ok(Some(file));
        }
    }
}

fn open_or_create(path: &Path) -> Result<File, JournalError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).custom_flags(libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let mut opened = options.open(path);
    if let (Err(error), Some(parent)) = (&opened, path.parent())
        && error.kind() == io::ErrorKind::NotFound
    {
        folder::make(parent)?;
        opened = options.open(path);
    }
    opened.map_err(|source| JournalError::io("open lock", path, source))
}

/// Removes a lock's file; only whoever has it locked alone may do that.
pub(super) fn unlink(file: &File, path: &Path) {
    if is_at(file, path) {
        let _ = std::fs::remove_file(path);
    }
}

/// Whether anybody has the lock. Removes the file if nobody has: a killed process left it.
pub(super) fn is_held(path: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else {
        return false;
    };
    match file.try_lock() {
        Ok(()) => {
            unlink(&file, path);
            false
        }
        Err(_) => true,
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(ours), Ok(there)) => ours.ino() == there.ino() && ours.dev() == there.dev(),
        _ => false,
    }
}
