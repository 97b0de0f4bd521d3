//! SIGKILL at any moment, of `multus` alone and with its delegate: the next call gives everything back. Judged by
//! the dump of the node alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod boundary;
mod chance;
mod orphan;
mod race;
mod scene;
mod steps;
