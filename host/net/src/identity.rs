//! What tells one namespace from another: a path does not, and inode numbers are reused at once.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::error::NetnsError;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// One boot of the node: kernel objects of another boot are gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(String);

impl BootId {
    /// A boot by its name: one that a record tells of, or of a simulated node.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The running boot, as `/proc/sys/kernel/random/boot_id` names it.
    ///
    /// # Errors
    /// [`NetnsError::Io`] if `/proc` is not mounted.
    pub fn current() -> Result<Self, NetnsError> {
        // It can't change while we live.
        static CURRENT: OnceLock<BootId> = OnceLock::new();
        if let Some(known) = CURRENT.get() {
            return Ok(known.clone());
        }
        let text = read().map_err(|source| NetnsError::Io {
            doing: "read the boot id",
            path: Path::new(BOOT_ID).to_owned(),
            source,
        })?;
        Ok(CURRENT.get_or_init(|| Self(text.trim().to_owned())).clone())
    }
}

/// `/proc` gives the whole of it at once.
fn read() -> io::Result<String> {
    let mut text = [0; 64];
    let length = File::open(BOOT_ID)?.read(&mut text)?;
    Ok(String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned())
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of a network namespace: two are the same namespace only if every member agrees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetnsId {
    /// The boot it belongs to.
    pub boot: BootId,
    /// `SO_NETNS_COOKIE`: never reused within a boot. 0 on kernels before 5.14, which have none.
    pub cookie: u64,
    /// Inode number of the namespace's file; reused as soon as the namespace is gone.
    pub inode: u64,
    /// Device number of the namespace's file.
    pub device: u64,
}

impl fmt::Display for NetnsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cookie {} inode {} of boot {}", self.cookie, self.inode, self.boot)
    }
}
