//! What goes wrong with claims.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;

/// Why a claim could not be read, made or given back.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Something that can't be what it is meant for, such as a key that is no file name.
    #[error("{what} {name:?} can't be used: {why}")]
    Name {
        /// "network name", "key", "note name", "note", "container id", "interface name" or "directory".
        what: &'static str,
        /// As it was given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Somebody else works on this network's claims for too long. Trying again later helps (code 11 of CNI).
    #[error(
        "the lock {} was not free within {waited:.1?}: `fuser --verbose {}` shows who holds it",
        path.display(), path.display()
    )]
    Busy {
        /// The lock's file.
        path: PathBuf,
        /// How long this call waited.
        waited: Duration,
    },
    /// The disk is full, or a quota is. Giving back needs no space.
    #[error("no space left to write {}: free space on this file system", path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
    },
    /// The kernel has no openat2.
    #[error("could not open {} safely: the kernel has no openat2; Linux 5.6 or newer is needed", path.display())]
    Kernel {
        /// The file or folder.
        path: PathBuf,
    },
    /// Something else stands in the place of a file of ours.
    #[error("{} can't be used: {why}; look at it and move it away", path.display())]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// Any other failure of the system.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// "read", "create", …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LeaseError {
    /// The error for a failed `doing` ("read", "create") on `path`.
    pub(crate) fn io(doing: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.to_owned(), source.into());
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Io { doing, path, source },
        }
    }

    /// The same for an openat2 that may follow no symbolic link.
    pub(crate) fn open(doing: &'static str, path: &Path, errno: Errno) -> Self {
        let foreign = |why| Self::Foreign { path: path.to_owned(), why };
        match errno {
            Errno::ENOSYS => Self::Kernel { path: path.to_owned() },
            Errno::ELOOP => foreign("it is a symbolic link"),
            Errno::ENOTDIR => foreign("it is not a folder"),
            Errno::EISDIR => foreign("it is a folder"),
            // A socket, or a pipe without a reader.
            Errno::ENXIO => foreign("it is not a regular file"),
            _ => Self::io(doing, path, errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_says_where_and_what_to_do() {
        let path = Path::new("/var/lib/cni/networks/lan/10.1.0.2");
        let rows = [
            (LeaseError::io("write", path, Errno::ENOSPC), "no space left to write", "free space"),
            (LeaseError::io("write", path, Errno::EDQUOT), "no space left to write", "free space"),
            (LeaseError::io("sync", path, Errno::EIO), "could not sync", "nput/output error"),
            (LeaseError::open("open", path, Errno::ENOSYS), "Linux 5.6", "openat2"),
            (LeaseError::open("open", path, Errno::ELOOP), "it is a symbolic link", "move it away"),
            (LeaseError::open("open", path, Errno::EISDIR), "it is a folder", "move it away"),
            (LeaseError::open("open", path, Errno::ENXIO), "not a regular file", "move it away"),
            (LeaseError::open("open", path, Errno::EACCES), "could not open", "ermission denied"),
            (
                LeaseError::Busy { path: path.to_owned(), waited: Duration::from_millis(2500) },
                "not free within 2.5s",
                "fuser --verbose",
            ),
        ];
        for (error, what, remedy) in rows {
            let text = error.to_string();
            assert!(text.contains(what) && text.contains(remedy), "{text}");
            assert!(text.contains("/var/lib/cni/networks/lan/10.1.0.2"), "{text}");
        }
    }
}
