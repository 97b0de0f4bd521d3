//! Network configurations: one plugin or a list of them, and what each plugin gets on standard input.

mod network;
mod plugin;
mod stdin;

pub use network::NetworkConf;
pub use plugin::PluginConf;
pub use stdin::stdin_for;

use multus_document::{Object, Problem, json};
use serde_json::Value;

/// A member that must be a string; absent, `null` and empty are the same to every CNI library.
fn string(object: &Object, key: &str, problems: &mut Vec<Problem>) -> Option<String> {
    match object.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => (!text.is_empty()).then_some(text),
        Some(other) => {
            problems.push(wrong_kind(&format!("/{key}"), &other, "a string"));
            None
        }
    }
}

fn wrong_kind(pointer: &str, found: &Value, expected: &str) -> Problem {
    Problem::new(pointer, format!("expected {expected}, found {}", json::kind(found)))
        .advise(format!("write {expected}"))
}
