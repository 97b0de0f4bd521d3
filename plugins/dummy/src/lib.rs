//! A delegate: the pod gets a link that takes everything and leads nowhere, for the addresses on it.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;

multus_guest_cni::delegate!(crate::add::add);
