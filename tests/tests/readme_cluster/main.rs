//! The README's section "In a cluster", followed word for word: its commands run as they stand, on a node with its own
//! `/etc/cni` and `/opt/cni`. The API server, the kubelet and, unless the machine has a real one, `kubectl` are doubles.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod cluster;
mod desk;
mod double;
mod follow;
mod json_path;
mod kubectl;
mod rights;
mod section;
mod stricter;
mod upstream;
