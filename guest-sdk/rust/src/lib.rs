//! Write a transform, a policy or a delegate for the Multus host.
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
//! A delegate does an attachment itself, by host calls ([`network`], [`node`], [`ipam`], [`store`]…). Each is
//! written down by the host before it is done, so `add` is all there is to write: DEL and CHECK follow from the record,
//! and an ADD that fails in the middle is taken back.
//!
//! ```
//! use multus_guest::{Attachment, CniResult, Failure, network};
//!
//! #[derive(serde::Deserialize)]
//! struct Conf {
//!     mtu: Option<u32>,
//! }
//!
//! multus_guest::delegate!(add);
//!
//! fn add(attachment: &Attachment, conf: &Conf, _: Option<&CniResult>, _: &()) -> Result<Option<CniResult>, Failure> {
//!     let pair = network::Veth { mtu: conf.mtu, ..network::Veth::default() };
//!     let (inside, outside) = pair.create(&attachment.interface_name)?;
//!     inside.set_up(true)?;
//!     outside.set_up(true)?;
//!     Ok(None) // the host tells what was done
//! }
//! # fn main() {}
//! ```
//!
//! The crate is any library: `multusctl module new` makes one, `multusctl module build` a component of it, and
//! `multusctl module test` asks it what its fixtures say. A panic ends the call; its message, with file and line, reaches
//! the operator through the log.

pub mod firewall;
#[doc(hidden)]
pub mod glue;
pub mod ipam;
pub mod log;
pub mod network;
pub mod node;
pub mod plugins;
pub mod result;
pub mod sriov;
pub mod store;
#[doc(hidden)]
#[allow(unsafe_code, reason = "the component ABI passes pointers; the code is generated")]
pub mod sys;
pub mod sysctl;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;

mod failure;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
mod native;

/// The host's functions: those of a component, or those of a fixture.
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
use native as host;
#[cfg(not(all(feature = "testing", not(target_arch = "wasm32"))))]
use sys::delegate_module::multus::delegate as host;

use serde_json::{Map, Value};

pub use result::CniResult;

pub use sys::described_part::exports::multus::delegate::settings::Complaint;
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

