//! A delegate: a device of the node is moved into the pod and becomes its link. DEL brings it home.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod device;

multus_guest_cni::delegate!(crate::add::add);
