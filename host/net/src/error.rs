//! What goes wrong with a namespace.

use std::io;
use std::path::{Path, PathBuf};

/// Why a network namespace could not be used.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Nothing is at the path. That is no proof that the namespace is dead.
    #[error("there is no network namespace at {}", path.display())]
    Gone {
        /// The path tried.
        path: PathBuf,
    },
    /// Something else is at the path: a plain file left after an unmount, another kind of namespace.
    #[error("{} is not a network namespace: it is {found}", path.display())]
    NotANamespace {
        /// The path tried.
        path: PathBuf,
        /// What was found there.
        found: &'static str,
    },
    /// The kernel does not let this process open or enter it.
    #[error("may not {doing} network namespace {}: it takes CAP_SYS_ADMIN over it", path.display())]
    Refused {
        /// What was tried: "open", "enter".
        doing: &'static str,
        /// The path tried.
        path: PathBuf,
    },
    /// Any other failure of the system.
    #[error("could not {doing} ({}): {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The namespace's path, or the file concerned.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl NetnsError {
    /// The error for a failed `doing` ("open", "enter") of the namespace at `path`.
    pub(crate) fn reaching(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Gone { path },
            io::ErrorKind::PermissionDenied => Self::Refused { doing, path },
            // The process whose /proc entry this is has just died.
            _ if source.raw_os_error() == Some(nix::libc::ESRCH) => Self::Gone { path },
            _ => Self::Io { doing, path, source },
        }
    }
}
