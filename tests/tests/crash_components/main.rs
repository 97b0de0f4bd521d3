//! Pods with networks by components: killed and refused at every system call with an effect, raced, renamed, moved and
//! cut off from the disk. Judged by the dump of the node alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod boot;
mod boundary;
mod chance;
mod faults;
mod kinds;
mod pod;
mod power;
mod race;
mod scene;
mod strace;
mod told;
mod trap;
