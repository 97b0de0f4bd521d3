//! What the catalog says of a module, whole, for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use multus_wasm::{Grants, Input, Limits, Mode, Module, OnFailure, Role};
use serde::Serialize;
use serde_json::Value;

/// An entry as it counts: what was left out stands there with its default, what the role has not is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    role: &'static str,
    /// Transforms: the plugin types that it works on, all without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    /// Transforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_change: Option<Vec<String>>,
    /// Transforms: the files that it gets the text of, by the names that it knows them under.
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<BTreeMap<String, InputView>>,
    /// Transforms and policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// Policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_failure: Option<&'static str>,
    /// Delegates.
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<Grants>,
    limits: LimitsView,
    settings: Value,
}

#[derive(Serialize)]
struct InputView {
    file: Vec<String>,
    /// The place in a configuration that names which of them is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

impl InputView {
    fn of((name, input): (&String, &Input)) -> (String, Self) {
        let file = input.files().iter().map(ToString::to_string).collect();
        (name.clone(), Self { file, from: input.from().map(|from| from.to_string()) })
    }
}

#[derive(Serialize)]
pub(super) struct LimitsView {
    pub(super) memory: u64,
    milliseconds: u64,
    #[serde(skip)]
    pub(super) timeout: Duration,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        let milliseconds = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
        Self { memory: limits.memory, milliseconds, timeout: limits.timeout }
    }
}

impl Entry {
    pub(super) fn of(module: &Module) -> Self {
        let is = |role: Role| module.role == role;
        let transform = is(Role::Transform);
        Self {
            role: module.role.name(),
            types: module.types.clone().filter(|_| transform),
            may_change: transform.then(|| module.may_change.iter().map(ToString::to_string).collect()),
            inputs: transform.then(|| module.inputs.iter().map(InputView::of).collect()),
            mode: (!is(Role::Delegate)).then_some(match module.mode {
                Mode::Enforce => "enforce",
                Mode::Monitor => "monitor",
            }),
            on_failure: is(Role::Policy).then_some(match module.on_failure {
                OnFailure::Deny => "deny",
                OnFailure::Allow => "allow",
            }),
            grants: is(Role::Delegate).then(|| module.grants.clone()),
            limits: module.limits.into(),
            settings: module.settings.clone(),
        }
    }

    /// The role, and what of its answers counts where that is not all of them.
    pub(super) fn role_in_words(&self) -> String {
        let failing = (self.on_failure == Some("allow")).then_some("passed over when it fails");
        let mode = self.mode.filter(|mode| *mode != "enforce" || self.role == Role::Policy.name());
        let words: Vec<&str> = mode.into_iter().chain(failing).collect();
        if words.is_empty() { self.role.to_owned() } else { format!("{} ({})", self.role, words.join(", ")) }
    }
}
