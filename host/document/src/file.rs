//! Files that others read, write or replace at the same time.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// At most `limit` bytes of a file; links are followed.
///
/// # Errors
/// It is not there, not readable, or not a file: a pipe would never end.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts a file in the place of another, whole or not at all: `write` writes it as `draft`, beside `path`. Not
/// synced.
///
/// # Errors
/// Writing or renaming failed; no draft is left then.
pub fn replace(path: &Path, draft: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let written = write(draft).and_then(|()| fs::rename(draft, path));
    if written.is_err() {
        // What is in the way may be the full disk; the error that counts is the first one.
        let _ = fs::remove_file(draft);
    }
    written
}

/// Removes a file if it is there.
///
/// # Errors
/// It is still there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_asked_for_and_only_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conf");
        assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"123");
        assert_eq!(read(&path, 9).unwrap(), b"12345");
        assert_eq!(read(folder.path(), 9).unwrap_err().to_string(), "it is not a file");
    }

    #[test]
    fn what_can_not_be_written_leaves_the_old_file_and_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let (path, draft) = (folder.path().join("conf"), folder.path().join("conf.new"));
        replace(&path, &draft, |draft| fs::write(draft, "old")).unwrap();
        let full = |draft: &Path| fs::write(draft, "ne").and(Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(replace(&path, &draft, full).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), draft.exists()), ("old", false));
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists() && remove(folder.path()).is_err());
    }
}
