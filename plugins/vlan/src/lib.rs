//! A delegate: the pod gets one VLAN of a link as a link of its own.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;

multus_guest_cni::delegate!(crate::add::add);
