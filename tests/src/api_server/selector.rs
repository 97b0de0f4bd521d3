//! Label and field selectors.

use serde_json::Value;

use super::resource::Resource;
use super::status::ApiError;

/// Both selectors of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    wanted: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    There,
    Absent,
    Equal(String),
    Other(String),
}

impl Selector {
    /// Reads both. Set terms (`a in (x, y)`) are not spoken here, and refused.
    pub(super) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Selector, ApiError> {
        let selector = Selector { labels: terms(labels)?, fields: terms(fields)? };
        let strange = selector.fields.iter().find(|term| !is_selectable(resource, &term.key));
        match strange {
            Some(term) => Err(ApiError::bad_request(format!("field label not supported: {}", term.key))),
            None => Ok(selector),
        }
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"][key].as_str();
        let field =
            |key: &str| Some(key.split('.').fold(object, |at, word| &at[word]).as_str().unwrap_or_default());
        self.labels.iter().all(|term| term.holds(label(&term.key)))
            && self.fields.iter().all(|term| term.holds(field(&term.key)))
    }
}

impl Term {
    fn holds(&self, found: Option<&str>) -> bool {
        match &self.wanted {
            Wanted::There => found.is_some(),
            Wanted::Absent => found.is_none(),
            Wanted::Equal(value) => found == Some(value),
            Wanted::Other(value) => found != Some(value),
        }
    }
}

/// Fields that API servers let people select by; others are an error there, too.
fn is_selectable(resource: &Resource, field: &str) -> bool {
    match field {
        "metadata.name" => true,
        "metadata.namespace" => resource.namespaced,
        "spec.nodeName" => matches!(resource.plural.as_str(), "pods" | "resourceslices"),
        "spec.driver" => resource.plural == "resourceslices",
        "status.phase" => matches!(resource.plural.as_str(), "pods" | "namespaces"),
        "spec.serviceAccountName" | "status.podIP" => resource.plural == "pods",
        "reason" | "type" => resource.plural == "events",
        field => resource.plural == "events" && field.starts_with("involvedObject."),
    }
}

fn terms(text: &str) -> Result<Vec<Term>, ApiError> {
    if text.contains(['(', ')']) {
        return Err(ApiError::bad_request(format!("this server does not read sets in selectors: {text}")));
    }
    text.split(',').map(str::trim).filter(|term| !term.is_empty()).map(term).collect()
}

fn term(text: &str) -> Result<Term, ApiError> {
    let (key, wanted) = if let Some((key, value)) = text.split_once("!=") {
        (key, Wanted::Other(value.trim().into()))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Wanted::Equal(value.trim().into()))
    } else if let Some(key) = text.strip_prefix('!') {
        (key, Wanted::Absent)
    } else {
        (text, Wanted::There)
    };
    let key = key.trim();
    let bad = key.is_empty() || key.contains(|letter: char| letter.is_whitespace() || "=!".contains(letter));
    if bad {
        Err(ApiError::bad_request(format!("unable to parse requirement: {text:?}")))
    } else {
        Ok(Term { key: key.into(), wanted })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::resource::Resources;
    use super::*;

    fn select(labels: &str, fields: &str) -> Result<bool, u16> {
        let served = Resources::built_in();
        let pod = json!({ "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web", "tier": "" } },
            "spec": { "nodeName": "n1" } });
        let selector = Selector::parse(served.named("pods").unwrap(), labels, fields);
        selector.map(|selector| selector.matches(&pod)).map_err(|error| error.code)
    }

    #[test]
    fn selectors_choose() {
        let rows = [
            ("", "", Ok(true)),
            ("app=web", "", Ok(true)),
            ("app==web,tier", "", Ok(true)),
            ("app!=web", "", Ok(false)),
            ("zone!=a,!zone", "", Ok(true)),
            ("!app", "", Ok(false)),
            ("app in (web)", "", Err(400)),
            ("a b", "", Err(400)),
            ("", "spec.nodeName=n1,metadata.name=web", Ok(true)),
            ("", "spec.nodeName!=n1", Ok(false)),
            ("", "status.phase=", Ok(true)),
            ("", "spec.hostname=web", Err(400)),
        ];
        for (labels, fields, expected) in rows {
            assert_eq!(select(labels, fields), expected, "labels {labels:?} fields {fields:?}");
        }
    }

    proptest! {
        #[test]
        fn any_selector_is_answered(text in "[a-z=!,. ()]{0,20}") {
            let _ = select(&text, &text);
        }
    }
}
