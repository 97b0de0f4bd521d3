//! What the sandbox is built from.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::process::Command;

/// A compiler in the plugin would be 10 MB, a millisecond at each start, and code that turns text into
/// executable memory. (`cranelift-entity`, `-bitset` and `-bforest` are data structures of the runtime.)
#[test]
fn there_is_no_compiler_in_the_sandbox() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "multus-wasm", "--edges", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("\nwasmtime v"), "{}", String::from_utf8_lossy(&output.stderr));
    let compilers = ["cranelift-codegen", "cranelift-frontend", "wasmtime-internal-cranelift", "winch"];
    let found: Vec<&str> =
        tree.lines().filter(|line| compilers.iter().any(|name| line.starts_with(name))).collect();
    assert!(found.is_empty(), "{found:?}");
}