/// Says what this component is, for those who install it: name, version and description are those of its `Cargo.toml`,
/// `schema` is a JSON Schema of its settings, as text. It is noted in the component, so `multusctl module inspect` shows it
/// without running anything, and `multusctl module add` compares the settings with it.
///
/// Then the module is asked, in the sandbox: the settings have to be readable as their type, and `validate`, a
/// `fn(&Settings) -> Vec<Complaint>`, says what else is wrong with them.
///
/// ```
/// use multus_guest::{Complaint, complaint};
///
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     mtu: u32,
/// }
///
/// multus_guest::describe!(
///     Settings,
///     schema = r#"{"type": "object", "required": ["mtu"], "properties": {"mtu": {"type": "integer"}}}"#,
///     validate = valid,
/// );
///
/// fn valid(settings: &Settings) -> Vec<Complaint> {
///     if settings.mtu % 4 == 0 { Vec::new() } else { vec![complaint("/mtu", "is no multiple of 4")] }
/// }
/// # fn main() {}
/// ```
///
/// A schema in a file is `include_str!("../settings.schema.json")`. `testing::same_schema` compares it in a test with what
/// the crate `schemars` derives from the type: as a development dependency, which makes no component longer.
#[macro_export]
macro_rules! describe {
    ($settings:ty, schema = $schema:expr $(,)?) => {
        $crate::describe!($settings, schema = $schema, validate = $crate::glue::nothing_else);
    };
    ($settings:ty, schema = $schema:expr, validate = $validate:path $(,)?) => {
        const _: () = {
            use $crate::sys::described_part::exports::multus::delegate::{description, settings};
            const TEXT: &str = concat!(
                "{\"name\":\"",
                env!("CARGO_PKG_NAME"),
                "\",\"version\":\"",
                env!("CARGO_PKG_VERSION"),
                "\",\"description\":\"",
                env!("CARGO_PKG_DESCRIPTION"),
                "\",\"settings\":",
                $schema,
                "}"
            );
            const _: () = assert!(
                $crate::glue::is_plain(env!("CARGO_PKG_DESCRIPTION")),
                "the description in Cargo.toml has a quote, a backslash or a line break: write it without"
            );
            $crate::note_description!(TEXT);
            struct Component;
            impl description::Guest for Component {
                fn describe() -> String {
                    TEXT.to_owned()
                }
            }
            impl settings::Guest for Component {
                fn validate_settings(settings: String) -> Vec<$crate::Complaint> {
                    $crate::glue::validate::<$settings>($validate, &settings)
                }
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: (fn() -> String, fn(String) -> Vec<$crate::Complaint>) = (
                <Component as description::Guest>::describe,
                <Component as settings::Guest>::validate_settings,
            );
            #[cfg(target_arch = "wasm32")]
            $crate::sys::described_part::export_described!(
                Component with_types_in $crate::sys::described_part
            );
        };
    };
}

/// Something that is wrong with a setting: a JSON pointer to it, and what to write instead.
pub fn complaint(place: impl Into<String>, message: impl Into<String>) -> Complaint {
    Complaint { place: place.into(), message: message.into() }
}

/// Makes a function this component's delegate:
/// `fn(&Attachment, &Conf, Option<&CniResult>, &Settings) -> Result<Option<CniResult>, Failure>`. `Conf` is any type of
/// your own that a plugin's configuration can be read as, `Settings` likewise of the operator's settings (`()` for
/// none). The third argument is the result of the plugin before this one in a list. Answering `None` leaves
/// the result to the host, which knows what was done. In place of [`CniResult`] any type does that can be read from, or
/// written as, a result of CNI 1.1.0.
///
/// The host takes back and compares what was done by itself. Whoever has more to do at CHECK or DEL adds two functions,
/// `check: fn(&Attachment, &Conf, &CniResult, &Settings) -> Result<(), Failure>` and
/// `del: fn(&Attachment, &Conf, Option<&CniResult>, &Settings) -> Result<(), Failure>`:
///
/// ```
/// # use multus_guest::{Attachment, CniResult, Failure, Plugin};
/// multus_guest::delegate!(add, check = check, del = del);
/// # fn add(_: &Attachment, _: &Plugin, _: Option<&CniResult>, _: &()) -> Result<Option<CniResult>, Failure> { Ok(None) }
/// # fn check(_: &Attachment, _: &Plugin, _: &CniResult, _: &()) -> Result<(), Failure> { Ok(()) }
/// # fn del(_: &Attachment, _: &Plugin, _: Option<&CniResult>, _: &()) -> Result<(), Failure> { Ok(()) }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! delegate {
    ($add:path) => {
        const _: () = {
            use $crate::sys::delegate_module::exports::multus::delegate::delegate::Guest;
            struct Component;
            impl Guest for Component {
                fn add(
                    attachment: $crate::Attachment,
                    config: String,
                    prev: Option<String>,
                    settings: String,
                ) -> Result<Option<String>, $crate::Failure> {
                    $crate::glue::add($add, &attachment, &config, prev.as_deref(), &settings)
                }
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::Attachment,
                String,
                Option<String>,
                String,
            ) -> Result<Option<String>, $crate::Failure> = <Component as Guest>::add;
            #[cfg(target_arch = "wasm32")]
            $crate::sys::delegate_module::export_delegate!(
                Component with_types_in $crate::sys::delegate_module
            );
        };
    };
    ($add:path, check = $check:path, del = $del:path) => {
        $crate::delegate!($add);
        const _: () = {
            use $crate::sys::lifecycle_part::exports::multus::delegate::lifecycle::Guest;
            struct Component;
            impl Guest for Component {
                fn check(
                    attachment: $crate::Attachment,
                    config: String,
                    prev: String,
                    settings: String,
                ) -> Result<(), $crate::Failure> {
                    $crate::glue::check($check, &attachment, &config, &prev, &settings)
                }
                fn del(
                    attachment: $crate::Attachment,
                    config: String,
                    prev: Option<String>,
                    settings: String,
                ) -> Result<(), $crate::Failure> {
                    $crate::glue::del($del, &attachment, &config, prev.as_deref(), &settings)
                }
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: (
                fn($crate::Attachment, String, String, String) -> Result<(), $crate::Failure>,
                fn($crate::Attachment, String, Option<String>, String) -> Result<(), $crate::Failure>,
            ) = (<Component as Guest>::check, <Component as Guest>::del);
            #[cfg(target_arch = "wasm32")]
            $crate::sys::lifecycle_part::export_lifecycle!(
                Component with_types_in $crate::sys::lifecycle_part
            );
        };
    };
}
