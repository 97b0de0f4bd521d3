//! Effects on the real kernel: done, looked at with iproute2 or by packets, taken back, looked at again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod addresses;
mod announcements;
mod comparison;
mod firewall;
mod links;
mod moves;
mod neighbours;
mod ports;
#[path = "../private/mod.rs"]
mod private;
mod properties;
mod routes;
mod settings;
mod stage;
mod undoing;
