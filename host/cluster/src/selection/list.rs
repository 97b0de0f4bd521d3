//! The JSON form: a list of objects.

use multus_document::{Object, Pointer, Problem, SyntaxError, json};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Selection, element};

/// Reads every element; one with problems keeps its place in the list.
pub(super) fn read(text: &str, pod_namespace: &str, problems: &mut Vec<Problem>) -> Vec<Selection> {
    let elements = match elements(text) {
        Ok(elements) => elements,
        Err(problem) => {
            problems.push(problem);
            return Vec::new();
        }
    };
    let elements = elements.iter().enumerate();
    elements.map(|(index, text)| read_element(text, index, pod_namespace, problems)).collect()
}

/// The elements' exact text: `cni-args` go to the plugin as they were written.
fn elements(text: &str) -> Result<Vec<Box<RawValue>>, Problem> {
    let whole: Value = json::parse(text.as_bytes()).map_err(|error| syntax_problem(&error))?;
    match whole {
        Value::Array(_) => json::parse(text.as_bytes()).map_err(|error| syntax_problem(&error)),
        Value::Object(_) => Err(Problem::new("", "expected a list of networks, found one object")
            .advise("put it in a list: `[{…}]`, even for one network")),
        other => Err(Problem::new("", format!("expected a list of networks, found {}", json::kind(&other)))
            .advise("write names separated by commas without quotes, or a list of objects")),
    }
}

fn read_element(
    text: &RawValue,
    index: usize,
    pod_namespace: &str,
    problems: &mut Vec<Problem>,
) -> Selection {
    let at = Pointer::root().key(index);
    match Object::parse(text.get().as_bytes()) {
        Ok(object) => element::read(&object, at, pod_namespace, problems),
        Err(error) => {
            problems.push(Problem::new(at, error.message).advise("write `{\"name\": \"…\"}`"));
            Selection::default()
        }
    }
}

/// Text inside other text: the place is its own.
pub(crate) fn syntax_problem(error: &SyntaxError) -> Problem {
    let place = error.position.map(|p| format!(" at line {}, column {}", p.line, p.column));
    let message = format!("not valid JSON{}: {}", place.unwrap_or_default(), error.message);
    let problem = Problem::new("", message);
    match &error.advice {
        Some(advice) => problem.advise(advice),
        None => problem,
    }
}
