//! An open network namespace.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::statfs;

use crate::error::NetnsError;
use crate::identity::{BootId, NetnsId};
use crate::link::{self, Link};
use crate::netlink::Socket;
use crate::sys;

/// The namespace of the calling thread: a process's other threads may be elsewhere.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace, held open (and so alive) until dropped.
#[derive(Debug)]
pub struct Netns {
    path: PathBuf,
    file: File,
    /// Opened when first needed, closed with the rest: entering the namespace costs a thread.
    socket: OnceLock<Socket>,
}

impl Netns {
    /// Opens the namespace at `path` (`/run/netns/…`, `/proc/<pid>/ns/net`).
    ///
    /// # Errors
    /// [`NetnsError::Gone`] if nothing is there, [`NetnsError::NotANamespace`] if it is something else.
    pub fn open(path: &Path) -> Result<Self, NetnsError> {
        // O_NONBLOCK: opening a fifo that somebody put there must not wait for its writer.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(path)
            .map_err(|source| NetnsError::reaching("open", path, source))?;
        check_kind(path, &file)?;
        Ok(Self { path: path.to_owned(), file, socket: OnceLock::new() })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What this namespace is, whatever the path means later.
    ///
    /// # Errors
    /// [`NetnsError::Refused`] without the right to enter it.
    pub fn identity(&self) -> Result<NetnsId, NetnsError> {
        let metadata = self.file.metadata().map_err(|source| self.io("read the inode", source))?;
        let socket = self.socket()?;
        let cookie =
            sys::namespace_cookie(socket.as_fd()).map_err(|source| self.io("read the cookie", source))?;
        Ok(NetnsId { boot: BootId::current()?, cookie, inode: metadata.ino(), device: metadata.dev() })
    }

    /// Whether this is the namespace that the calling thread is in (code 8 of CNI for a CNI_NETNS).
    /// False if `/proc` can't tell.
    pub fn is_current(&self) -> bool {
        match (std::fs::metadata(OWN), self.file.metadata()) {
            (Ok(own), Ok(this)) => own.ino() == this.ino() && own.dev() == this.dev(),
            _ => false,
        }
    }

    /// Every link in it, by index, with its addresses.
    ///
    /// # Errors
    /// [`NetnsError::Refused`] without the right to enter it; [`NetnsError::Io`] if the kernel does not
    /// answer in time.
    pub fn links(&self) -> Result<Vec<Link>, NetnsError> {
        link::all(self.socket()?).map_err(|source| self.io("list the links", source))
    }

    /// A netlink socket inside the namespace. A socket stays bound to the namespace it was opened in, so
    /// only the thread that opens it goes there, and ends.
    fn socket(&self) -> Result<&Socket, NetnsError> {
        if let Some(socket) = self.socket.get() {
            return Ok(socket);
        }
        let fresh = self.socket_by_thread()?;
        Ok(self.socket.get_or_init(|| fresh))
    }

    fn socket_by_thread(&self) -> Result<Socket, NetnsError> {
        let inside = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("netns".to_owned());
            let thread = thread.spawn_scoped(scope, || self.socket_on_this_thread())?;
            thread.join().map_err(|_| std::io::Error::other("the thread that entered it stopped"))
        });
        inside.map_err(|source| self.io("enter the network namespace", source))?
    }

    #[allow(clippy::disallowed_methods, reason = "this is the throw-away thread: it ends with this function")]
    fn socket_on_this_thread(&self) -> Result<Socket, NetnsError> {
        nix::sched::setns(&self.file, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| NetnsError::reaching("enter", &self.path, errno.into()))?;
        Socket::open().map_err(|source| self.io("open a netlink socket", source))
    }

    fn io(&self, doing: &'static str, source: std::io::Error) -> NetnsError {
        NetnsError::Io { doing, path: self.path.clone(), source }
    }
}

fn check_kind(path: &Path, file: &File) -> Result<(), NetnsError> {
    let not = |found| Err(NetnsError::NotANamespace { path: path.to_owned(), found });
    let system = statfs::fstatfs(file).map_err(|errno| NetnsError::reaching("open", path, errno.into()))?;
    if system.filesystem_type() != statfs::NSFS_MAGIC {
        return not(
            "an ordinary file or folder (a namespace's mount point after its unmount, or a typing error)",
        );
    }
    match sys::namespace_kind(file.as_fd()) {
        Ok(libc::CLONE_NEWNET) => Ok(()),
        Ok(_) => not("a namespace of another kind"),
        Err(_) => not("a file of the namespace file system that says no kind"),
    }
}
