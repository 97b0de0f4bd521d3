//! A delegate: the pod's link is one end of a veth, and the node is its other end and its gateway.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;
mod routes;

multus_guest_cni::delegate!(crate::add::add);
