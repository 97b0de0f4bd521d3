//! A delegate behind another one: what comes from the addresses of its network is routed by tables of its own, so that it
//! leaves by the network that it came by.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;
mod route;

multus_guest_cni::delegate!(chained crate::add::add);
