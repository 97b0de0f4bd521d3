//! The kernel as a [`Backend`](crate::Backend).
//!
//! It takes Linux 5.14 or later: before that a namespace has no cookie, and a link does not say which device it is of.

mod address;
mod announce;
mod ask;
mod classes;
mod delete;
mod device;
mod firewall;
mod home;
mod link;
mod neighbour;
mod perform;
mod policy;
mod route;
mod setting;
mod sriov;
mod takeback;
mod traffic;
mod vlan;

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc;

use crate::answer::Refusal;
use crate::effect::Space;
use crate::namespace::OWN;
use crate::netlink::Socket;
use crate::sriov::Sysfs;
use crate::{Netns, NetnsError, Refused};

/// Longer than any answer is waited for.
const LONG: Duration = Duration::from_secs(60);

/// The node as one attachment meets it: the pod's namespace and the one that the opening thread was in. A namespace, and
/// a socket in each of the two, are open as long as this is: drop it when the call is over, or the pod's namespace
/// outlives its pod.
///
/// No answer is waited for beyond a deadline. A request itself can't be cut short: it waits inside the kernel for whoever
/// holds its lock, as everybody's does.
#[derive(Debug)]
pub struct Kernel {
    /// `None` if it is gone.
    sandbox: Option<Netns>,
    /// Of the node.
    socket: Socket,
    /// The node's namespace, for requests that name it; opened when first needed.
    own: Option<File>,
    /// For the node's packet rules; opened when first needed.
    firewall: Option<Socket>,
    /// Where cards and their functions are looked for.
    sysfs: Sysfs,
    /// When the call that is running has to end.
    deadline: Option<Instant>,
}

impl Kernel {
    /// The pod's namespace at `sandbox`, and our own. Where nothing is at the path any more, or no namespace, the pod's is
    /// taken for gone: it could not be reached. `None` says that it is gone.
    ///
    /// # Errors
    /// It is there and may not be opened; there are no descriptors or memory left.
    pub fn open(sandbox: Option<&Path>) -> Result<Self, Refused> {
        let sandbox = match sandbox.map(Netns::open) {
            None | Some(Err(NetnsError::Gone { .. } | NetnsError::NotANamespace { .. })) => None,
            Some(Ok(netns)) => Some(netns),
            Some(Err(error)) => return Err(Refused::netns("opening the pod's namespace", &error)),
        };
        let socket = Socket::open().map_err(|error| Refused::io("opening a netlink socket", &error))?;
        Ok(Self { sandbox, socket, own: None, firewall: None, sysfs: Sysfs::default(), deadline: None })
    }

    /// How many netlink messages were sent so far, the parts of a batch counted one by one.
    pub fn messages(&self) -> u32 {
        let firewall = self.firewall.as_ref().map_or(0, Socket::sent);
        self.socket.sent() + firewall + self.sandbox.as_ref().map_or(0, Netns::sent)
    }

    /// The pod's namespace, for what can't be done without.
    fn pod(&self, tried: &dyn Display) -> Result<&Netns, Refused> {
        let gone = || Refused::because(tried, libc::ENOENT, "the pod's namespace is gone");
        self.sandbox.as_ref().ok_or_else(gone)
    }

    fn is_gone(&self, space: Space) -> bool {
        space == Space::Sandbox && self.sandbox.is_none()
    }

    /// A socket in a namespace, which waits for answers as long as the running call may.
    fn socket(&self, space: Space, tried: &dyn Display) -> Result<&Socket, Refused> {
        let socket = match space {
            Space::Host => &self.socket,
            Space::Sandbox => self.pod(tried)?.socket().map_err(|error| Refused::netns(tried, &error))?,
        };
        socket.be_patient_until(self.patience()).map_err(|error| Refused::io(tried, &error))?;
        Ok(socket)
    }

    /// Until when answers are waited for at most.
    fn patience(&self) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + LONG)
    }

    /// A descriptor of a namespace, for requests that name it.
    fn descriptor(&mut self, space: Space, tried: &dyn Display) -> Result<RawFd, Refused> {
        match (space, &self.own) {
            (Space::Sandbox, _) => self.pod(tried).map(Netns::descriptor),
            (Space::Host, Some(own)) => Ok(own.as_raw_fd()),
            (Space::Host, None) => {
                let own = File::open(OWN).map_err(|error| Refused::io(tried, &error))?;
                Ok(self.own.insert(own).as_raw_fd())
            }
        }
    }

    /// Does something in a namespace. `/proc/sys/net`, and a new socket, are of the namespace of who opens them.
    fn inside<T>(
        &self,
        space: Space,
        tried: &dyn Display,
        work: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, Refused> {
        let done = match space {
            Space::Host => work(),
            Space::Sandbox => {
                let done = self.pod(tried)?.inside(|| Ok(work()));
                done.map_err(|error| Refused::netns(tried, &error))?
            }
        };
        done.map_err(|error| Refused::io(tried, &error))
    }

    /// Does something that has to begin, and waits for answers no longer than, by `deadline`.
    fn by<T>(
        &mut self,
        deadline: Instant,
        tried: &dyn Display,
        work: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        if Instant::now() >= deadline {
            return Err(Refused::kernel(tried, libc::ETIMEDOUT));
        }
        self.until(deadline, work)
    }

    /// Waits for no answer longer than that, whatever it is that is done.
    fn until<T>(&mut self, deadline: Instant, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.deadline.replace(deadline);
        let done = work(self);
        self.deadline = outer;
        done
    }
}

/// A request's refusal, as one of what it was for.
fn refused(tried: &dyn Display) -> impl Fn(Refusal) -> Refused + '_ {
    move |refusal| Refused::refusal(tried, &refusal)
}

/// A failure of the system, likewise.
fn failed(tried: &dyn Display) -> impl Fn(io::Error) -> Refused + '_ {
    move |error| Refused::io(tried, &error)
}

/// What was to go, and is not there, is as good as gone.
fn gone_is_good(done: Result<(), Refusal>) -> Result<(), Refusal> {
    match done {
        Err(refusal) if refusal.is_missing() => Ok(()),
        done => done,
    }
}
