//! A delegate: the pod's link is one end of a veth, whose other end is a port of a bridge of the node.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;
mod gateway;

multus_guest_cni::delegate!(crate::add::add);
