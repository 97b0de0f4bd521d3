//! A delegate behind another one: the link that the plugin before it made gets a routing table of its own, or one that it
//! shares with other links of the pod.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;

multus_guest_cni::delegate!(chained crate::add::add);
