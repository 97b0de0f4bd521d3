//! A delegate that brings up the pod's loopback.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;

multus_guest_cni::delegate!(chained crate::add::add);
