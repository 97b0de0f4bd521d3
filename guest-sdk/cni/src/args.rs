//! `CNI_ARGS`: `KEY=value;KEY=value`.

use multus_guest::{Attachment, Failure};
use serde_json::Value;

/// The arguments of an attachment. Those that a delegate does not know are no concern of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args(Vec<(String, String)>);

impl Args {
    /// Those that the host tells of in `context.args`.
    ///
    /// # Errors
    /// Code 7 for text that is no list of pairs.
    pub fn of(attachment: &Attachment) -> Result<Self, Failure> {
        let context: Value = serde_json::from_str(&attachment.context).unwrap_or_default();
        Self::read(context.get("args").and_then(Value::as_str).unwrap_or_default())
    }

    /// The pairs in a text.
    ///
    /// # Errors
    /// As [`Args::of`].
    pub fn read(text: &str) -> Result<Self, Failure> {
        let pair = |pair: &str| {
            let invalid = || Failure::new(7, format!("CNI_ARGS: `{pair}` is not a pair like IP=10.1.0.5"));
            let (key, value) = pair.split_once('=').ok_or_else(invalid)?;
            Ok((key.to_owned(), value.to_owned()))
        };
        text.split(';').filter(|part| !part.trim().is_empty()).map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// The value of a key, the last one where it is given twice; `None` if it is empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        let of_key = self.0.iter().rev().find(|(name, _)| name == key);
        of_key.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The values of a key that may have several, parted by commas.
    pub fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.get(key).unwrap_or_default().split(',');
        values.map(str::trim).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let args = Args::read("IgnoreUnknown=1;IP=10.1.0.5/24, fd00::2;MAC=;X=a=b;X=c").unwrap();
        assert_eq!(args.list("IP").collect::<Vec<_>>(), ["10.1.0.5/24", "fd00::2"]);
        assert_eq!((args.get("MAC"), args.get("X"), args.get("Y")), (None, Some("c"), None));
        assert_eq!(args.list("Y").count(), 0);
        assert_eq!(Args::read("").unwrap(), Args::default());
        let failure = Args::read("IP=10.1.0.5;MAC").unwrap_err();
        assert_eq!((failure.code, failure.message.contains("`MAC`")), (7, true));
    }
}
