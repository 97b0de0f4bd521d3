//! What goes wrong with records.

use std::io;
use std::path::PathBuf;

use crate::entry::CallKey;

/// Why a record could not be read, written or moved.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A container id or interface name that can't be a file's name.
    #[error("{what} {name:?} can't name a record: {why}")]
    Name {
        /// "container id" or "interface name".
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// CNI-05: there was an ADD of this container and interface, and no DEL since.
    #[error("{key} already has a record ({}): the runtime must call DEL before another ADD", path.display())]
    Exists {
        /// The call.
        key: CallKey,
        /// Its record.
        path: PathBuf,
    },
    /// The disk is full. DEL may go on without writing: nothing of an undo depends on it.
    #[error("no space left to write {}: free space on this file system", path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
    },
    /// Something else stands in a record's place.
    #[error("{} is not a record: {why}; look at it and move it away", path.display())]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// Any other failure of the system.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// "read", "append to", …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl JournalError {
    /// The error for a failed `doing` ("read", "append to") on `path`.
    pub(crate) fn io(doing: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Io { doing, path, source },
        }
    }
}
