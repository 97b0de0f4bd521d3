//! As much of ELF as tells a static program.

const PT_INTERP: u64 = 3;

/// The loader that a 64-bit little-endian program asks for: `Some(None)` if it is static, `None` if this is no such
/// program.
pub(super) fn interpreter(bytes: &[u8]) -> Option<Option<String>> {
    bytes.strip_prefix(b"\x7fELF\x02\x01")?;
    let start = usize::try_from(number(bytes, 32, 8)?).ok()?;
    let size = usize::try_from(number(bytes, 54, 2)?).ok()?;
    let count = usize::try_from(number(bytes, 56, 2)?).ok()?;
    for index in 0..count {
        let header = bytes.get(start.checked_add(index.checked_mul(size)?)?..)?;
        if number(header, 0, 4)? == PT_INTERP {
            let from = usize::try_from(number(header, 8, 8)?).ok()?;
            let length = usize::try_from(number(header, 32, 8)?).ok()?;
            let name = bytes.get(from..from.checked_add(length)?)?;
            return Some(Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()));
        }
    }
    Some(None)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_names_its_loader() {
        // This test is one.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let loader = interpreter(&own).unwrap().unwrap();
        assert!(loader.contains("/ld"), "{loader}");
    }

    #[test]
    fn without_that_header_it_is_static() {
        let mut program = b"\x7fELF\x02\x01".to_vec();
        program.resize(64, 0);
        assert_eq!(interpreter(&program), Some(None));
    }

    #[test]
    fn what_is_torn_or_no_program_is_neither() {
        let mut torn = b"\x7fELF\x02\x01".to_vec();
        torn.resize(64, 0xff);
        for bytes in [&b""[..], b"#!/bin/sh", &torn] {
            assert_eq!(interpreter(bytes), None);
        }
    }
}
