//! The host's side of the WIT package, made from the same files as the SDK's.

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../guest-sdk/wit",
    world: "bindings",
});

pub(crate) use exports::multus::delegate::{policy, transform};
pub(crate) use multus::delegate::{log, types};
