//! The guest's side of the WIT package: generated, with the memory handling that the component ABI needs.

#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

/// The world of a transform.
pub mod transform_module {
    wit_bindgen::generate!({
        path: "../wit",
        world: "transform-module",
        pub_export_macro: true,
        export_macro_name: "export_transform",
        additional_derives: [PartialEq],
    });
}

/// The world of a policy; what it has in common with a transform's is the same Rust type.
pub mod policy_module {
    wit_bindgen::generate!({
        path: "../wit",
        world: "policy-module",
        pub_export_macro: true,
        export_macro_name: "export_policy",
        additional_derives: [PartialEq],
        with: {
            "multus:delegate/types@0.1.0": crate::sys::transform_module::multus::delegate::types,
            "multus:delegate/log@0.1.0": crate::sys::transform_module::multus::delegate::log,
        },
    });
}

/// The world of a delegate. What its component does not call is not among its imports.
pub mod delegate_module {
    wit_bindgen::generate!({
        path: "../wit",
        world: "delegate-module",
        pub_export_macro: true,
        export_macro_name: "export_delegate",
        additional_derives: [PartialEq],
        with: {
            "multus:delegate/types@0.1.0": crate::sys::transform_module::multus::delegate::types,
            "multus:delegate/log@0.1.0": crate::sys::transform_module::multus::delegate::log,
        },
    });
}

/// What any component may have beside its role.
pub mod described_part {
    wit_bindgen::generate!({
        path: "../wit",
        world: "described-part",
        pub_export_macro: true,
        export_macro_name: "export_described",
        additional_derives: [PartialEq],
    });
}

/// Notes a component's description in it, where it can be read without running any of it.
#[doc(hidden)]
#[macro_export]
macro_rules! note_description {
    ($text:expr) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[used]
            #[unsafe(link_section = "multus:description")]
            static NOTED: [u8; $text.len()] = $crate::glue::bytes::<{ $text.len() }>($text);
        };
    };
}

/// What a delegate with work of its own at CHECK and DEL exports besides.
pub mod lifecycle_part {
    wit_bindgen::generate!({
        path: "../wit",
        world: "lifecycle-part",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        additional_derives: [PartialEq],
        with: {
            "multus:delegate/types@0.1.0": crate::sys::transform_module::multus::delegate::types,
        },
    });
}
