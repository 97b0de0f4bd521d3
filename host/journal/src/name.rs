//! Container ids and interface names as file names. The protocol's own rules were checked long before;
//! here it is only made sure that no name can leave its folder.

use crate::entry::CallKey;
use crate::error::JournalError;

/// Room is left for `@<interface>@<time>` and for a lock's ending within the usual 255 bytes.
const LONGEST: usize = 200;

/// Both names of a key.
pub(crate) fn check_key(key: &CallKey) -> Result<(), JournalError> {
    check_container_id(&key.container_id)?;
    check("interface name", &key.interface)
}

/// A container id. It has no `@`, which separates it from the interface in the names of records.
pub(crate) fn check_container_id(id: &str) -> Result<(), JournalError> {
    check("container id", id)?;
    if id.contains('@') { Err(refused("container id", id, "it contains '@'")) } else { Ok(()) }
}

fn check(what: &'static str, name: &str) -> Result<(), JournalError> {
    let why = match name {
        "" => "it is empty",
        "." | ".." => "it means a folder",
        _ if name.contains('/') => "it contains '/'",
        _ if name.contains('\0') => "it contains a zero byte",
        _ if name.len() > LONGEST => "it is longer than 200 bytes",
        _ => return Ok(()),
    };
    Err(refused(what, name, why))
}

fn refused(what: &'static str, name: &str, why: &'static str) -> JournalError {
    JournalError::Name { what, name: name.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_folder() {
        for name in ["", ".", "..", "a/b", "../x", "/", "a\0b", &"x".repeat(201)] {
            assert!(check("container id", name).is_err(), "{name:?}");
        }
        for name in ["a", "...", "0123456789abcdef", "a.b_c-d", "eth0@if7", &"x".repeat(200)] {
            assert!(check("interface name", name).is_ok(), "{name:?}");
        }
        assert!(check_container_id("a@b").is_err());
    }
}
