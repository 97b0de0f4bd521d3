//! Names that come from outside and end in paths, files and kernel requests (CNI-02).

use crate::error::{Code, Error};

/// `IFNAMSIZ` of the kernel without the closing zero.
const MAX_INTERFACE_NAME: usize = 15;

/// A container id: a letter or digit, then letters, digits, `_`, `.` and `-`.
///
/// # Errors
/// Code 3 when empty, code 4 when invalid.
pub fn check_container_id(id: &str) -> Result<(), Error> {
    if id.is_empty() {
        return Err(Error::new(Code::UnknownContainer, "the container id is empty"));
    }
    check_word(id).map_err(|why| {
        Error::new(Code::InvalidEnvironment, format!("the container id `{}` {why}", id.escape_debug()))
    })
}

/// A network's name: the same alphabet as a container id.
///
/// # Errors
/// Code 7 when empty or invalid.
pub fn check_network_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::new(Code::InvalidConfig, "the network's name is empty"));
    }
    check_word(name).map_err(|why| {
        Error::new(Code::InvalidConfig, format!("the network name `{}` {why}", name.escape_debug()))
    })
}

/// An interface's name: what the kernel takes.
///
/// # Errors
/// Code 4, naming the rule that is broken.
pub fn check_ifname(name: &str) -> Result<(), Error> {
    let why = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_INTERFACE_NAME {
        "is longer than 15 bytes"
    } else if name == "." || name == ".." {
        "is a folder's name"
    } else if name.contains(|c: char| matches!(c, '/' | ':' | '\0') || c.is_whitespace()) {
        "has a `/`, a `:` or white space in it"
    } else {
        return Ok(());
    };
    Err(Error::new(Code::InvalidEnvironment, format!("the interface name `{}` {why}", name.escape_debug())))
}

/// What is wrong with a plugin's `type`, which becomes a file name in the folders of plugins.
pub(crate) fn type_fault(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("is empty"),
        "." | ".." => Some("is a folder's name"),
        _ if name.contains(['/', '\0']) => Some("has a path separator in it"),
        _ => None,
    }
}

fn check_word(word: &str) -> Result<(), &'static str> {
    if !word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("must begin with a letter or digit");
    }
    if !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')) {
        return Err("may only have letters, digits, `_`, `.` and `-` in it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<(), Error>) -> u32 {
        result.map_or_else(|error| error.code, |()| 0)
    }

    #[test]
    fn cni_02_words() {
        let rows = [
            ("a", true),
            ("0", true),
            ("f81d4fae-7dec.11d0_A", true),
            ("-a", false),
            (".a", false),
            ("_a", false),
            ("a/b", false),
            ("..", false),
            ("a b", false),
            ("a\n", false),
            ("ä", false),
            ("a\0", false),
        ];
        for (word, fits) in rows {
            assert_eq!(code(check_container_id(word)), if fits { 0 } else { 4 }, "{word}");
            assert_eq!(code(check_network_name(word)), if fits { 0 } else { 7 }, "{word}");
        }
        assert_eq!(code(check_container_id("")), 3);
        assert_eq!(code(check_network_name("")), 7);
    }

    #[test]
    fn cni_02_interface_names() {
        let rows = [
            ("eth0", true),
            ("net1", true),
            ("a", true),
            ("...", true),
            ("äöü", true),
            ("123456789012345", true),
            ("1234567890123456", false),
            ("ääääääää", false),
            ("", false),
            (".", false),
            ("..", false),
            ("a/b", false),
            ("a:1", false),
            ("a b", false),
            ("a\t", false),
            ("a\u{2003}", false),
            ("a\0", false),
        ];
        for (name, fits) in rows {
            assert_eq!(code(check_ifname(name)), if fits { 0 } else { 4 }, "{name}");
        }
    }
}
