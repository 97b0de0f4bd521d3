//! What a component did to the node, in words.

use multus_journal::{Effect, EffectRecord, Outcome};
use multus_net::Class;
use serde::Serialize;

/// One effect of a component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EffectView {
    /// In words.
    pub(crate) what: String,
    /// `None` if nobody lived to write down how it ended.
    done: Option<bool>,
    failure: Option<String>,
    /// What becomes of it when the attachment ends.
    pub(crate) at_del: &'static str,
}

impl EffectView {
    /// Nothing for what a binary did: only that it ran is known.
    pub(super) fn of(recorded: &EffectRecord) -> Option<Self> {
        let (what, at_del) = words(&recorded.effect)?;
        let (done, failure) = match &recorded.outcome {
            None => (None, None),
            Some(Outcome::Ok) => (Some(true), None),
            Some(Outcome::Failed { message }) => (Some(false), Some(message.clone())),
        };
        Some(Self { what, done, failure, at_del })
    }

    /// How it ended.
    pub(super) fn state(&self) -> String {
        match (self.done, &self.failure) {
            (Some(true), _) => "done".to_owned(),
            (_, Some(failure)) => format!("failed: {failure}"),
            _ => "tried".to_owned(),
        }
    }
}

fn words(effect: &Effect) -> Option<(String, &'static str)> {
    Some(match effect {
        Effect::Net { effect } => (effect.to_string(), of_class(effect.class())),
        Effect::Claim { directory, network, key } => {
            (format!("{key} claimed in {directory}/{network}"), "given back")
        }
        Effect::Note { directory, network, name, value } => {
            (format!("{name} = {value} noted in {directory}/{network}"), "stays")
        }
        Effect::Device { address, directory, .. } => {
            (format!("virtual function {address} claimed in {directory}"), "given back")
        }
        Effect::Delegate { plugin, path, .. } => (format!("{plugin} run ({path})"), "its DEL is run"),
        Effect::Exec { .. }
        | Effect::Status { .. }
        | Effect::DefaultRoutes { .. }
        | Effect::DeviceInfo { .. } => {
            return None;
        }
    })
}

fn of_class(class: Class) -> &'static str {
    match class {
        Class::Owned => "deleted",
        Class::Modified => "restored",
        Class::Ensured => "stays, others may use it",
        Class::Passing => "goes with its link",
    }
}
