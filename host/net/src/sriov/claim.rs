//! Who has a virtual function, on disk, so that the reference plugin `sriov` and we share one node:
//!
//! ```text
//! <directory>/pci/vf_lock/0000:03:02.1.lock   flock(LOCK_EX) for as long as anybody works on the function
//! <directory>/pci/0000:03:02.1                taken: the path of a namespace; stale once nothing is there any more
//! <directory>/multus/0000:03:02.1             taken by us: container, interface, that path and the boot, a line each
//! ```
//!
//! The first two are the reference plugin's. To it a function is free as soon as the pod's namespace is gone; to us it is
//! taken until its settings were taken back, or the node was started anew.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::effect::PciAddress;
use crate::{BootId, Netns, NetnsError};

/// Where the reference plugin has them.
pub const DIRECTORY: &str = "/var/lib/cni/sriov";
/// Longer than any path of a namespace, or holder.
const LONGEST: usize = 8 << 10;
const PAUSE: Duration = Duration::from_millis(2);

/// The folder of claims.
#[derive(Debug, Clone)]
pub struct Claims {
    directory: PathBuf,
}

/// One attachment that has, or wants, a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// CNI_CONTAINERID.
    pub container_id: String,
    /// CNI_IFNAME.
    pub interface: String,
    /// The path of the pod's namespace.
    pub netns: String,
    /// When it was.
    pub boot: BootId,
}

impl Holder {
    /// Whether anything is at the path of the pod's namespace. What cannot be told counts as there.
    pub fn is_there(&self) -> bool {
        is_alive(&self.netns)
    }
}

/// Who has a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// An attachment of ours.
    ByUs(Holder),
    /// The reference plugin, for a namespace that is still there.
    ByOthers {
        /// The namespace's path.
        netns: String,
    },
}

/// Why a claim can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody works on the function for too long. Trying again later helps.
    #[error(
        "virtual function {address} is being worked on: the lock {} was not free in time; `fuser --verbose {}` shows who holds it",
        path.display(), path.display()
    )]
    Busy {
        /// Which.
        address: PciAddress,
        /// The lock's file.
        path: PathBuf,
    },
    /// A failure of the system.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// "read", "write", …
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ClaimError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// A function that nobody else works on as long as this is.
#[derive(Debug)]
pub struct Locked {
    claims: Claims,
    address: PciAddress,
    _lock: File,
}

impl Claims {
    /// Those in a folder.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Waits until nobody else works on a function. At least one attempt is made, however late it is.
    ///
    /// # Errors
    /// [`ClaimError::Busy`] at the deadline.
    pub fn lock(&self, address: &PciAddress, deadline: Instant) -> Result<Locked, ClaimError> {
        let folder = self.directory.join("pci/vf_lock");
        make(&folder)?;
        let path = folder.join(format!("{address}.lock"));
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = opened.map_err(ClaimError::io("open", &path))?;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked { claims: self.clone(), address: address.clone(), _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(ClaimError::Busy { address: address.clone(), path });
                }
                Err(TryLockError::Error(source)) => return Err(ClaimError::io("lock", &path)(source)),
            }
        }
    }

    /// Who has a function; for whoever does something about it, under its lock.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn taken(&self, address: &PciAddress, boot: &BootId) -> Result<Option<Taken>, ClaimError> {
        let ours = self.ours(address)?.filter(|holder| holder.boot == *boot);
        let theirs = self.theirs(address)?;
        Ok(match (ours, theirs) {
            (Some(ours), None) => Some(Taken::ByUs(ours)),
            (Some(ours), Some(netns)) if netns == ours.netns || !is_alive(&netns) => Some(Taken::ByUs(ours)),
            (_, Some(netns)) if is_alive(&netns) => Some(Taken::ByOthers { netns }),
            _ => None,
        })
    }

    fn ours(&self, address: &PciAddress) -> Result<Option<Holder>, ClaimError> {
        Ok(read(&self.our_file(address))?.as_deref().and_then(holder))
    }

    fn theirs(&self, address: &PciAddress) -> Result<Option<String>, ClaimError> {
        // Some file systems give a file that was not synced its length and zeros for its content.
        let blank = |letter: char| letter.is_whitespace() || letter == '\0';
        Ok(read(&self.their_file(address))?
            .map(|text| text.trim_matches(blank).to_owned())
            .filter(|netns| !netns.is_empty()))
    }

    fn our_file(&self, address: &PciAddress) -> PathBuf {
        self.directory.join("multus").join(address.as_str())
    }

    fn their_file(&self, address: &PciAddress) -> PathBuf {
        self.directory.join("pci").join(address.as_str())
    }
}

impl Locked {
    /// Which.
    pub fn address(&self) -> &PciAddress {
        &self.address
    }

    /// Who has it.
    ///
    /// # Errors
    /// As [`Claims::taken`].
    pub fn taken(&self, boot: &BootId) -> Result<Option<Taken>, ClaimError> {
        self.claims.taken(&self.address, boot)
    }

    /// Whether somebody else than this attachment has it by now.
    ///
    /// # Errors
    /// As [`Claims::taken`].
    pub fn is_lost(&self, holder: &Holder) -> Result<bool, ClaimError> {
        Ok(match self.taken(&holder.boot)? {
            None => false,
            Some(Taken::ByUs(other)) => other != *holder,
            Some(Taken::ByOthers { netns }) => netns != holder.netns,
        })
    }

    /// Takes it, whoever had it: on disk before the answer.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn claim(&self, holder: &Holder) -> Result<(), ClaimError> {
        let Holder { container_id, interface, netns, boot } = holder;
        let text = format!("{container_id}\n{interface}\n{netns}\n{boot}\n");
        write(&self.claims.our_file(&self.address), &text)?;
        write(&self.claims.their_file(&self.address), netns)
    }

    /// Gives it back; what somebody else has by now stays.
    ///
    /// # Errors
    /// A file can't be read or removed.
    pub fn release(&self, holder: &Holder) -> Result<(), ClaimError> {
        if self.claims.theirs(&self.address)?.as_ref() == Some(&holder.netns) {
            remove(&self.claims.their_file(&self.address))?;
        }
        if self.claims.ours(&self.address)?.as_ref() == Some(holder) {
            remove(&self.claims.our_file(&self.address))?;
        }
        Ok(())
    }
}

/// What cannot be told counts as alive.
fn is_alive(netns: &str) -> bool {
    !matches!(Netns::open(Path::new(netns)), Err(NetnsError::Gone { .. } | NetnsError::NotANamespace { .. }))
}

fn holder(text: &str) -> Option<Holder> {
    let mut lines = text.lines();
    let mut next = || lines.next().filter(|line| !line.is_empty()).map(ToOwned::to_owned);
    let (container_id, interface, netns) = (next()?, next()?, next()?);
    Some(Holder { container_id, interface, netns, boot: BootId::named(next()?) })
}

fn read(path: &Path) -> Result<Option<String>, ClaimError> {
    match fs::read(path) {
        Ok(bytes) => {
            let bytes = bytes.get(..LONGEST.min(bytes.len())).unwrap_or_default();
            Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ClaimError::io("read", path)(error)),
    }
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), ClaimError> {
    let folder = path.parent().unwrap_or(path);
    make(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.new"));
    let written = || {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&draft, path)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(ClaimError::io("write", path))
}

fn remove(path: &Path) -> Result<(), ClaimError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClaimError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn make(folder: &Path) -> Result<(), ClaimError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(ClaimError::io("make", folder))
}

#[cfg(test)]
mod tests;
