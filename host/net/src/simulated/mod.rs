//! A node in memory, for tests of what stands on a [`Backend`](crate::Backend): who made what, what goes with what, and
//! what the kernel refuses.
//!
//! Simulated are namespaces with their identity and end; links, in pairs, on others, as ports, and with a device on a bus;
//! cards with virtual functions; names, alternative names and indexes; addresses and the routes that the kernel makes of
//! them; routes, permanent
//! neighbours; settings and rules for packets as texts. Each rule is one that a kernel of today follows (6.2 or later
//! where they differ): `tests/agreement` holds both to it.
//!
//! Not simulated: packets; carriers, and so `fe80::` addresses that come by themselves; what settings do, but for
//! `promote_secondaries`; routes over IPv6 by the loopback; what limits of traffic and rules of routing do.

mod address;
mod backend;
mod bridge;
mod derived;
mod device;
mod dump;
mod fault;
mod firewall;
mod handle;
mod moving;
mod names;
mod neighbour;
mod no;
mod node;
mod port;
mod route;
mod setting;
mod space;
mod sriov;
mod traffic;
mod undoing;
mod world;

pub use fault::Fault;
pub use handle::Simulated;
pub use node::{Node, Sandbox};
pub use sriov::Virtual;
