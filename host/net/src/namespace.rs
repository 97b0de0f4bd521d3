//! An open network namespace.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, RawFd};
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
use crate::route::{self, DefaultRoute};
use crate::sys;

/// The namespace of the calling thread: a process's other threads may be elsewhere.
pub(crate) const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace, held open (and so alive) until dropped.
#[derive(Debug)]
pub struct Netns {
    path: PathBuf,
    file: File,
    /// Opened when first needed, closed with the rest: entering the namespace costs a process.
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

    /// The names that links in it have, alternative ones included: a further link can't have any of them.
    ///
    /// # Errors
    /// As [`Netns::links`].
    pub fn link_names(&self) -> Result<Vec<String>, NetnsError> {
        let links = link::bare(self.socket()?).map_err(|source| self.io("list the links", source))?;
        Ok(links.into_iter().flat_map(|link| [vec![link.name], link.alternative_names].concat()).collect())
    }

    /// The default routes of its main table, IPv4 before IPv6, in the kernel's order.
    ///
    /// # Errors
    /// As [`Netns::links`].
    pub fn default_routes(&self) -> Result<Vec<DefaultRoute>, NetnsError> {
        route::all(self.socket()?).map_err(|source| self.io("list the default routes", source))
    }

    /// Deletes a default route that [`Netns::default_routes`] listed. One that is gone already is as good.
    ///
    /// # Errors
    /// [`NetnsError::Route`] with the kernel's words.
    pub fn delete_route(&self, route: &DefaultRoute) -> Result<(), NetnsError> {
        route::delete(self.socket()?, route)
            .map_err(|refusal| NetnsError::route("delete", route, &self.path, &refusal))
    }

    /// Adds a default route; false if it is there already. Another one of the same metric stays: in front of it
    /// (IPv4), or to share the load with it (IPv6).
    ///
    /// # Errors
    /// [`NetnsError::Gateway`] if the gateway can't be reached without a router over the route's link,
    /// [`NetnsError::Route`] for all else that the kernel objects to.
    pub fn add_default_route(&self, route: &DefaultRoute) -> Result<bool, NetnsError> {
        match route::add(self.socket()?, route) {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.source.raw_os_error() == Some(libc::EEXIST) => Ok(false),
            Err(refusal) => Err(NetnsError::adding(route, &self.path, &refusal)),
        }
    }

    /// From now on routers on these links can't make themselves a default route (IPv6, `accept_ra_defrtr`); routes
    /// learnt before stay. The setting is the link's: it goes with it, also when it leaves the namespace.
    ///
    /// # Errors
    /// [`NetnsError::Io`] where `/proc/sys` is read-only.
    pub fn ignore_advertised_routes(&self, links: &[String]) -> Result<(), NetnsError> {
        // `/proc/sys/net` shows a thread the settings of the namespace that it is in.
        self.inside(|| links.iter().try_for_each(|link| ignore_advertised_routes(link)))
    }

    /// How many netlink messages were sent in it.
    pub(crate) fn sent(&self) -> u32 {
        self.socket.get().map_or(0, Socket::sent)
    }

    /// A netlink socket inside the namespace. A socket stays bound to the namespace it was opened in, so
    /// only what opens it goes there, and ends.
    pub(crate) fn socket(&self) -> Result<&Socket, NetnsError> {
        if let Some(socket) = self.socket.get() {
            return Ok(socket);
        }
        let fresh =
            self.inside(|| Socket::open().map_err(|source| self.io("open a netlink socket", source)))?;
        Ok(self.socket.get_or_init(|| fresh))
    }

    /// Does something in the namespace, aside: what goes there ends there.
    pub(crate) fn inside<T>(&self, work: impl FnOnce() -> Result<T, NetnsError>) -> Result<T, NetnsError> {
        let done = sys::aside(|| self.enter().and_then(|()| work()));
        done.map_err(|source| self.io("enter the network namespace", source))?
    }

    #[allow(clippy::disallowed_methods, reason = "only what `inside` sets aside comes here")]
    fn enter(&self) -> Result<(), NetnsError> {
        nix::sched::setns(&self.file, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| NetnsError::reaching("enter", &self.path, errno.into()))
    }

    /// A descriptor of it, for requests that name the namespace.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    fn io(&self, doing: &'static str, source: std::io::Error) -> NetnsError {
        NetnsError::Io { doing, path: self.path.clone(), source }
    }
}

fn ignore_advertised_routes(link: &str) -> Result<(), NetnsError> {
    let path = PathBuf::from(format!("/proc/sys/net/ipv6/conf/{link}/accept_ra_defrtr"));
    match std::fs::write(&path, "0") {
        // The link is gone, or the kernel has no IPv6.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(|source| NetnsError::Io { doing: "ignore advertised routes", path, source }),
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
