//! A delegate behind another one: it limits what passes by the link that the plugin before it made.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;

multus_guest_cni::delegate!(chained crate::add::add);
