//! A delegate behind another one: ports of the node lead to the pod that the plugin before it attached.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;

multus_guest_cni::delegate!(chained crate::add::add);
