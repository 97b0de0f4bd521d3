//! Delegates that are components, as a pod meets them: real links, addresses, packets, claims on disk. Judged by the
//! dump of the node, never by the record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod attach;
mod check;
mod cost;
mod detach;
mod device;
mod emptied;
mod garbage;
mod kinds;
mod mixed;
mod operator;
mod ports;
mod refused;
mod scene;
mod traffic;
mod tuning;
