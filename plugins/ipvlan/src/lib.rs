//! A delegate: the pod gets a link that sends and receives by another one, with that one's hardware address.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;

multus_guest_cni::delegate!(chained crate::add::add);
