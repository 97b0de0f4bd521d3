//! What a record says, in words and as data.

mod attached;
mod effect;
mod state;

use std::path::PathBuf;

use multus_journal::{Implementation, Record, RecordProblem};
use serde::Serialize;
use serde_json::Value;

use crate::clock::{span, utc};
use crate::table::{indent, render};
pub(crate) use attached::Attached;
pub(crate) use effect::EffectView;

/// One call's record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallView {
    pub(crate) container_id: String,
    pub(crate) interface: String,
    pub(crate) state: &'static str,
    pub(crate) pod: Option<PodView>,
    pub(crate) network: Option<String>,
    pub(crate) netns: Option<String>,
    pub(crate) netns_identity: Option<multus_net::NetnsId>,
    pub(crate) args: Option<String>,
    pub(crate) cni_path: Option<String>,
    pub(crate) started_ms: Option<u64>,
    pub(crate) committed_ms: Option<u64>,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) attachments: Vec<AttachmentView>,
    pub(crate) undoing: Option<UndoingView>,
    pub(crate) leftover: Option<LeftoverView>,
    pub(crate) torn: bool,
    pub(crate) problems: Vec<String>,
    pub(crate) path: PathBuf,
}

/// The pod of a call.
#[derive(Debug, Serialize)]
pub(crate) struct PodView {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: Option<String>,
}

/// Attempts to undo a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UndoingView {
    pub(crate) since_ms: u64,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
}

/// Why DEL gave up.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeftoverView {
    pub(crate) at_ms: u64,
    pub(crate) why: String,
}

/// One attachment of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttachmentView {
    pub(crate) index: u32,
    pub(crate) interface: String,
    pub(crate) network: String,
    pub(crate) default: bool,
    pub(crate) cni_version: String,
    pub(crate) state: &'static str,
    pub(crate) duration_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) attached: Attached,
    pub(crate) args: String,
    pub(crate) steps: Vec<StepView>,
    pub(crate) result: Option<Value>,
}

/// One plugin of an attachment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StepView {
    pub(crate) plugin: String,
    pub(crate) implementation: Implementation,
    pub(crate) state: &'static str,
    pub(crate) conf: String,
    pub(crate) result: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) undo_failure: Option<String>,
    pub(crate) effects: Vec<EffectView>,
}

impl CallView {
    /// The view of a record.
    pub(crate) fn of(record: &Record) -> Self {
        let call = record.call.as_ref();
        let started = call.map(|call| call.started);
        Self {
            container_id: record.key.container_id.clone(),
            interface: record.key.interface.clone(),
            state: state::of_call(record),
            pod: call.and_then(|call| call.pod.clone()).map(|pod| PodView {
                namespace: pod.namespace,
                name: pod.name,
                uid: pod.uid,
            }),
            network: call.map(|call| call.network.clone()),
            netns: call.map(|call| call.netns_path.clone()),
            netns_identity: call.and_then(|call| call.netns.clone()),
            args: call.map(|call| call.args.clone()),
            cni_path: call.map(|call| call.path.clone()),
            started_ms: started,
            committed_ms: record.committed,
            duration_ms: Option::zip(started, record.committed).map(|(from, to)| to.saturating_sub(from)),
            attachments: state::attachments(record),
            undoing: record.undoing.as_ref().map(|undoing| UndoingView {
                since_ms: undoing.since,
                reason: undoing.reason.clone(),
                attempts: undoing.attempts,
            }),
            leftover: record
                .leftover
                .as_ref()
                .map(|left| LeftoverView { at_ms: left.at, why: left.why.clone() }),
            torn: record.torn,
            problems: record.problems.iter().map(RecordProblem::to_string).collect(),
            path: record.path.clone(),
        }
    }

    /// The record in words, with a table of its attachments.
    pub(crate) fn text(&self) -> String {
        let facts: String =
            self.facts().into_iter().map(|(name, value)| format!("{name:<10} {value}\n")).collect();
        let title =
            format!("container {}, interface {}: {}\n", self.container_id, self.interface, self.state);
        let table = match self.attachments.as_slice() {
            [] => String::new(),
            attachments => "\n".to_owned() + &attachments_table(attachments),
        };
        title + &indent(&(facts + &table + &self.effects_text()))
    }

    /// What components did to the node, in the order in which they did it; nothing of what binaries did is known.
    pub(crate) fn effects_text(&self) -> String {
        let mut rows = Vec::new();
        for attachment in &self.attachments {
            let effects = attachment.steps.iter().flat_map(|step| &step.effects);
            rows.extend(effects.map(|effect| {
                vec![
                    attachment.interface.clone(),
                    effect.what.clone(),
                    effect.state(),
                    effect.at_del.to_owned(),
                ]
            }));
        }
        match rows.as_slice() {
            [] => String::new(),
            _ => "\n".to_owned() + &render(&["INTERFACE", "DID", "STATE", "AT DEL"], rows),
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        if let Some(pod) = &self.pod {
            let uid = pod.uid.as_ref().map(|uid| format!(" (UID {uid})")).unwrap_or_default();
            facts.push(("pod", format!("{}/{}{uid}", pod.namespace, pod.name)));
        }
        facts.extend(self.network.clone().map(|network| ("network", network)));
        facts.extend(self.netns.clone().map(|netns| ("namespace", netns)));
        facts.extend(self.started_ms.map(|started| {
            let took = self.duration_ms.map(|ms| format!(", took {}", span(ms))).unwrap_or_default();
            ("started", utc(started) + &took)
        }));
        facts.extend(self.undoing.as_ref().map(|undoing| {
            let times = format!("{} attempts since {}", undoing.attempts, utc(undoing.since_ms));
            ("undoing", format!("{times}: {}", undoing.reason))
        }));
        facts.extend(
            self.leftover
                .as_ref()
                .map(|left| ("leftover", format!("since {}: {}", utc(left.at_ms), left.why))),
        );
        if self.torn {
            facts.push(("note", "the last line was cut off, as a crash does".to_owned()));
        }
        facts.extend(self.problems.iter().map(|problem| ("problem", problem.clone())));
        facts.push(("record", self.path.display().to_string()));
        facts
    }
}

/// What each attachment did.
pub(crate) fn attachments_table(attachments: &[AttachmentView]) -> String {
    let header = ["#", "INTERFACE", "NETWORK", "STATE", "ADDRESSES", "MAC", "MTU", "TIME", "PLUGINS"];
    render(&header, attachments.iter().map(row))
}

fn row(attachment: &AttachmentView) -> Vec<String> {
    let default = if attachment.default { " (default)" } else { "" };
    let steps: Vec<String> = attachment.steps.iter().map(step_words).collect();
    vec![
        attachment.index.to_string(),
        attachment.interface.clone(),
        attachment.network.clone() + default,
        attachment.state.to_owned(),
        attachment.attached.addresses.join("\n"),
        attachment.attached.mac.clone().unwrap_or_default(),
        attachment.attached.mtu.map(|mtu| mtu.to_string()).unwrap_or_default(),
        attachment.duration_ms.map(span).unwrap_or_default(),
        steps.join("\n"),
    ]
}

fn step_words(step: &StepView) -> String {
    let failure = step.undo_failure.as_ref().or(step.failure.as_ref());
    let failure = failure.map(|failure| format!(": {failure}")).unwrap_or_default();
    format!("{} {}{failure}", step.plugin, step.state)
}
