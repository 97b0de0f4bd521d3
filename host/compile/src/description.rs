//! What a component says of itself: noted in it when it was built, so that it can be read without running any of it.

use multus_document::json;
use serde::Serialize;
use serde_json::Value;
use wasmparser::{Parser, Payload};

/// The custom section that the SDK writes it into, in the component's core module.
const SECTION: &str = "multus:description";

/// The members that are known of what a component says of itself; any of them may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Description {
    /// Its author's name for it.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// A JSON Schema of its settings.
    pub settings: Option<Value>,
}

impl Description {
    /// Reads the text that a component describes itself by.
    ///
    /// # Errors
    /// It is no JSON object, or one of its members is of another kind.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = json::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let Some(members) = value.as_object() else {
            return Err(format!("expected an object, found {}", json::kind(&value)));
        };
        let text = |key: &str| match members.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!("`{key}`: expected text, found {}", json::kind(other))),
        };
        let settings = members.get("settings").filter(|schema| !schema.is_null()).cloned();
        if let Some(other) = settings.as_ref().filter(|schema| !schema.is_object() && !schema.is_boolean()) {
            return Err(format!("`settings`: expected a JSON Schema, found {}", json::kind(other)));
        }
        Ok(Self {
            name: text("name")?,
            version: text("version")?,
            description: text("description")?,
            settings,
        })
    }

    /// What is noted in a component; nothing of it runs. `None` if nothing is.
    ///
    /// # Errors
    /// What is noted is no description.
    pub fn noted(component: &[u8]) -> Result<Option<Self>, String> {
        let mut found =
            Parser::new(0).parse_all(component).map_while(Result::ok).filter_map(|payload| match payload {
                Payload::CustomSection(section) if section.name() == SECTION => Some(section.data()),
                _ => None,
            });
        let Some(bytes) = found.next() else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
        Self::parse(text).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_may_be_missing_and_more_may_come() {
        let read =
            Description::parse(r#"{"name": "mtu", "settings": {"type": "object"}, "homepage": 1}"#).unwrap();
        assert_eq!(read.name.as_deref(), Some("mtu"));
        assert_eq!(read.settings, Some(json!({"type": "object"})));
        assert_eq!(Description::parse("{}").unwrap(), Description::default());
        for (text, words) in
            [("[]", "a list"), (r#"{"name": 1}"#, "`name`"), (r#"{"settings": []}"#, "`settings`")]
        {
            let error = Description::parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_noted_is_found_without_running_anything() {
        let with = |content: &[u8]| {
            let name = SECTION.as_bytes();
            let mut section = vec![0, (1 + name.len() + content.len()) as u8, name.len() as u8];
            section.extend(name.iter().chain(content));
            [b"\0asm\x0d\0\x01\0", section.as_slice()].concat()
        };
        let noted = Description::noted(&with(br#"{"name":"x"}"#)).unwrap().unwrap();
        assert_eq!(noted.name.as_deref(), Some("x"));
        assert_eq!(Description::noted(b"\0asm\x0d\0\x01\0"), Ok(None));
        assert!(Description::noted(&with(b"\xff")).is_err() && Description::noted(&with(b"{")).is_err());
    }
}
