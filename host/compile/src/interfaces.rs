//! What a component asks for and offers, read from its types: nothing of it runs.

use wit_component::{DecodedWasm, decode};

use crate::artifact::check_kind;
use crate::error::CompileError;
use crate::role::{exports, imports};

/// A component's interfaces by name, such as `multus:delegate/log@0.1.0`, in the order of their names: in a component they
/// stand as the linker met them, which is not the same in every build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// What it can't run without.
    pub imports: Vec<String>,
    /// What it can be asked.
    pub exports: Vec<String>,
}

/// Reads the names of what a component imports and exports.
///
/// # Errors
/// Bytes that are no component, or that can't be read as one.
pub fn interfaces(component: &[u8]) -> Result<Interfaces, CompileError> {
    check_kind(component)?;
    match decode(component) {
        Ok(DecodedWasm::Component(resolve, world)) => {
            let sorted = |mut names: Vec<String>| {
                names.sort();
                names
            };
            Ok(Interfaces {
                imports: sorted(imports(&resolve, world)),
                exports: sorted(exports(&resolve, world)),
            })
        }
        Ok(DecodedWasm::WitPackage(..)) => {
            Err(CompileError::NotAComponent { found: "a WIT package", advice: ", which has no code" })
        }
        Err(error) => Err(CompileError::Unreadable(format!("{error:#}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_component_has_no_interfaces_and_anything_else_is_refused() {
        let empty = interfaces(b"\0asm\x0d\0\x01\0").unwrap();
        assert_eq!(empty, Interfaces { imports: vec![], exports: vec![] });
        for (bytes, expected) in [
            (&b"\0asm\x01\0\0\0"[..], "a core module"),
            (b"", "no WebAssembly"),
            (b"\0asm\x0d\0\x01\0\xff", "read"),
        ] {
            let error = interfaces(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
