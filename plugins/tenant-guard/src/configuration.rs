//! A plugin's configuration as the plugin itself may read it. Plugins are mostly written in Go, whose JSON
//! reader takes keys in any case and merges objects that are given twice: `"TYPE"` or a second `"ipam"` must
//! not get past a policy that only looks at the first `"type"`.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A JSON value with every member, also those with the same key.
#[derive(Debug)]
pub(crate) enum Configuration {
    Object(Vec<(String, Configuration)>),
    List(Vec<Configuration>),
    Text(String),
    Other,
}

/// Members that hold a further configuration, or a list of them.
const NESTED: [&str; 4] = ["ipam", "delegate", "delegates", "plugins"];

impl Configuration {
    /// Every plugin type that is named, and where: `type`, `ipam.type`, `delegates[1].ipam.type`.
    pub(crate) fn types(&self) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        self.collect("", &mut found);
        found
    }

    fn collect<'a>(&'a self, place: &str, found: &mut Vec<(String, &'a str)>) {
        match self {
            Self::Object(members) => members.iter().for_each(|(key, value)| value.member(place, key, found)),
            Self::List(items) => {
                let place = place.trim_end_matches('.');
                for (index, item) in items.iter().enumerate() {
                    item.collect(&format!("{place}[{index}]."), found);
                }
            }
            Self::Text(_) | Self::Other => {}
        }
    }

    fn member<'a>(&'a self, place: &str, key: &str, found: &mut Vec<(String, &'a str)>) {
        let folded = fold(key);
        if let Self::Text(name) = self
            && folded == "type"
        {
            found.push((format!("{place}{key}"), name));
        } else if NESTED.contains(&folded.as_str()) {
            self.collect(&format!("{place}{key}."), found);
        }
    }
}

/// Go compares keys by simple case folding, in which `ſ` is an `s` and the Kelvin sign a `k`.
fn fold(key: &str) -> String {
    key.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

impl<'de> Deserialize<'de> for Configuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Configuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Configuration, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Configuration::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Configuration, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Configuration::List(items))
    }

    fn visit_str<E>(self, text: &str) -> Result<Configuration, E> {
        Ok(Configuration::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Configuration, E> {
        Ok(Configuration::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Configuration, E> {
        Ok(Configuration::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Configuration, E> {
        Ok(Configuration::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Configuration, E> {
        Ok(Configuration::Other)
    }

    fn visit_unit<E>(self) -> Result<Configuration, E> {
        Ok(Configuration::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> Vec<String> {
        let configuration: Configuration = serde_json::from_str(text).unwrap();
        configuration.types().into_iter().map(|(place, name)| format!("{place}={name}")).collect()
    }

    #[test]
    fn every_type_that_a_plugin_may_read_is_found() {
        let rows: [(&str, &[&str]); 10] = [
            (r#"{"type":"bridge"}"#, &["type=bridge"]),
            (r#"{"type":"bridge","ipam":{"type":"host-local"}}"#, &["type=bridge", "ipam.type=host-local"]),
            (
                r#"{"type":"a","delegate":{"type":"b","ipam":{"type":"c"}}}"#,
                &["type=a", "delegate.type=b", "delegate.ipam.type=c"],
            ),
            (
                r#"{"delegates":[{"type":"a"},{"plugins":[{"type":"b"}]}]}"#,
                &["delegates[0].type=a", "delegates[1].plugins[0].type=b"],
            ),
            (r#"{"ipam":{"type":"evil"},"ipam":{"subnet":"x"}}"#, &["ipam.type=evil"]),
            (r#"{"type":"a","TYPE":"b","Ipam":{"tYpe":"c"}}"#, &["type=a", "TYPE=b", "Ipam.tYpe=c"]),
            (r#"{"delegateſ":[{"type":"a"}]}"#, &["delegateſ[0].type=a"]),
            (r#"{"\u0074ype":"a"}"#, &["type=a"]),
            (r#"{"args":{"type":"x"},"routes":[{"type":"y"}],"type":null}"#, &[]),
            (r#"{"a":[1,-1,1.5,true,null,"b",{}]}"#, &[]),
        ];
        for (text, expected) in rows {
            assert_eq!(types(text), expected, "{text}");
        }
    }
}
