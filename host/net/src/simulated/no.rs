//! What the kernel says when it does not do something.

use std::io;

use nix::libc::c_int;

use crate::Refused;

/// An error's number, and the kernel's words where it has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct No {
    errno: c_int,
    words: &'static str,
}

/// What a request to the simulated kernel ends with.
pub(super) type Done<T = ()> = Result<T, No>;

impl No {
    pub(super) fn because(errno: c_int, words: &'static str) -> Self {
        Self { errno, words }
    }

    /// As the kernel back end would say it.
    pub(super) fn to(self, tried: impl ToString) -> Refused {
        let error = io::Error::from_raw_os_error(self.errno);
        let said = if self.words.is_empty() { error.to_string() } else { format!("{}: {error}", self.words) };
        Refused::because(tried, self.errno, said)
    }
}

impl From<c_int> for No {
    fn from(errno: c_int) -> Self {
        Self { errno, words: "" }
    }
}
