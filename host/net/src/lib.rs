//! Network namespaces: which one a path means, what is in it, and which way packets leave it.
//!
//! Knows nothing of CNI. Nothing here keeps a namespace's descriptor or socket open after a call, since
//! either would keep the namespace alive after its pod.

mod answer;
mod attribute;
mod error;
mod identity;
mod link;
mod namespace;
mod netlink;
mod route;
#[allow(unsafe_code, reason = "an ioctl, socket options and a process that no dependency wraps safely")]
mod sys;

pub use error::NetnsError;
pub use identity::{BootId, NetnsId};
pub use link::Link;
pub use namespace::Netns;
pub use route::{DefaultRoute, Family, Hop};
