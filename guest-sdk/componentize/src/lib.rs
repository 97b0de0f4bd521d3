//! The last step of building a component: cargo leaves a core module with the interface's description in a
//! custom section, and this wraps it. What the core module does not import, the component does not either.

use wit_component::ComponentEncoder;

/// The module was not built with the guest SDK, or is no core module.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a component: {0}")]
pub struct ComponentizeError(String);

/// Wraps a core module for `wasm32-unknown-unknown` into a component, and validates the result. The same bytes
/// give the same component.
///
/// # Errors
/// What the module lacks or imports that no interface describes.
pub fn componentize(core: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    ComponentEncoder::default()
        .validate(true)
        .module(core)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| ComponentizeError(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_core_module_is_an_error() {
        for bytes in [&b""[..], b"\0asm", b"\x7fELF", b"\0asm\x0d\0\x01\0"] {
            assert!(componentize(bytes).is_err(), "{bytes:?}");
        }
    }
}
