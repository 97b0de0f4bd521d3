//! Write a transform or a policy for the Multus host.
//!
//! A transform changes the configuration of one CNI plugin before it runs; a policy lets an attachment pass,
//! warns, or refuses it. Both are functions of their arguments: the sandbox gives them no clock, no randomness,
//! no files and no network, only lines in the log. Settings come from the operator's catalog, as your own type.
//!
//! ```
//! use multus_guest::{Attachment, Failure, Plugin};
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     vlan: u16,
//! }
//!
//! multus_guest::transform!(tag);
//!
//! fn tag(_: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
//!     plugin.insert("vlan".to_owned(), settings.vlan.into());
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! The crate is a `cdylib` for `wasm32-unknown-unknown`, made into a component by `multus-componentize`. A
//! panic ends the call; its message reaches the operator through the log.

#[doc(hidden)]
pub mod glue;
pub mod log;
#[doc(hidden)]
#[allow(unsafe_code, reason = "the component ABI passes pointers; the code is generated")]
pub mod sys;

mod failure;

use serde_json::{Map, Value};

pub use sys::policy_module::exports::multus::delegate::policy::Verdict;
pub use sys::transform_module::multus::delegate::types::{Attachment, Failure, Pod};

/// A plugin's configuration; keys that you do not touch keep their text.
pub type Plugin = Map<String, Value>;

/// Makes a function this component's transform:
/// `fn(&Attachment, &mut Plugin, &Settings) -> Result<(), Failure>`, where `Settings` is any type of your own
/// that implements `serde::Deserialize`.
#[macro_export]
macro_rules! transform {
    ($function:path) => {
        const _: () = {
            use $crate::sys::transform_module::exports::multus::delegate::transform::Guest;
            struct Component;
            impl Guest for Component {
                fn transform(
                    attachment: $crate::Attachment,
                    plugin: String,
                    settings: String,
                ) -> Result<String, $crate::Failure> {
                    $crate::glue::transform($function, &attachment, &plugin, &settings)
                }
            }
            // The names of exports are no symbols that a native linker takes: there it is only checked.
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn($crate::Attachment, String, String) -> Result<String, $crate::Failure> =
                <Component as Guest>::transform;
            #[cfg(target_arch = "wasm32")]
            $crate::sys::transform_module::export_transform!(
                Component with_types_in $crate::sys::transform_module
            );
        };
    };
}

/// Makes a function this component's policy: `fn(&Attachment, &[P], &Settings) -> Verdict`, where `P` is
/// [`Plugin`] or any other type that a configuration can be read as, and `Settings` any type of your own.
#[macro_export]
macro_rules! policy {
    ($function:path) => {
        const _: () = {
            use $crate::sys::policy_module::exports::multus::delegate::policy::Guest;
            struct Component;
            impl Guest for Component {
                fn review(
                    attachment: $crate::Attachment,
                    plugins: Vec<String>,
                    settings: String,
                ) -> $crate::Verdict {
                    $crate::glue::review($function, &attachment, &plugins, &settings)
                }
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn($crate::Attachment, Vec<String>, String) -> $crate::Verdict =
                <Component as Guest>::review;
            #[cfg(target_arch = "wasm32")]
            $crate::sys::policy_module::export_policy!(
                Component with_types_in $crate::sys::policy_module
            );
        };
    };
}
