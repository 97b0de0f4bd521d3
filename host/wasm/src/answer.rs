//! What modules answer, checked like any hostile text.

use multus_document::{Change, Object, Pattern, Pointer, changes, merge};

use crate::bindings::{policy, types};
use crate::error::Fault;
use crate::log;

/// Bytes of a module's own words in an error or a verdict.
pub(crate) const TEXT_BYTES: usize = 4 << 10;

/// Whether an attachment may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allow,
    /// It may; the operator should read this.
    Warn(String),
    /// It may not; for the person whose pod does not start.
    Deny(String),
}

/// Checks a transform's answer like any other hostile text.
pub(crate) fn accept(
    allowed: &[Pattern],
    before: &Object,
    text: &str,
) -> Result<(Object, Vec<Change>), Fault> {
    let answer = Object::parse(text.as_bytes())
        .map_err(|error| Fault::InvalidOutput { why: bounded(&error.to_string()) })?;
    let changed = changes(&before.to_value(), &answer.to_value());
    let is_allowed = |change: &Change| {
        let place: Vec<String> = Pointer::tokens(&change.pointer).collect();
        allowed.iter().any(|pattern| pattern.allows(&place))
    };
    let forbidden: Vec<Change> = changed.iter().filter(|change| !is_allowed(change)).cloned().collect();
    if forbidden.is_empty() {
        return Ok((merge(before, &answer), changed));
    }
    Err(Fault::ForbiddenChange { changes: forbidden, allowed: list(allowed) })
}

/// Checks a delegate's answer: what a result has to be is for those who know CNI.
pub(crate) fn result(text: Option<String>) -> Result<Option<String>, Fault> {
    let Some(text) = text else { return Ok(None) };
    match Object::parse(text.as_bytes()) {
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(Fault::InvalidResult { why: bounded(&error.to_string()) }),
    }
}

fn list(patterns: &[Pattern]) -> String {
    if patterns.is_empty() {
        return "empty".to_owned();
    }
    patterns.iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn failure(failure: &types::Failure) -> Fault {
    let code = match failure.code {
        code @ (4..=7 | 11 | 50 | 51 | 100..) => code,
        _ => 100,
    };
    Fault::Failure { code, message: bounded(&failure.message), details: bounded(&failure.details) }
}

pub(crate) fn verdict(verdict: policy::Verdict) -> Verdict {
    match verdict {
        policy::Verdict::Allow => Verdict::Allow,
        policy::Verdict::Warn(reason) => Verdict::Warn(bounded(&reason)),
        policy::Verdict::Deny(reason) => Verdict::Deny(bounded(&reason)),
    }
}

fn bounded(text: &str) -> String {
    log::one_line(text, TEXT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn any_object() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<i8>().prop_map(Value::from), "[a-c]?".prop_map(Value::from)];
        let inner = leaf.prop_recursive(2, 12, 3, |inner| {
            prop_oneof![proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from), object(inner),]
        });
        object(inner)
    }

    fn object(member: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        proptest::collection::btree_map("mtu|ipam|gw|type|Type|name|x", member, 0..5)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    }

    /// What is left of a configuration without the places that may change.
    fn fixed(object: &Object) -> Value {
        let mut value = object.to_value();
        let members = value.as_object_mut().unwrap();
        members.remove("mtu");
        let only_gw = |ipam: &Value| ipam.as_object().is_some_and(|ipam| ipam.keys().all(|key| key == "gw"));
        match members.get_mut("ipam") {
            Some(ipam) if only_gw(ipam) && ipam != &Value::Object(Default::default()) => {
                members.remove("ipam");
            }
            Some(Value::Object(ipam)) => {
                ipam.remove("gw");
            }
            _ => {}
        }
        value
    }

    proptest! {
        /// A module that changes anything at all: what gets through differs in the allowed places only.
        #[test]
        fn nothing_but_the_allowed_places_ever_changes(
            before in any_object(),
            edits in any_object(),
            places in proptest::sample::subsequence(vec!["mtu", "ipam", "gw", "type", "Type", "name", "x"], 0..3),
        ) {
            let allowed = [Pattern::parse("/mtu").unwrap(), Pattern::parse("/ipam/gw").unwrap()];
            let mut after = before.clone();
            for place in places {
                match edits.get(place) {
                    Some(value) => after[place] = value.clone(),
                    None => drop(after.as_object_mut().unwrap().shift_remove(place)),
                }
            }
            let before = Object::from_value(&before).unwrap();
            match accept(&allowed, &before, &after.to_string()) {
                Ok((accepted, changed)) => {
                    prop_assert_eq!(fixed(&accepted), fixed(&before));
                    prop_assert_eq!(changed.is_empty(), accepted == before);
                    prop_assert_eq!(accepted.to_value(), after);
                }
                Err(_) => prop_assert_ne!(after, before.to_value()),
            }
        }

        #[test]
        fn any_text_is_taken_or_refused(text in ".*") {
            let _ = accept(&[], &Object::default(), &text);
        }
    }
}
