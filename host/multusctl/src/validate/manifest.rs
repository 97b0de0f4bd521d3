//! Manifests: their own problems, and those of the texts they hold (`spec.config` of a network definition, the
//! networks annotation of a pod), each at its place.

use multus_cluster::{NETWORKS_ANNOTATION, parse_selections};
use multus_cni::conf::NetworkConf;
use multus_document::{Pointer, Position, Problem, SyntaxError, json};
use serde_json::Value;

use super::finding::Finding;
use super::recover;

/// Places in a file.
pub(super) trait Locate {
    /// Where the value at a JSON pointer starts.
    fn value(&self, pointer: &str) -> Option<Position>;

    /// Where `inner`, a place in the text `value` that stands at `pointer`, is in the file; `None` where the
    /// file does not hold the text letter by letter.
    fn inside(&self, pointer: &str, value: &str, inner: Position) -> Option<Position>;
}

/// A text inside a manifest, with what is wrong in it.
struct Embedded<'a> {
    at: Pointer,
    text: &'a str,
    /// Places and pointers inside the text.
    problems: Vec<(Option<Position>, Problem)>,
}

/// Every problem of one document. `outer` are those that were found without looking into its texts; what is said
/// there about such a text as a whole is said again here, at its place.
pub(super) fn findings(
    file: &str,
    document: &Value,
    outer: Vec<Problem>,
    places: &impl Locate,
) -> Vec<Finding> {
    let mut embedded = Vec::new();
    let mut problems = outer;
    gather(document, &Pointer::root(), &mut embedded, &mut problems);
    problems.retain(|problem| embedded.iter().all(|text| text.at.as_str() != problem.pointer));
    let of_document =
        problems.into_iter().map(|problem| Finding::of(file, places.value(&problem.pointer), problem));
    let mut findings: Vec<Finding> = of_document.collect();
    for text in embedded {
        let Embedded { at, text, problems } = text;
        findings.extend(
            problems.into_iter().map(|(inner, problem)| lift(file, &at, text, inner, problem, places)),
        );
    }
    findings
}

/// A problem inside a text at its place in the file, or at the text with its inner place in words.
fn lift(
    file: &str,
    at: &Pointer,
    text: &str,
    inner: Option<Position>,
    mut problem: Problem,
    places: &impl Locate,
) -> Finding {
    let exact = inner.and_then(|inner| places.inside(at.as_str(), text, inner));
    if let (None, Some(inner)) = (exact, inner) {
        problem.message = format!("line {}, column {} in it: {}", inner.line, inner.column, problem.message);
    }
    problem.pointer = at.to_string();
    Finding::of(file, exact.or_else(|| places.value(at.as_str())), problem)
}

fn gather<'a>(value: &'a Value, at: &Pointer, embedded: &mut Vec<Embedded<'a>>, problems: &mut Vec<Problem>) {
    match value.get("kind").and_then(Value::as_str) {
        Some("List") => {
            let items = value.get("items").and_then(Value::as_array);
            for (index, item) in items.into_iter().flatten().enumerate() {
                gather(item, &at.key("items").key(index), embedded, problems);
            }
        }
        Some("NetworkAttachmentDefinition") => {
            let config = value.pointer("/spec/config");
            let at = at.key("spec").key("config");
            match config {
                Some(Value::String(text)) if !text.trim().is_empty() => {
                    let name = value.pointer("/metadata/name").and_then(Value::as_str);
                    embedded.push(Embedded { at, text, problems: config_problems(text, name) });
                }
                None | Some(Value::Null | Value::String(_)) => problems.push(no_config(&at)),
                Some(_) => {}
            }
        }
        Some("Pod") => embedded.extend(selection(value, at)),
        _ => {}
    }
}

/// The node then has to have a file of the definition's name (NP-03).
fn no_config(at: &Pointer) -> Problem {
    Problem::new(
        at.as_str(),
        "the definition has no `spec.config`: each node needs a file for it in `confDir`",
    )
    .advise("the network's CNI configuration in `config: |`, unless the nodes have it")
    .as_warning()
}

fn config_problems(text: &str, name: Option<&str>) -> Vec<(Option<Position>, Problem)> {
    let read = recover::read(text);
    let mut problems: Vec<_> = read.errors.into_iter().map(syntax).collect();
    if let Some(object) = read.object {
        // The name is the manifest's own affair: a bad one is reported there.
        let found = NetworkConf::parse(&object, name.or(Some("name")), None).err().unwrap_or_default();
        problems
            .extend(found.into_iter().map(|problem| (json::locate(&read.text, &problem.pointer), problem)));
    }
    problems
}

fn syntax(error: SyntaxError) -> (Option<Position>, Problem) {
    (error.position, Problem { advice: error.advice, ..Problem::new("", error.message) })
}

fn selection<'a>(pod: &'a Value, at: &Pointer) -> Option<Embedded<'a>> {
    let text = pod.get("metadata")?.get("annotations")?.get(NETWORKS_ANNOTATION)?.as_str()?;
    let namespace = pod.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or("default");
    let problems = parse_selections(text, namespace).err().unwrap_or_default();
    let problems = problems.into_iter().map(|problem| {
        // What is wrong with the annotation as a whole has no place inside.
        let inner = (!problem.pointer.is_empty()).then(|| element_place(text, &problem.pointer)).flatten();
        (inner, problem)
    });
    let at = at.key("metadata").key("annotations").key(NETWORKS_ANNOTATION);
    Some(Embedded { at, text, problems: problems.collect() })
}

/// The place of `/<index>/…` in either form of the annotation.
fn element_place(text: &str, pointer: &str) -> Option<Position> {
    if let Some(position) = json::locate(text, pointer) {
        return Some(position);
    }
    let index: usize = Pointer::tokens(pointer).next()?.parse().ok()?;
    let before: usize = text.split(',').take(index).map(|item| item.len() + 1).sum();
    let item = text.get(before..)?;
    let start = before + (item.len() - item.trim_start().len());
    let lines: Vec<&str> = text.get(..start)?.split('\n').collect();
    Some(Position { line: lines.len(), column: lines.last().map_or(0, |line| line.chars().count()) + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_both_forms_have_a_place() {
        let rows = [
            ("a, b/c@d,\n  e", "/0/name", (1, 1)),
            ("a, b/c@d,\n  e", "/1/interface", (1, 4)),
            ("a, b/c@d,\n  e", "/2", (2, 3)),
            ("[{\"name\": \"a\"},\n {\"name\": 5}]", "/1/name", (2, 11)),
        ];
        for (text, pointer, (line, column)) in rows {
            assert_eq!(element_place(text, pointer), Some(Position { line, column }), "{text} {pointer}");
        }
    }
}
