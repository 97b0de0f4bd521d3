//! Names that become file names.

use crate::LeaseError;

/// The longest address has 45 characters; keys of others may be device names or numbers.
const LONGEST_KEY: usize = 128;
/// What a file system takes.
const LONGEST_NAME: usize = 255;
/// Beginning of the names of notes.
const NOTE: &str = "last_";
/// host-local's lock.
pub(crate) const LOCK: &str = "lock";

/// A network's name as CNI has it (specification 1.1, section 1: begins with a letter or digit).
pub(crate) fn network(name: &str) -> Result<(), LeaseError> {
    checked("network name", name, file_name(name, LONGEST_NAME))
}

/// What may be claimed: a file name that is no lock and no note, such as an address.
pub(crate) fn key(name: &str) -> Result<(), LeaseError> {
    let reserved = match name {
        LOCK => Err("it is the name of the folder's lock"),
        _ if name.starts_with(NOTE) => Err("`last_…` is a note"),
        _ => Ok(()),
    };
    checked("key", name, reserved.and(file_name(name, LONGEST_KEY)))
}

/// The name of a note.
pub(crate) fn note(name: &str) -> Result<(), LeaseError> {
    let begins = if name.starts_with(NOTE) { Ok(()) } else { Err("a note's name begins with `last_`") };
    checked("note name", name, begins.and(file_name(name, LONGEST_KEY)))
}

/// A word in a claim's file, in which line ends part two of them.
pub(crate) fn word(what: &'static str, word: &str) -> Result<(), LeaseError> {
    let fine = word.len() <= LONGEST_NAME && word.bytes().all(|byte| byte.is_ascii_graphic());
    let why = if word.is_empty() { "it is empty" } else { "it takes up to 255 visible ASCII characters" };
    checked(what, word, if fine && !word.is_empty() { Ok(()) } else { Err(why) })
}

fn file_name(name: &str, longest: usize) -> Result<(), &'static str> {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte);
    match name.bytes().next() {
        None => Err("it is empty"),
        // Not hidden, and neither `.` nor `..`. An address may begin with a colon.
        Some(first) if !(first.is_ascii_alphanumeric() || first == b':') => {
            Err("it must begin with a letter or digit")
        }
        _ if name.len() > longest => Err("it is too long"),
        _ if !name.bytes().all(usual) => Err("letters, digits and `_.-:` are allowed"),
        _ => Ok(()),
    }
}

fn checked(what: &'static str, name: &str, outcome: Result<(), &'static str>) -> Result<(), LeaseError> {
    outcome.map_err(|why| LeaseError::Name { what, name: name.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_may_be_a_network_a_key_and_a_note() {
        // (name, network, key, note)
        let rows = [
            ("10.1.0.2", true, true, false),
            ("fd00::2", true, true, false),
            ("::ffff:1", true, true, false),
            ("cbr0", true, true, false),
            ("lock", true, false, false),
            ("lock2", true, true, false),
            ("last_reserved_ip.0", true, false, true),
            ("last_", true, false, true),
            ("", false, false, false),
            (".", false, false, false),
            ("..", false, false, false),
            (".draft", false, false, false),
            ("-x", false, false, false),
            ("a/b", false, false, false),
            ("last_/../x", false, false, false),
            ("a b", false, false, false),
            ("a\0", false, false, false),
            ("ä", false, false, false),
            ("10.1.0.2\r\n", false, false, false),
        ];
        for (name, is_network, is_key, is_note) in rows {
            let fits = (network(name).is_ok(), key(name).is_ok(), note(name).is_ok());
            assert_eq!(fits, (is_network, is_key, is_note), "{name:?}");
        }
        assert!(key(&"a".repeat(128)).is_ok() && key(&"a".repeat(129)).is_err());
        assert!(network(&"a".repeat(255)).is_ok() && network(&"a".repeat(256)).is_err());
        assert_eq!(
            key("lock").unwrap_err().to_string(),
            "key \"lock\" can't be used: it is the name of the folder's lock"
        );
    }

    proptest! {
        #[test]
        fn what_passes_is_one_file_name(name in ".{0,40}") {
            for fits in [network(&name), key(&name), note(&name)] {
                if fits.is_ok() {
                    let path = std::path::Path::new(&name);
                    prop_assert_eq!(path.components().count(), 1);
                    prop_assert_eq!(path.file_name().unwrap(), name.as_str());
                }
            }
        }
    }
}
