//! The last step of building a component: cargo leaves a core module with the interface's description in a
//! custom section, and this wraps it. What the core module does not import, the component does not either.

use wasmparser::{BinaryReader, Chunk, Encoding, Parser, Payload};
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

/// Takes names and debug information out of a core module, or out of those in a component, which only explain crashes: what
/// is left is the same code and all that the component needs. The compiler's own option for it would mean to compile twice.
///
/// # Errors
/// The bytes are neither.
pub fn strip(wasm: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    let broken = || ComponentizeError("it is no whole module".to_owned());
    let (header, mut rest) = wasm.split_at_checked(HEADER).ok_or_else(broken)?;
    let component = match Parser::new(0).parse(header, true) {
        Ok(Chunk::Parsed { payload: Payload::Version { encoding, .. }, .. }) => {
            encoding == Encoding::Component
        }
        _ => return Err(broken()),
    };
    let mut kept = header.to_vec();
    while let Some((id, after)) = rest.split_first() {
        let mut reader = BinaryReader::new(after, 0);
        let content = reader
            .read_var_u32()
            .and_then(|length| reader.read_bytes(usize::try_from(length).unwrap_or(usize::MAX)))
            .map_err(|error| ComponentizeError(error.to_string()))?;
        let name = BinaryReader::new(content, 0).read_string().unwrap_or_default();
        match id {
            0 if explains(name) => {}
            // Modules and components in a component.
            1 | 4 if component => push_section(&mut kept, *id, &strip(content)?),
            _ => push_section(&mut kept, *id, content),
        }
        rest = after
            .get(usize::try_from(reader.original_position()).map_err(|_| broken())?..)
            .ok_or_else(broken)?;
    }
    Ok(kept)
}

/// The mark of WebAssembly and its version.
const HEADER: usize = 8;

fn push_section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    let mut length = content.len();
    loop {
        // Seven bits at a time, the lowest first; the highest bit says that more follow.
        let bits = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        to.push(if length > 0 { bits | 0x80 } else { bits });
        if length == 0 {
            break;
        }
    }
    to.extend_from_slice(content);
}

/// Whether bytes are a component already, as the linker for `wasm32-wasip2` makes them.
pub fn is_component(wasm: &[u8]) -> bool {
    matches!(
        Parser::new(0).parse(wasm, true),
        Ok(Chunk::Parsed { payload: Payload::Version { encoding: Encoding::Component, .. }, .. })
    )
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
        for bytes in [&b""[..], b"\0asm", b"\x7fELF", b"\x7fELF5678", &core[..core.len() - 1]] {
            assert!(strip(bytes).is_err(), "{bytes:?}");
        }
        let component = |core: &[u8]| {
            let mut component = b"\0asm\x0d\0\x01\0".to_vec();
            push_section(&mut component, 1, core);
            component
        };
        assert_eq!(strip(&component(&core)).unwrap(), component(&kept));
        assert!(is_component(&component(&core)) && !is_component(&core) && !is_component(b""));
    }
}
