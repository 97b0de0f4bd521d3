//! `CNI_ARGS`: `K=V;K2=V2`, deprecated by the specification, used by every Kubernetes runtime.

use std::fmt;

use crate::error::{Code, Error};

/// The pairs of `CNI_ARGS`, in order. A repeated key keeps all its values, the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args(Vec<(String, String)>);

impl Args {
    /// Reads `K=V;K2=V2`. Values may be empty or have `=` in them; empty pairs are skipped.
    ///
    /// # Errors
    /// Code 4 naming the first pair without a key or without `=`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        text.split(';').filter(|pair| !pair.is_empty()).map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// The value that counts for a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Every pair, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

fn pair(text: &str) -> Result<(String, String), Error> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Error::new(
            Code::InvalidEnvironment,
            format!("CNI_ARGS has a pair `{}` that is not KEY=VALUE", text.escape_debug()),
        )),
    }
}

/// The text that reads back as the same pairs.
impl fmt::Display for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{key}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cni_18_args_are_pairs() {
        let rows: &[(&str, Option<&str>)] = &[
            ("", Some("")),
            ("A=1", Some("A=1")),
            (
                "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_UID=",
                Some("IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_UID="),
            ),
            ("A=1;;B=2;", Some("A=1;B=2")),
            ("A=b=c", Some("A=b=c")),
            ("A=1;A=2", Some("A=1;A=2")),
            ("A", None),
            ("=1", None),
            ("A=1;=", None),
        ];
        for (text, expected) in rows {
            let found = Args::parse(text).map(|args| args.to_string());
            assert_eq!(found.as_deref().ok(), *expected, "{text}");
            assert!(found.map_or_else(|error| error.is(Code::InvalidEnvironment), |_| true), "{text}");
        }
    }

    #[test]
    fn the_last_value_counts() {
        let args = Args::parse("A=1;B=x;A=2").unwrap();
        assert_eq!((args.get("A"), args.get("B"), args.get("C")), (Some("2"), Some("x"), None));
        assert_eq!(args.iter().count(), 3);
    }

    proptest! {
        #[test]
        fn any_text_reads_back_or_is_refused(text in "[A-C=;1 ]{0,40}|.*") {
            if let Ok(args) = Args::parse(&text) {
                prop_assert_eq!(Args::parse(&args.to_string()).unwrap(), args);
            }
        }
    }
}
