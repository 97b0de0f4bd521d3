//! Why an effect is not there, or a question has no answer.

use std::io;

use nix::libc;

use crate::NetnsError;
use crate::answer::Refusal;

/// What a caller may want to do something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It, or its name or number, is there already (`EEXIST`).
    Exists,
    /// The link, or the other thing that it is about, is not there (`ENODEV`, `ENOENT`, `ESRCH`, `EADDRNOTAVAIL`), or
    /// its namespace is gone.
    Missing,
    /// Somebody else on the link has the address (`EADDRINUSE`).
    Taken,
    /// The deadline came first (`ETIMEDOUT`).
    Late,
    /// This kernel can't do it (`EOPNOTSUPP`): what it takes is in the words.
    Unable,
    /// Everything else.
    Other,
}

impl Why {
    pub(crate) fn of(errno: i32) -> Self {
        match errno {
            libc::EEXIST => Self::Exists,
            libc::ENODEV | libc::ENOENT | libc::ESRCH | libc::ENXIO | libc::EADDRNOTAVAIL => Self::Missing,
            libc::EADDRINUSE => Self::Taken,
            libc::ETIMEDOUT => Self::Late,
            libc::EOPNOTSUPP => Self::Unable,
            _ => Self::Other,
        }
    }
}

/// Something that was tried and did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{tried} failed: {said}")]
pub struct Refused {
    /// What, and on which link of which namespace: `address 10.1.2.3/24 on eth0 in the pod`.
    pub tried: String,
    /// The kernel's words and its error, `File exists (os error 17)`, or what else is the matter.
    pub said: String,
    /// The error's number; `None` if it did not come from the kernel.
    pub errno: Option<i32>,
}

impl Refused {
    /// The kernel, or a simulated one, refused `tried` with this number.
    pub fn kernel(tried: impl ToString, errno: i32) -> Self {
        Self::io(tried, &io::Error::from_raw_os_error(errno))
    }

    /// `tried` was not done, for a reason in words; `errno` is what the kernel would have said.
    pub fn because(tried: impl ToString, errno: i32, said: impl Into<String>) -> Self {
        Self { tried: tried.to_string(), said: said.into(), errno: Some(errno) }
    }

    /// The same with words before the kernel's.
    pub(crate) fn saying(self, words: &str) -> Self {
        Self { said: format!("{words}: {}", self.said), ..self }
    }

    /// What a caller may do something about.
    pub fn why(&self) -> Why {
        self.errno.map_or(Why::Other, Why::of)
    }

    /// A failure of the system.
    pub(crate) fn io(tried: impl ToString, error: &io::Error) -> Self {
        let errno = match error.kind() {
            io::ErrorKind::TimedOut => Some(libc::ETIMEDOUT),
            _ => error.raw_os_error(),
        };
        Self { tried: tried.to_string(), said: error.to_string(), errno }
    }

    /// The kernel's refusal of a request.
    pub(crate) fn refusal(tried: impl ToString, refusal: &Refusal) -> Self {
        Self { said: refusal.to_string(), ..Self::io(tried, &refusal.source) }
    }

    /// A namespace that can't be used.
    pub(crate) fn netns(tried: impl ToString, error: &NetnsError) -> Self {
        let errno = match error {
            NetnsError::Gone { .. } | NetnsError::NotANamespace { .. } => Some(libc::ENOENT),
            NetnsError::Refused { .. } => Some(libc::EPERM),
            NetnsError::Io { source, .. } => source.raw_os_error(),
            NetnsError::Gateway { .. } | NetnsError::Route { .. } => None,
        };
        Self { tried: tried.to_string(), said: error.to_string(), errno }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_tried_and_what_came_of_it() {
        let rows = [
            (
                libc::EEXIST,
                Why::Exists,
                "address 10.1.2.3/24 on eth0 in the pod failed: File exists (os error 17)",
            ),
            (
                libc::ENODEV,
                Why::Missing,
                "address 10.1.2.3/24 on eth0 in the pod failed: No such device (os error 19)",
            ),
            (
                libc::EPERM,
                Why::Other,
                "address 10.1.2.3/24 on eth0 in the pod failed: Operation not permitted (os error 1)",
            ),
        ];
        for (errno, why, text) in rows {
            let refused = Refused::kernel("address 10.1.2.3/24 on eth0 in the pod", errno);
            assert_eq!(
                (refused.why(), refused.to_string().as_str(), refused.errno),
                (why, text, Some(errno))
            );
        }
        let slow = io::Error::new(io::ErrorKind::TimedOut, "the kernel gave no answer within 5 s");
        assert_eq!(Refused::io("a list of the links on the node", &slow).why(), Why::Late);
    }
}
