//! How far a call, its attachments and their plugins got.

use multus_journal::{AttachmentRecord, Implementation, Outcome, Record, StepRecord, StepState};

use super::{Attached, AttachmentView, EffectView, StepView};

/// How far the whole call got.
pub(super) fn of_call(record: &Record) -> &'static str {
    match record {
        Record { leftover: Some(_), .. } => "left over, DEL gave up",
        Record { undoing: Some(_), .. } => "being undone",
        Record { committed: Some(_), .. } => "attached",
        Record { call: None, .. } => "unreadable",
        _ => "not finished",
    }
}

/// Every attachment of a record, with the time it took.
pub(super) fn attachments(record: &Record) -> Vec<AttachmentView> {
    record.attachments.iter().map(attachment_view).collect()
}

fn begin(attachment: &AttachmentRecord) -> Option<u64> {
    attachment.steps.iter().flat_map(|step| &step.own.effects).map(|effect| effect.at).min()
}

fn attachment_view(attachment: &AttachmentRecord) -> AttachmentView {
    let intent = &attachment.intent;
    let duration = Option::zip(begin(attachment), attachment.attached);
    AttachmentView {
        index: intent.index,
        interface: intent.interface.clone(),
        network: intent.display.clone(),
        default: intent.default,
        cni_version: intent.cni_version.clone(),
        state: of_attachment(attachment),
        duration_ms: duration.map(|(from, to)| to.saturating_sub(from)),
        attached: Attached::read(attachment.result.as_deref(), &intent.cni_version, &intent.interface),
        args: intent.args.clone(),
        steps: intent
            .steps
            .iter()
            .zip(&attachment.steps)
            .map(|(planned, step)| step_view(&planned.plugin, &planned.conf, &planned.implementation, step))
            .collect(),
        result: attachment.result.as_deref().and_then(|text| serde_json::from_str(text).ok()),
    }
}

fn of_attachment(attachment: &AttachmentRecord) -> &'static str {
    let states: Vec<StepState> = attachment.steps.iter().map(StepRecord::state).collect();
    let all = |wanted: StepState| states.iter().all(|state| *state == wanted);
    if all(StepState::NotStarted) {
        "not begun"
    } else if states.contains(&StepState::Undone) {
        if states.iter().all(|state| matches!(state, StepState::Undone | StepState::NotStarted)) {
            "undone"
        } else {
            "partly undone"
        }
    } else if attachment.result.is_some() {
        "attached"
    } else {
        "not finished"
    }
}

fn step_view(plugin: &str, conf: &str, implementation: &Implementation, step: &StepRecord) -> StepView {
    let failure = step.own.effects.iter().rev().find_map(|effect| match &effect.outcome {
        Some(Outcome::Failed { message }) => Some(message.clone()),
        Some(Outcome::Ok) | None => None,
    });
    StepView {
        plugin: plugin.to_owned(),
        implementation: implementation.clone(),
        state: match step.state() {
            StepState::NotStarted => "not begun",
            StepState::Started => "begun",
            StepState::Done => "done",
            StepState::Undone => "undone",
        },
        conf: conf.to_owned(),
        result: step.result.clone(),
        failure,
        undo_failure: step.own.undo_failure.as_ref().map(|failure| failure.message.clone()),
        effects: step.own.effects.iter().filter_map(EffectView::of).collect(),
    }
}
