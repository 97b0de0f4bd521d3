//! Folders and files that only root may look into: a record holds whole configurations, secrets included.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;

use crate::error::JournalError;

/// Makes a folder and those above it. Returns the folders that got a new entry by that and so must be
/// synced for it to last.
pub(crate) fn make(folder: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let mut fresh = Vec::new();
    make_into(folder, &mut fresh).map_err(|source| JournalError::io("create folder", folder, source))?;
    Ok(fresh)
}

fn make_into(folder: &Path, fresh: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut made = DirBuilder::new().mode(0o700).create(folder);
    if let (Err(error), Some(parent)) = (&made, folder.parent())
        && error.kind() == io::ErrorKind::NotFound
    {
        make_into(parent, fresh)?;
        made = DirBuilder::new().mode(0o700).create(folder);
    }
    match made {
        Ok(()) => fresh.extend(folder.parent().map(Path::to_owned)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// How a record is opened for appending.
pub(crate) fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600).custom_flags(libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}
