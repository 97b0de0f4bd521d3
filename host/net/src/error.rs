//! What goes wrong with a namespace.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::answer::Refusal;
use crate::route::DefaultRoute;

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
    /// A router that is on none of the link's networks, or is the pod itself.
    #[error("{gateway} can't be a gateway on {link} in {}: {said}", path.display())]
    Gateway {
        /// The router.
        gateway: IpAddr,
        /// The link that was to lead to it.
        link: String,
        /// The namespace.
        path: PathBuf,
        /// What the kernel said.
        said: String,
    },
    /// The kernel did not change the routing table.
    #[error("could not {doing} the route `{route}` in {}: {said}", path.display())]
    Route {
        /// What was tried: "add", "delete".
        doing: &'static str,
        /// The route, as `ip route` writes it.
        route: String,
        /// The namespace.
        path: PathBuf,
        /// What the kernel said.
        said: String,
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
    /// The error for a route that the kernel did not `doing` ("delete") in the namespace at `path`.
    pub(crate) fn route(doing: &'static str, route: &DefaultRoute, path: &Path, refusal: &Refusal) -> Self {
        Self::Route { doing, route: route.to_string(), path: path.to_owned(), said: refusal.to_string() }
    }

    /// The error for a route that could not be added: it may be the gateway's fault.
    pub(crate) fn adding(route: &DefaultRoute, path: &Path, refusal: &Refusal) -> Self {
        // EINVAL is for a gateway that is one of the namespace's own addresses, or no host's.
        let unreachable = matches!(
            refusal.source.raw_os_error(),
            Some(nix::libc::ENETUNREACH | nix::libc::EHOSTUNREACH | nix::libc::EINVAL)
        );
        let hop = route.hops.first().and_then(|hop| Some((hop.link.clone(), hop.gateway?)));
        let (path, said) = (path.to_owned(), refusal.to_string());
        match hop {
            Some((link, gateway)) if unreachable => Self::Gateway { gateway, link, path, said },
            _ => Self::route("add", route, &path, refusal),
        }
    }

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
