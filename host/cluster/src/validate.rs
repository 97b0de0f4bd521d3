//! Everything that is wrong with a manifest, for the person who wrote it.

use multus_document::yaml::Document;
use multus_document::{Object, Pointer, Problem, json};
use serde_json::Value;

use crate::manifest::{self, Found, Manifest};
use crate::network_2018::parse_annotation_2018;
use crate::object::{Network2018, NetworkDefinition, Pod};
use crate::{
    DEFAULT_NETWORK_ANNOTATION, NETWORK_STATUS_ANNOTATION, NETWORKS_2018_ANNOTATION, NETWORKS_ANNOTATION,
    selection,
};

/// Checks every pod, network definition and namespace in a document, selections and configurations
/// included. Pointers lead into the YAML; what is wrong inside text (JSON in `spec.config` or in
/// an annotation) is reported at that text, its own line and column in the message.
pub fn manifest(document: &Document) -> Vec<Problem> {
    value(&document.value)
}

/// The same for a manifest that was read from JSON.
pub fn value(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for found in manifest::objects(document, &mut problems) {
        match manifest::read(&found, &mut problems) {
            Some(Manifest::Pod(pod)) => check_pod(&pod, &found.at, &mut problems),
            Some(Manifest::Network(network)) => check_network(&network, &found, &mut problems),
            Some(Manifest::Network2018(network)) => check_network_2018(&network, &found, &mut problems),
            Some(Manifest::Namespace { .. }) | None => {}
        }
    }
    problems
}

fn check_pod(pod: &Pod, at: &Pointer, problems: &mut Vec<Problem>) {
    let annotations = at.key("metadata").key("annotations");
    for (key, text) in &pod.annotations {
        let place = annotations.key(key);
        match key.as_str() {
            NETWORKS_ANNOTATION => drop(check_selections(text, pod, &place, problems)),
            DEFAULT_NETWORK_ANNOTATION => {
                if check_selections(text, pod, &place, problems).is_some_and(|count| count != 1) {
                    let problem = Problem::new(place, "the default network is not exactly one network");
                    problems.push(problem.advise("name one, or remove the annotation"));
                }
            }
            NETWORKS_2018_ANNOTATION => problems.extend(check_selections_2018(text, &place)),
            _ => problems.extend(misspelt(key, &place)),
        }
    }
}

/// How many networks are selected, if the annotation is well.
fn check_selections(text: &str, pod: &Pod, at: &Pointer, problems: &mut Vec<Problem>) -> Option<usize> {
    match selection::parse_selections(text, &pod.namespace) {
        Ok(selections) => Some(selections.len()),
        Err(inner) => {
            problems.extend(inner.into_iter().map(|problem| lift(problem, text, at)));
            None
        }
    }
}

/// Without a domain in front, the annotation may be somebody else's: warnings.
fn check_selections_2018(text: &str, at: &Pointer) -> Vec<Problem> {
    let problems = parse_annotation_2018(text).err().unwrap_or_default();
    problems.into_iter().map(|problem| lift(problem, text, at).as_warning()).collect()
}

fn check_network_2018(network: &Network2018, found: &Found<'_>, problems: &mut Vec<Problem>) {
    // A missing one is reported as missing.
    if !network.plugin.is_empty() && !network.args.is_empty() {
        problems.extend(network.config().err().map(|problem| problem.below(found.at.as_str())));
    }
}

/// An annotation in our domain that nobody reads is most likely a misspelt selection.
fn misspelt(key: &str, at: &Pointer) -> Option<Problem> {
    let known = [NETWORKS_ANNOTATION, NETWORK_STATUS_ANNOTATION, "k8s.v1.cni.cncf.io/networks-status"];
    let ours = key.starts_with("k8s.v1.cni.cncf.io/") || key.starts_with("v1.multus-cni.io/");
    (ours && !known.contains(&key)).then(|| {
        let problem = Problem::new(at.as_str(), format!("nothing reads the annotation `{key}` of a pod"));
        problem.advise(format!("networks are selected with `{NETWORKS_ANNOTATION}`")).as_warning()
    })
}

fn check_network(network: &NetworkDefinition, found: &Found<'_>, problems: &mut Vec<Problem>) {
    let name = &network.reference.name;
    if name.contains('.') || name.len() > 63 {
        let problem =
            Problem::new(found.at.key("metadata").key("name"), format!("`{name}` is not a DNS label"));
        problems.push(problem.advise("other implementations need up to 63 characters, no dot").as_warning());
    }
    let spec = found.at.key("spec");
    let members = found.value.get("spec").and_then(Value::as_object);
    for key in members.into_iter().flat_map(|spec| spec.keys()).filter(|key| *key != "config") {
        let problem = Problem::new(spec.key(key), format!("nothing reads `{key}` here"));
        problems.push(problem.advise("the configuration goes into `config`").as_warning());
    }
    if !network.config.trim().is_empty() {
        check_config(&network.config, &spec.key("config"), problems);
    }
}

fn check_config(text: &str, at: &Pointer, problems: &mut Vec<Problem>) {
    if let Err(error) = Object::parse(text.as_bytes()) {
        let place = error.position.map(|p| format!(" (line {}, column {} in it)", p.line, p.column));
        let message = format!("not a CNI configuration{}: {}", place.unwrap_or_default(), error.message);
        let problem = Problem::new(at.as_str(), message);
        problems.push(match error.advice {
            Some(advice) => problem.advise(advice),
            None => problem,
        });
    }
}

/// A problem inside a text, reported at the text.
fn lift(problem: Problem, text: &str, at: &Pointer) -> Problem {
    let place = match json::locate(text, &problem.pointer) {
        _ if problem.pointer.is_empty() => String::new(),
        Some(p) => format!("{} (line {}, column {} in it): ", problem.pointer, p.line, p.column),
        None => format!("{}: ", problem.pointer),
    };
    Problem { pointer: at.as_str().to_owned(), message: format!("{place}{}", problem.message), ..problem }
}

#[cfg(test)]
mod tests;
