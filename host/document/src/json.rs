//! JSON within limits, with errors that help.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::pointer::Pointer;
use crate::problem::{Position, SyntaxError};

/// More than etcd stores in one object; a larger text is refused before it is read further.
pub const MAX_BYTES: usize = 4 << 20;

/// Reads JSON text. Nesting deeper than 128 is refused (serde_json's limit).
///
/// # Errors
/// Where the text stops being JSON or does not fit `T`, and what to write instead.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, SyntaxError> {
    if text.len() > MAX_BYTES {
        return Err(plain(format!("{} bytes of JSON, the limit is {MAX_BYTES}", text.len())));
    }
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(plain("the text is not UTF-8".to_owned()));
    };
    if text.trim().is_empty() {
        return Err(plain("the text is empty, expected JSON".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| describe(text, &error))
}

/// What kind of value this is, as people call it.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Where the value at a JSON pointer starts; where a member is missing, its object's place.
pub fn locate(text: &str, pointer: &str) -> Option<Position> {
    let parsed = jsonc_parser::parse_to_ast(text, &Default::default(), &Default::default()).ok()?;
    let mut node = parsed.value?;
    for token in Pointer::tokens(pointer) {
        match child(node.clone(), &token) {
            Some(next) => node = next,
            None => break,
        }
    }
    Some(position_at(text, node.start()))
}

fn child<'a>(node: ast::Value<'a>, token: &str) -> Option<ast::Value<'a>> {
    match node {
        ast::Value::Object(object) => {
            object.properties.into_iter().rev().find(|p| p.name.as_str() == token).map(|p| p.value)
        }
        ast::Value::Array(list) => list.elements.into_iter().nth(token.parse().ok()?),
        _ => None,
    }
}

/// The place of a byte offset.
pub(crate) fn position_at(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
    }
}

fn plain(message: String) -> SyntaxError {
    SyntaxError { position: None, message, advice: None }
}

fn describe(text: &str, error: &serde_json::Error) -> SyntaxError {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    let Some(line) = error.line().checked_sub(1).and_then(|index| text.lines().nth(index)) else {
        return plain(message);
    };
    // The reader counts bytes; people count characters.
    let byte = error.column().saturating_sub(1).min(line.len());
    let before = line.char_indices().filter(|(at, _)| *at < byte).count();
    let position = Position { line: error.line(), column: before + 1 };
    SyntaxError { position: Some(position), message, advice: advice(line, byte) }
}

/// People paste comments, single quotes and trailing commas into JSON: say so instead of
/// "expected value".
fn advice(line: &str, byte: usize) -> Option<String> {
    let rest = line.as_bytes().get(byte..)?;
    let advice = match rest {
        [b'#', ..] => "JSON has no comments: remove the text from `#` to the end of the line",
        [b'/', b'/' | b'*', ..] => "JSON has no comments: remove it",
        [b'\'', ..] => "JSON strings are written in double quotes",
        [b'}' | b']', ..] => "remove the comma before this bracket, or add what should follow it",
        _ => return None,
    };
    Some(advice.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_errors_help() {
        let rows = [
            ("{\n  \"a\": 1,\n  #part of sriov\n  \"b\": 2}", 3, "no comments"),
            ("{\"a\": 1, // note\n\"b\": 2}", 1, "no comments"),
            ("{'a': 1}", 1, "double quotes"),
            ("{\"a\": 1,}", 1, "comma"),
            ("[1, 2,]", 1, "comma"),
        ];
        for (text, line, advice) in rows {
            let error = parse::<Value>(text.as_bytes()).unwrap_err();
            assert_eq!(error.position.unwrap().line, line, "{text}: {error}");
            assert!(error.advice.clone().unwrap_or_default().contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn columns_count_characters() {
        let error = parse::<Value>("{\"é\": \"üü\", #}".as_bytes()).unwrap_err();
        assert_eq!(error.position, Some(Position { line: 1, column: 13 }));
    }

    #[test]
    fn limits_are_errors() {
        let deep = "[".repeat(1_000_000);
        assert!(parse::<Value>(deep.as_bytes()).unwrap_err().message.contains("recursion limit"));
        let huge = format!("\"{}\"", "x".repeat(MAX_BYTES));
        assert!(parse::<Value>(huge.as_bytes()).unwrap_err().message.contains("limit"));
        assert!(parse::<Value>(b" \n").unwrap_err().message.contains("empty"));
        assert!(parse::<Value>(b"\"\xff\"").unwrap_err().message.contains("UTF-8"));
    }

    #[test]
    fn pointers_are_located() {
        let text = "{\n\t\"delegates\": [\n\t\t{\"type\": \"a\"},\n\t\t{\"type\": 5}\n\t]\n}";
        assert_eq!(locate(text, "/delegates/1/type"), Some(Position { line: 4, column: 12 }));
        assert_eq!(locate(text, "/delegates/1/name"), Some(Position { line: 4, column: 3 }));
        assert_eq!(locate(text, ""), Some(Position { line: 1, column: 1 }));
    }
}
