//! Names that links get.

use nix::libc;

use super::{Effect, Property};
use crate::Refused;

impl Effect {
    /// Refuses a name that the kernel would refuse, perhaps with half of the effect done, or would make another one of.
    /// One that is too long it refuses at once.
    pub(crate) fn check_names(&self) -> Result<(), Refused> {
        let names = match self {
            Self::Veth { inside, outside, .. } => vec![&inside.name, &outside.name],
            Self::Pair { end, port, .. } => vec![&end.name, &port.name],
            Self::Bridge { link, .. } | Self::Link { link, .. } => vec![&link.name],
            Self::Move { name, .. } | Self::Set { property: Property::Name(name), .. } => vec![name],
            _ => Vec::new(),
        };
        match names.into_iter().find(|name| !is_name(name)) {
            Some(name) => {
                Err(Refused::because(self, libc::EINVAL, format!("`{name}` can't be the name of a link")))
            }
            None => Ok(()),
        }
    }
}

/// `dev_valid_name` in the kernel; there `%d` stands for a number that is free, and settings have two names to themselves.
fn is_name(name: &str) -> bool {
    let odd = |byte| matches!(byte, 0 | 0x0b | b'/' | b':' | b'%' | 0xa0) || byte.is_ascii_whitespace();
    !matches!(name, "" | "." | ".." | "all" | "default") && !name.bytes().any(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_that_nothing_else_has() {
        for name in ["eth0", "a.b-c_d@1", "ä", "...", "a-name-that-the-kernel-refuses-by-itself"] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["", ".", "..", "all", "default", "a/b", "a:b", "eth%d", "a b", "a\t", "a\u{b}", "a\0", "à"]
        {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
