//! Who may touch a container's attachments.
//!
//! Locks are `flock`s on files of their own, never on a record. Such a lock belongs to the open file, so it
//! lives as long as any process has a copy of the descriptor: delegates inherit it, and after the death of
//! the process that took it the next call waits for the orphans.
//!
//! ```text
//! <lockDir>/global.lock             shared: a call; exclusive: GC
//! <lockDir>/containers/<id>.lock    exclusive: the one call that works on the container
//! <lockDir>/containers/<id>.del     shared: a DEL that waits for it
//! <lockDir>/ensured.lock            exclusive: whoever makes sure of something that attachments share
//! ```

mod file;
mod holder;
mod mark;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use self::holder::Holder;
use self::mark::Mark;
use crate::error::JournalError;
use crate::name;

/// Pauses between attempts grow from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// How a call waits for a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Silently: ADD, CHECK.
    Plain,
    /// Leaving a mark for the ADD that holds the lock: DEL. The mark never outlives the waiting process.
    Announced,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it. Trying again later helps (code 11 of CNI).
    #[error(
        "{what} is busy: its lock {} was not free within {waited:.1?}{}",
        path.display(), holder::clause(holders)
    )]
    Busy {
        /// "container …", or "the node".
        what: String,
        /// The lock's file.
        path: PathBuf,
        /// How long this call waited.
        waited: Duration,
        /// Who holds it, if that could be found.
        holders: Vec<Holder>,
    },
    /// A container id that can't be a file's name; a lock file that can't be made or locked.
    #[error(transparent)]
    Failed(#[from] JournalError),
}

/// The locks below one folder (by default `/run/multus`, on tmpfs).
#[derive(Debug, Clone)]
pub struct Locks {
    global: PathBuf,
    containers: PathBuf,
    ensured: PathBuf,
}

impl Locks {
    /// Nothing is created before the first lock.
    pub fn new(dir: &Path) -> Self {
        Self {
            global: dir.join("global.lock"),
            containers: dir.join("containers"),
            ensured: dir.join("ensured.lock"),
        }
    }

    /// Waits until the deadline for a container: its lock exclusively, and the node's shared.
    ///
    /// # Errors
    /// [`LockError::Busy`] at the deadline; at least one attempt is made, however late it is.
    pub fn container(&self, id: &str, wait: Wait, deadline: Instant) -> Result<ContainerLock, LockError> {
        name::check_container_id(id)?;
        let path = self.containers.join(format!("{id}.lock"));
        let mark_path = self.containers.join(format!("{id}.del"));
        let mut mark = None;
        let container = wait_for(
            &path,
            || format!("container {id}"),
            deadline,
            || {
                let taken = file::try_exclusive(&path)?;
                if taken.is_none() && wait == Wait::Announced && mark.is_none() {
                    mark = Mark::try_set(&mark_path);
                }
                Ok(taken)
            },
        )?;
        let container = Exclusive { file: container, path };
        drop(mark);
        // Second, so that nobody keeps a GC waiting by waiting for a container.
        let global = wait_for(&self.global, node, deadline, || file::try_shared(&self.global))?;
        Ok(ContainerLock { container, global: Released(global), mark_path })
    }

    /// Waits until the deadline for the moment when no call runs, and keeps any from starting: GC.
    ///
    /// # Errors
    /// [`LockError::Busy`] at the deadline; at least one attempt is made.
    pub fn global_exclusive(&self, deadline: Instant) -> Result<GlobalLock, LockError> {
        let global = wait_for(&self.global, node, deadline, || file::try_exclusive(&self.global))?;
        Ok(GlobalLock { global: Released(global), containers: self.containers.clone() })
    }

    /// Waits until the deadline for the shared things of the node, such as bridges: what one call found missing no
    /// other makes meanwhile. Taken last, beside a container's lock, and for moments.
    ///
    /// # Errors
    /// [`LockError::Busy`] at the deadline; at least one attempt is made.
    pub fn ensured(&self, deadline: Instant) -> Result<EnsuredLock, LockError> {
        let what = || "what the node's attachments share".to_owned();
        let ensured = wait_for(&self.ensured, what, deadline, || file::try_exclusive(&self.ensured))?;
        Ok(EnsuredLock { _ensured: Released(ensured) })
    }
}

/// What attachments share is ours to look at and to make until this is dropped.
#[derive(Debug)]
pub struct EnsuredLock {
    _ensured: Released,
}

/// A container is ours until this is dropped.
#[derive(Debug)]
pub struct ContainerLock {
    container: Exclusive,
    global: Released,
    mark_path: PathBuf,
}

impl ContainerLock {
    /// What every delegate must inherit, so that the next call waits for it even if this process dies.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.container.file.as_fd(), self.global.0.as_fd()]
    }

    /// Whether a DEL waits for this container: an ADD should stop and give everything back.
    pub fn del_waiting(&self) -> bool {
        file::is_held(&self.mark_path)
    }
}

impl Drop for ContainerLock {
    fn drop(&mut self) {
        // Also clears what a killed DEL left.
        file::is_held(&self.mark_path);
    }
}

/// No other call runs until this is dropped.
#[derive(Debug)]
pub struct GlobalLock {
    global: Released,
    containers: PathBuf,
}

impl GlobalLock {
    /// What every delegate must inherit.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 1] {
        [self.global.0.as_fd()]
    }
}

impl Drop for GlobalLock {
    fn drop(&mut self) {
        // Clears what killed calls left, while no call can look at a mark.
        for entry in std::fs::read_dir(&self.containers).into_iter().flatten().flatten() {
            file::is_held(&entry.path());
        }
    }
}

/// A lock whose end is the end for every copy of its descriptor: a delegate that left something running
/// behind does not block the node for ever.
#[derive(Debug)]
struct Released(File);

impl Drop for Released {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// The same for a file that only exists while it is locked.
#[derive(Debug)]
struct Exclusive {
    file: File,
    path: PathBuf,
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        file::unlink(&self.file, &self.path);
        let _ = self.file.unlock();
    }
}

fn node() -> String {
    "the node (GC runs alone, beside no other call)".to_owned()
}

/// Attempts until it succeeds or the deadline has passed.
fn wait_for<T>(
    path: &Path,
    what: impl FnOnce() -> String,
    deadline: Instant,
    mut attempt: impl FnMut() -> Result<Option<T>, JournalError>,
) -> Result<T, LockError> {
    let began = Instant::now();
    let (mut pause, longest) = PAUSES;
    loop {
        if let Some(taken) = attempt()? {
            return Ok(taken);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let (path, holders) = (path.to_owned(), holder::of(path));
            return Err(LockError::Busy { what: what(), path, waited: began.elapsed(), holders });
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(longest);
    }
}
