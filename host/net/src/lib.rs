//! Network namespaces: which one a path means, and what is in it.
//!
//! Knows nothing of CNI. Nothing here keeps a namespace's descriptor or socket open after a call, since
//! either would keep the namespace alive after its pod.

mod attribute;
mod error;
mod identity;
mod link;
mod namespace;
mod netlink;
#[allow(unsafe_code, reason = "an ioctl and a socket option that no dependency wraps")]
mod sys;

pub use error::NetnsError;
pub use identity::{BootId, NetnsId};
pub use link::Link;
pub use namespace::Netns;
