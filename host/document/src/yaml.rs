//! YAML manifests as JSON values, each value's place remembered.

use std::collections::HashMap;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use saphyr_parser::{Event, Marker, Parser, ScanError};
use serde_json::{Map, Number, Value};

use crate::json;
use crate::pointer::Pointer;
use crate::problem::{Position, SyntaxError};

/// As deep as JSON may nest (serde_json's limit).
const MAX_DEPTH: usize = 128;

/// One document of a YAML stream.
#[derive(Debug, Clone)]
pub struct Document {
    /// The document as JSON.
    pub value: Value,
    places: HashMap<String, Position>,
}

impl Document {
    /// Where the value at a JSON pointer starts; where a member is missing, its object's place.
    pub fn locate(&self, pointer: &str) -> Option<Position> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return Some(*place);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

/// Reads every document of a YAML stream. Empty documents are left out; anchors and aliases are
/// refused, since a few lines of them unfold to gigabytes.
///
/// # Errors
/// Where the text stops being YAML, or what in it has no JSON form.
pub fn parse(text: &str) -> Result<Vec<Document>, SyntaxError> {
    if text.len() > json::MAX_BYTES {
        let message = format!("{} bytes of YAML, the limit is {}", text.len(), json::MAX_BYTES);
        return Err(SyntaxError { position: None, message, advice: None });
    }
    check_shape(text)?;
    let nodes = MarkedYaml::load_from_str(text).map_err(|error| scan_error(&error))?;
    let documents: Result<Vec<_>, _> = nodes.iter().map(document).collect();
    Ok(documents?.into_iter().filter(|document| !document.value.is_null()).collect())
}

/// Depth and aliases, before anything is built from the text.
fn check_shape(text: &str) -> Result<(), SyntaxError> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| scan_error(&error))?;
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
            Event::Alias(_) => {
                return Err(refuse(span.start, "a YAML alias", Some("write the value out in full")));
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(refuse(span.start, &format!("nested deeper than {MAX_DEPTH} levels"), None));
        }
    }
    Ok(())
}

fn document(node: &MarkedYaml<'_>) -> Result<Document, SyntaxError> {
    let mut places = HashMap::new();
    let value = convert(node, &Pointer::root(), &mut places)?;
    Ok(Document { value, places })
}

fn convert(
    node: &MarkedYaml<'_>,
    pointer: &Pointer,
    places: &mut HashMap<String, Position>,
) -> Result<Value, SyntaxError> {
    places.insert(pointer.as_str().to_owned(), position(node.span.start));
    match &node.data {
        YamlData::Value(scalar) => scalar_value(scalar, node.span.start),
        YamlData::Sequence(items) => {
            let items = items.iter().enumerate();
            items.map(|(index, item)| convert(item, &pointer.key(index), places)).collect()
        }
        YamlData::Mapping(members) => {
            let mut object = Map::new();
            for (key, value) in members {
                let YamlData::Value(Scalar::String(key)) = &key.data else {
                    return Err(refuse(key.span.start, "a key that is not a string", Some("quote it")));
                };
                let value = convert(value, &pointer.key(key), places)?;
                object.insert(key.clone().into_owned(), value);
            }
            Ok(Value::Object(object))
        }
        _ => Err(refuse(node.span.start, "a value that JSON can't hold", None)),
    }
}

fn scalar_value(scalar: &Scalar<'_>, start: Marker) -> Result<Value, SyntaxError> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => Number::from_f64(value.into_inner())
            .map(Value::Number)
            .ok_or_else(|| refuse(start, "a number that JSON can't hold", None))?,
        Scalar::String(value) => Value::from(value.clone().into_owned()),
    })
}

fn refuse(at: Marker, what: &str, advice: Option<&str>) -> SyntaxError {
    SyntaxError { position: Some(position(at)), message: what.to_owned(), advice: advice.map(str::to_owned) }
}

fn scan_error(error: &ScanError) -> SyntaxError {
    refuse(*error.marker(), error.info(), None)
}

/// The parser counts columns from 0 and lines from 1.
fn position(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {tier: \"1\"}
---
---
kind: Other
items:
  - 5
  - {deep: true}
";

    #[test]
    fn documents_keep_their_places() {
        let documents = parse(POD).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].value["metadata"]["labels"], json!({"tier": "1"}));
        assert_eq!(documents[1].locate("/items/1/deep"), Some(Position { line: 11, column: 12 }));
        assert_eq!(documents[1].locate("/items/1/missing"), Some(Position { line: 11, column: 5 }));
    }

    #[test]
    fn refusals_name_line_and_column() {
        let bomb = "a: &x [1, 2]\nb: [*x, *x]\n";
        assert_eq!(parse(bomb).unwrap_err().position, Some(Position { line: 2, column: 5 }));
        assert!(parse("a: [1").unwrap_err().position.is_some());
        assert!(parse(&"- ".repeat(100_000)).unwrap_err().message.contains("nested"));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in "[-a-z:{}\\[\\]&*!|>'\"#,? \n]{0,120}") {
            let _ = parse(&text);
        }
    }
}
