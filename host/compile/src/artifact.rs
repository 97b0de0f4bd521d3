//! Compiling.

use std::env::consts::ARCH;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use multus_wasm::{Digest, engine_config};
use wasmparser::{Encoding, Parser, Payload};
use wasmtime::{Config, Engine};

use crate::compiler::COMPONENT_BYTES;
use crate::error::CompileError;

/// A compiled component.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The component's digest.
    pub component: Digest,
    /// The artifact's own.
    pub digest: Digest,
    /// The artifact.
    pub bytes: Vec<u8>,
}

/// Compiles a component for every processor of this node's architecture, and [`multus_wasm::ENGINE_ID`]. Takes tens of
/// milliseconds for a small Rust component and ten seconds for one with a language's whole runtime inside.
///
/// # Errors
/// Bytes that are no component (a core module, an artifact, text), or use a WebAssembly proposal that the
/// engine leaves out.
pub fn compile_component(component: &[u8]) -> Result<Artifact, CompileError> {
    check_kind(component)?;
    let failed = |error: wasmtime::Error| CompileError::Compiler(format!("{error:#}"));
    let engine = any_processor().and_then(|config| Engine::new(&config)).map_err(failed)?;
    let bytes = engine
        .precompile_component(component)
        .map_err(|error| CompileError::Refused(format!("{error:#}")))?;
    Ok(Artifact { component: Digest::of(component), digest: Digest::of(&bytes), bytes })
}

/// Naming a target keeps the compiler from using what this processor has beyond it. Code that needs more would have to
/// ask for it at each load, which takes a dozen questions that each leave a virtual machine; and it would stop working
/// on a node that moves to an older processor (docs/decisions/0022).
fn any_processor() -> wasmtime::Result<Config> {
    let mut config = engine_config();
    config.target(&format!("{ARCH}-unknown-linux-gnu"))?;
    Ok(config)
}

/// Reads a component's file, as far as one may be long: what is longer is refused by whoever looks at the bytes.
///
/// # Errors
/// The system's.
pub fn read_component(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(COMPONENT_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses by size what nobody should look into, and by type what is not a component: above all an artifact that
/// somebody else compiled, which would be native code of unknown origin.
pub(crate) fn check_kind(bytes: &[u8]) -> Result<(), CompileError> {
    let refuse = |found, advice| Err(CompileError::NotAComponent { found, advice });
    if bytes.len() as u64 > COMPONENT_BYTES {
        return Err(CompileError::TooLarge);
    }
    if bytes.starts_with(b"\x7fELF") {
        return refuse("compiled code", ": install the .wasm it was made from");
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => Ok(()),
        Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => {
            refuse("a core module", ": make it one with `wasm-tools component new`, or build it with the SDK")
        }
        _ if bytes.starts_with(b"(") => refuse("WebAssembly text", ": translate it with `wasm-tools parse`"),
        _ => refuse("no WebAssembly at all", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_refused_by_type() {
        let rows: [(&[u8], &str); 6] = [
            (b"", "no WebAssembly at all"),
            (b"\0asm", "no WebAssembly at all"),
            (b"\0asm\x01\0\0\0", "a core module"),
            (b"\x7fELF\x02\x01\x01", "compiled code"),
            (b"(component)", "WebAssembly text"),
            (b"#!/bin/sh", "no WebAssembly at all"),
        ];
        for (bytes, expected) in rows {
            let error = compile_component(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{bytes:?}: {error}");
        }
    }

    #[test]
    fn the_same_component_gives_the_same_artifact() {
        let component = b"\0asm\x0d\0\x01\0";
        let (first, second) = (compile_component(component).unwrap(), compile_component(component).unwrap());
        assert_eq!(first.digest, second.digest);
        assert_eq!(first.component, Digest::of(component));
    }
}
