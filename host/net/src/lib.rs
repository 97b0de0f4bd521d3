//! Network namespaces: which one a path means, what is in it, and which way packets leave it. What is done to a
//! node, as data ([`Effect`]), and what does it and takes it back ([`Backend`]).
//!
//! Knows nothing of CNI. Nothing here keeps a namespace's descriptor or socket open after a call, since
//! either would keep the namespace alive after its pod.

mod answer;
mod attribute;
mod backend;
mod compare;
mod effect;
mod error;
mod flow;
mod identity;
mod kernel;
mod link;
mod namespace;
pub mod namespaces;
mod netlink;
mod nft;
mod refused;
mod route;
pub mod simulated;
pub mod sriov;
#[allow(unsafe_code, reason = "an ioctl, socket options and a process that no dependency wraps safely")]
mod sys;
mod undo;

pub use backend::Backend;
pub use effect::{
    Apart, Class, Disguise, Effect, FunctionChange, FunctionRef, Home, HostPort, InvalidMac,
    InvalidPciAddress, IpvlanMode, Limit, LinkKind, LinkRef, LinkState, MacAddr, MacvlanMode, NewLink,
    PacketEnd, PciAddress, PolicyRule, PortMapping, PortVlans, Property, Rate, Route, Setting, Space,
    Transport, Vlan, VlanProtocol,
};
pub use error::NetnsError;
pub use identity::{BootId, NetnsId};
pub use kernel::Kernel;
pub use link::Link;
pub use namespace::Netns;
pub use refused::{Refused, Why};
pub use route::{DefaultRoute, Family, Hop};
