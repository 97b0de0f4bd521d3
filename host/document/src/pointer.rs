//! JSON pointers (RFC 6901), built step by step.

use std::fmt::{self, Display};

/// A JSON pointer under construction: `Pointer::root().key("delegates").key(0)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    /// The whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// A member of an object or an element of a list.
    #[must_use]
    pub fn key(&self, token: impl Display) -> Self {
        let escaped = token.to_string().replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{escaped}", self.0))
    }

    /// The pointer's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The unescaped tokens of a pointer's text.
    pub fn tokens(text: &str) -> impl Iterator<Item = String> + '_ {
        text.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
    }
}

impl Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}
