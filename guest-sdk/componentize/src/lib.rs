//! The last step of building a component: cargo leaves a core module with the interface's description in a
//! custom section, and this wraps it. What the core module does not import, the component does not either.

use wasmparser::{Encoding, Parser, Payload};
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

/// Takes names and debug information out of a core module, which only explain crashes: what is left is the same code
/// and all that the component needs. The compiler's own option for it would mean to compile twice.
///
/// # Errors
/// The bytes are no core module.
pub fn strip(core: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    let broken = |error: wasmparser::BinaryReaderError| ComponentizeError(error.to_string());
    let (mut kept, mut done) = (Vec::new(), 0);
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload.map_err(broken)?;
        let section = payload.as_section().map(|(_, range)| range);
        let end = match (&payload, section) {
            (Payload::Version { encoding: Encoding::Component, .. }, _) => {
                return Err(ComponentizeError("this is a component already".to_owned()));
            }
            (Payload::Version { range, .. }, _) => range.end,
            (_, Some(range)) => range.end,
            _ => continue,
        };
        let end = usize::try_from(end).unwrap_or(core.len());
        // From the end of the section before: its id and size stand there.
        if !matches!(&payload, Payload::CustomSection(section) if explains(section.name())) {
            kept.extend_from_slice(core.get(done..end).unwrap_or_default());
        }
        done = end;
    }
    Ok(kept)
}

fn explains(section: &str) -> bool {
    section == "name" || section.starts_with(".debug_")
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
    #[test]
    fn names_and_debug_information_go_and_the_rest_stays() {
        let section = |name: &str, content: &[u8]| {
            let mut section = vec![0, (name.len() + 1 + content.len()) as u8, name.len() as u8];
            section.extend(name.bytes().chain(content.iter().copied()));
            section
        };
        let types = b"\x01\x04\x01\x60\0\0".to_vec();
        let parts = [
            (b"\0asm\x01\0\0\0".to_vec(), true),
            (section(".debug_line", b"1234"), false),
            (types, true),
            (section("component-type:x", b"wit"), true),
            (section("name", b"\0\x01\0"), false),
            (section("names", b""), true),
        ];
        let join = |parts: &mut dyn Iterator<Item = &(Vec<u8>, bool)>| -> Vec<u8> {
            parts.flat_map(|(bytes, _)| bytes.clone()).collect()
        };
        let (core, kept) = (join(&mut parts.iter()), join(&mut parts.iter().filter(|(_, stays)| *stays)));
        assert_eq!(strip(&core).unwrap(), kept);
        assert_eq!(strip(&kept).unwrap(), kept);
        for bytes in [&b""[..], b"\0asm", b"\x7fELF", b"\0asm\x0d\0\x01\0", &core[..core.len() - 1]] {
            assert!(strip(bytes).is_err(), "{bytes:?}");
        }
    }
}
