//! The places of a configuration that a transform may change: JSON pointers with wildcards.

use std::fmt;

use crate::Pointer;

/// Members that belong to the network or to the runtime, whatever the catalog says.
const NEVER: [&str; 4] = ["name", "cniVersion", "prevResult", "runtimeConfig"];

/// A JSON pointer that stands for a value and everything in it; `*` stands for any one key or index, `**`
/// at the end for whatever is below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    tokens: Vec<String>,
    below: bool,
}

/// Text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}")]
pub struct InvalidPattern {
    text: String,
    why: String,
}

impl Pattern {
    /// Reads a pattern: `/mtu`, `/ipam/**`, `/routes/*/gw`.
    ///
    /// # Errors
    /// What is not a pointer, and places that no transform may change.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why: &str| Err(InvalidPattern { text: text.to_owned(), why: why.to_owned() });
        if !text.starts_with('/') {
            return invalid("is no place in a configuration: write a JSON pointer such as `/mtu`");
        }
        let mut tokens: Vec<String> = Pointer::tokens(text).collect();
        let below = tokens.last().is_some_and(|last| last == "**");
        if below {
            tokens.pop();
        }
        if tokens.iter().any(|token| token == "**") {
            return invalid("has `**` before its end: only the last part can stand for the rest");
        }
        if let Some(first) = tokens.first().filter(|first| is_reserved(first)) {
            return invalid(&format!(
                "can never be changed: `{first}` belongs to the network or the runtime"
            ));
        }
        Ok(Self { text: text.to_owned(), tokens, below })
    }

    /// Whether the pattern stands for this place or one that it lies in.
    pub fn allows(&self, place: &[String]) -> bool {
        if place.first().is_some_and(|first| is_reserved(first) || self.reaches_type_by_wildcard(first)) {
            return false;
        }
        let long_enough =
            if self.below { place.len() > self.tokens.len() } else { place.len() >= self.tokens.len() };
        long_enough && self.tokens.iter().zip(place).all(|(token, key)| token == "*" || token == key)
    }

    /// `type` decides which program runs: an operator has to write it out.
    fn reaches_type_by_wildcard(&self, first: &str) -> bool {
        first.eq_ignore_ascii_case("type") && self.tokens.first().is_none_or(|token| token == "*")
    }
}

/// In any case, because Go plugins read keys in any case.
fn is_reserved(key: &str) -> bool {
    NEVER.iter().any(|never| key.eq_ignore_ascii_case(never))
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allows(pattern: &str, place: &str) -> bool {
        Pattern::parse(pattern).unwrap().allows(&Pointer::tokens(place).collect::<Vec<_>>())
    }

    #[test]
    fn places() {
        let rows = [
            ("/mtu", "/mtu", true),
            ("/mtu", "/mtu2", false),
            ("/mtu", "/MTU", false),
            ("/mtu", "/ipam/mtu", false),
            ("/ipam", "/ipam", true),
            ("/ipam", "/ipam/subnet", true),
            ("/ipam/**", "/ipam", false),
            ("/ipam/**", "/ipam/ranges/0/0/subnet", true),
            ("/ipam/*/gw", "/ipam/x/gw", true),
            ("/ipam/*/gw", "/ipam/x/y/gw", false),
            ("/a~1b", "/a~1b", true),
            ("/*", "/vlan", true),
            ("/**", "/vlan/x", true),
            ("/**", "/type", false),
            ("/*", "/Type", false),
            ("/type", "/type", true),
            ("/**", "/name", false),
            ("/*", "/PrevResult", false),
            ("/**", "/ipam/type", true),
        ];
        for (pattern, place, expected) in rows {
            assert_eq!(allows(pattern, place), expected, "{pattern} {place}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for text in
            ["", "mtu", "/**/mtu", "/a/**/b", "/name", "/cniVersion", "/prevResult/ips", "/CNIVERSION"]
        {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_refused_and_reserved_places_stay_closed(
            text in "(/[a-z*~]{0,4}){0,4}|.*",
            key in "name|NAME|cniVersion|prevResult|runtimeConfig",
        ) {
            if let Ok(pattern) = Pattern::parse(&text) {
                prop_assert!(!pattern.allows(std::slice::from_ref(&key)));
                prop_assert!(!pattern.allows(&[key, "x".to_owned()]));
            }
        }
    }
}
