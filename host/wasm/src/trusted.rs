//! Files that decide what runs as root: read only if nobody else could have written them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;
use nix::unistd::geteuid;

use crate::error::FileError;

/// More than any catalog needs; `multus-document` reads no more either.
const MAX_BYTES: u64 = multus_document::json::MAX_BYTES as u64;

/// Reads a catalog or lock, checking owner and mode of what was opened.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if let Some(why) = distrust(&metadata) {
        return Err(FileError::Untrusted { path: path.to_owned(), why });
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Opens an artifact; a symbolic link at its place is an error. Fails with the reason to distrust it.
pub(crate) fn open_artifact(path: &Path) -> Result<(File, Metadata), Distrust> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Distrust::Missing),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(Distrust::Refused("it is a symbolic link".to_owned()));
        }
        Err(error) => return Err(Distrust::Refused(error.to_string())),
    };
    let metadata = file.metadata().map_err(|error| Distrust::Refused(error.to_string()))?;
    match distrust(&metadata) {
        Some(why) => Err(Distrust::Refused(why)),
        None => Ok((file, metadata)),
    }
}

/// Why an artifact was not opened.
pub(crate) enum Distrust {
    /// There is none.
    Missing,
    /// There is something else, or others could have written it.
    Refused(String),
}

/// The reason not to trust a file, if there is one.
fn distrust(metadata: &Metadata) -> Option<String> {
    let (owner, user) = (metadata.uid(), geteuid().as_raw());
    if !metadata.is_file() {
        return Some("it is not a regular file".to_owned());
    }
    if owner != 0 && owner != user {
        return Some(format!("it belongs to user {owner}; it has to belong to root or user {user}"));
    }
    let mode = metadata.mode() & 0o7777;
    (mode & 0o022 != 0)
        .then(|| format!("its mode {mode:04o} lets others write it; remove that with `chmod go-w`"))
}
