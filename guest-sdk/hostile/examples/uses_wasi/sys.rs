//! WASI as a module sees it, without a language's library around it.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    dead_code,
    reason = "generated, and used in part by each example"
)]

wit_bindgen::generate!({
    path: "examples/uses_wasi/wasi.wit",
    generate_all,
});
