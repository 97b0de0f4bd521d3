//! The claims of one network, before anybody may touch them.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;

use crate::directory::Directory;
use crate::locked::Locked;
use crate::{LeaseError, name};

/// host-local makes its lock with these, and so it looks the same whoever came first.
const LOCK_MODE: Mode = Mode::from_bits_truncate(0o750);
/// Pauses between attempts grow from the first to the second. host-local holds the lock for about a millisecond, and
/// those of it that wait in the kernel are served before us: only gaps are ours.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(5));

/// One network's folder of claims.
#[derive(Debug)]
pub struct Folder {
    directory: Directory,
}

impl Folder {
    /// The folder `network` in `directory` (host-local's `dataDir`, by default `/var/lib/cni/networks`). Both are made
    /// if they are not there.
    ///
    /// # Errors
    /// [`LeaseError::Name`] for a directory that is no absolute path and a network that is no file name of CNI's;
    /// [`LeaseError::Foreign`] if something else stands there; [`LeaseError::NoSpace`]; [`LeaseError::Kernel`].
    pub fn open(directory: &Path, network: &str) -> Result<Self, LeaseError> {
        name::network(network)?;
        let root = match Directory::root(directory)? {
            Some(root) => root,
            None => Directory::make_root(directory)?,
        };
        if let Some(directory) = root.sub(network)? {
            return Ok(Self { directory });
        }
        root.make_sub(network)?;
        let removed = || LeaseError::io("open", &root.at(network), nix::errno::Errno::ENOENT);
        Ok(Self { directory: root.sub(network)?.ok_or_else(removed)? })
    }

    /// The same folder to give back from: `None` where nobody ever claimed anything. Makes nothing.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn find(directory: &Path, network: &str) -> Result<Option<Self>, LeaseError> {
        name::network(network)?;
        let Some(root) = Directory::root(directory)? else { return Ok(None) };
        Ok(root.sub(network)?.map(|directory| Self { directory }))
    }

    /// Waits until the deadline for the lock that host-local takes, too.
    ///
    /// # Errors
    /// [`LeaseError::Busy`] at the deadline; at least one attempt is made, however late it is.
    pub fn lock(self, deadline: Instant) -> Result<Locked, LeaseError> {
        let began = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(Locked::new(self.directory, lock));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LeaseError::Busy {
                    path: self.directory.at(name::LOCK),
                    waited: began.elapsed(),
                });
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(longest);
        }
    }

    fn try_lock(&self) -> Result<Option<File>, LeaseError> {
        let file = self.directory.opening(name::LOCK, LOCK_MODE)?;
        let path = || self.directory.at(name::LOCK);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(LeaseError::io("lock", &path(), source)),
        }
        let metadata = file.metadata().map_err(|source| LeaseError::io("look at", &path(), source))?;
        if !metadata.is_file() {
            return Err(LeaseError::Foreign { path: path(), why: "it is not a regular file" });
        }
        // Somebody who cleared the folder may have removed the file in between: then others don't find our lock.
        let there = self.directory.stat(name::LOCK)?;
        let same =
            there.is_some_and(|there| (there.st_dev, there.st_ino) == (metadata.dev(), metadata.ino()));
        Ok(same.then_some(file))
    }
}
