//! Pods whose objects are at an API server: what is asked of it, what it is told, and what becomes of a pod where it
//! is slow, wrong or gone. The server is a double (`multus_tests::TestApiServer`); delegates record their calls.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod access;
mod attach;
mod both;
mod examples;
mod refuse;
mod scene;
mod trouble;
