//! The host's side of the WIT package, made from the same files as the SDK's.

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../guest-sdk/wit",
    world: "bindings",
    imports: { default: trappable },
    trappable_error_type: { "multus:delegate/types.failure" => crate::calls::Stop },
    with: {
        "multus:delegate/network.netns": crate::node::Space,
        "multus:delegate/network.link": crate::node::LinkId,
        "multus:delegate/store.transaction": crate::node::TransactionId,
        "multus:delegate/sriov.virtual-function": crate::node::FunctionId,
    },
});

pub(crate) use exports::multus::delegate::{delegate, description, lifecycle, policy, settings, transform};
pub(crate) use multus::delegate::{
    firewall, ipam, log, network, network_edit, node, plugins, sriov, store, sysctl, types,
};
