//! Plugin binaries are run for real: small shell scripts that do what plugins do, and worse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod bench;
mod ending;
mod failing;
mod starting;
mod streams;
