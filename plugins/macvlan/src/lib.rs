//! A delegate: the pod gets a link that sends and receives by one of the node's, with a hardware address of its own.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;

multus_guest_cni::delegate!(crate::add::add);
