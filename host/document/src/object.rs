//! A JSON object whose untouched members keep their exact text.

use std::fmt;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json;
use crate::problem::SyntaxError;

/// A JSON object that passes through us: members keep order, spelling and number forms unless
/// they are set. A repeated key counts once, with its last value, as every CNI plugin reads it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(IndexMap<String, Box<RawValue>>);

impl Object {
    /// Reads an object from JSON text.
    ///
    /// # Errors
    /// Text that is not one JSON object, or past the limits of [`json::parse`].
    pub fn parse(text: &[u8]) -> Result<Self, SyntaxError> {
        // A raw member is not looked into, so depth and syntax inside it are checked here, once.
        let whole: Value = json::parse(text)?;
        if !whole.is_object() {
            return Err(SyntaxError {
                position: None,
                message: format!("expected a JSON object, found {}", json::kind(&whole)),
                advice: None,
            });
        }
        json::parse(text)
    }

    /// The object that a value is, or `None` for any other kind of value.
    pub fn from_value(value: &Value) -> Option<Self> {
        value.is_object().then(|| serde_json::from_value(value.clone()).ok()).flatten()
    }

    /// A member's value; `None` when absent.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.read(key)
    }

    /// A member as some type; `None` when absent or of another shape.
    pub fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.0.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// A member's exact text; `None` when absent.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|raw| raw.get())
    }

    /// A member as it stands; `None` when absent.
    pub(crate) fn raw(&self, key: &str) -> Option<&RawValue> {
        self.0.get(key).map(AsRef::as_ref)
    }

    /// Whether the member is there, whatever its value.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The keys, in the author's order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Sets a member; an existing one keeps its place, and its text if the value is the same.
    pub fn set(&mut self, key: &str, value: &Value) {
        if self.get(key).as_ref() != Some(value)
            && let Ok(raw) = serde_json::value::to_raw_value(value)
        {
            self.0.insert(key.to_owned(), raw);
        }
    }

    /// Sets a member to text that is already JSON.
    pub fn set_text(&mut self, key: &str, text: &RawValue) {
        self.0.insert(key.to_owned(), text.to_owned());
    }

    /// Removes a member; the others keep their order.
    pub fn remove(&mut self, key: &str) {
        self.0.shift_remove(key);
    }

    /// The whole object as a value, for those who compare or look deeper.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// The object's JSON text.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn untouched_members_keep_their_text() {
        let text = r#"{"z": 1.0, "a":{"n":1e2,"u":"\u00e9"},"m": [ ]}"#;
        let mut object = Object::parse(text.as_bytes()).unwrap();
        object.set("name", &"net".into());
        object.set("z", &serde_json::json!(1.0));
        assert_eq!(object.to_string(), r#"{"z":1.0,"a":{"n":1e2,"u":"\u00e9"},"m":[ ],"name":"net"}"#);
    }

    #[test]
    fn a_repeated_key_counts_once_with_its_last_value() {
        let object = Object::parse(br#"{"type":"a","type":"b"}"#).unwrap();
        assert_eq!(object.to_string(), r#"{"type":"b"}"#);
    }

    #[test]
    fn deep_members_are_refused() {
        let text = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(Object::parse(text.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(object) = Object::parse(&bytes) {
                prop_assert_eq!(Object::parse(object.to_string().as_bytes()).unwrap(), object);
            }
        }
    }
}
