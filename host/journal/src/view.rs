//! Puts a record's entries together.

use std::path::Path;

use crate::entry::{AttachmentIntent, CallKey, Entry, Outcome, Part};
use crate::read::Contents;
use crate::record::{
    AttachmentRecord, EffectRecord, Leftover, PartRecord, Record, RecordProblem, StepRecord, UndoFailure,
    Undoing,
};

type Applied = Result<(), String>;

impl Record {
    /// The meaning of `contents`, found at `path`, which is the place of `key`.
    pub(crate) fn of(key: CallKey, path: &Path, contents: Contents) -> Self {
        let mut record = Self {
            key,
            path: path.to_owned(),
            call: None,
            attachments: Vec::new(),
            own: PartRecord::default(),
            strays: Vec::new(),
            committed: None,
            undoing: None,
            leftover: None,
            torn: contents.torn,
            problems: contents.problems,
            whole: contents.whole as u64,
            next_sequence: 0,
        };
        if let Some(call) = contents.call.as_ref().filter(|call| call.key != record.key) {
            // A copy of another call's record: undone under this key, it would take from the wrong pod.
            record.misplaced(1, format!("the whole record is that of {}", call.key));
            return record;
        }
        record.call = contents.call;
        for (line, entry) in contents.entries {
            if let Err(why) = record.apply(entry) {
                record.misplaced(line, why);
            }
        }
        record
    }

    fn misplaced(&mut self, line: usize, why: String) {
        self.problems.push(RecordProblem::Misplaced { line, why });
    }

    fn apply(&mut self, entry: Entry) -> Applied {
        match entry {
            Entry::Plan { attachments } => return self.plan(attachments),
            Entry::Intent { part, sequence, at, effect } => {
                return self.intent(part, EffectRecord { sequence, at, effect, outcome: None });
            }
            Entry::Done { sequence, at: _, outcome } => return self.done(sequence, outcome),
            Entry::Result { attachment, step, result } => {
                self.step(attachment, step)?.result = Some(result);
            }
            Entry::Attached { attachment, at, result } => {
                let attachment = self.attachment_mut(attachment)?;
                attachment.result = Some(result);
                attachment.attached = Some(at);
            }
            Entry::Committed { at } => self.committed = Some(at),
            Entry::Undoing { at, reason } => self.undoing(at, reason),
            Entry::Undone { part, at: _ } => {
                let part = self.part(part)?;
                part.undone = true;
                part.undo_failure = None;
            }
            Entry::UndoFailed { part, at, message } => {
                self.part(part)?.undo_failure = Some(UndoFailure { at, message });
            }
            Entry::Leftover { at, why } => self.leftover = Some(Leftover { at, why }),
        }
        Ok(())
    }

    fn plan(&mut self, attachments: Vec<AttachmentIntent>) -> Applied {
        if !self.attachments.is_empty() {
            return Err("there is a plan already".to_owned());
        }
        let mut twice = Ok(());
        for intent in attachments {
            if self.attachment_mut(intent.index).is_ok() {
                twice = Err(format!("attachment {} is planned twice", intent.index));
            }
            let steps = vec![StepRecord::default(); intent.steps.len()];
            let own = PartRecord::default();
            self.attachments.push(AttachmentRecord { intent, steps, own, result: None, attached: None });
        }
        twice
    }

    /// An effect counts from its intent on. Even one whose part is unknown, or whose number was used, is kept.
    fn intent(&mut self, part: Part, effect: EffectRecord) -> Applied {
        let used = self.effect(effect.sequence).is_some();
        let sequence = effect.sequence;
        self.next_sequence = self.next_sequence.max(sequence.saturating_add(1));
        match self.part(part) {
            Ok(found) => {
                found.undone = false;
                found.effects.push(effect);
            }
            Err(why) => {
                self.strays.push((part, effect));
                return Err(why);
            }
        }
        if used { Err(format!("number {sequence} was used before")) } else { Ok(()) }
    }

    fn done(&mut self, sequence: u64, outcome: Outcome) -> Applied {
        let effect = self.effect(sequence).ok_or_else(|| format!("no intent has number {sequence}"))?;
        effect.outcome = Some(outcome);
        Ok(())
    }

    fn undoing(&mut self, at: u64, reason: String) {
        let undoing = self.undoing.get_or_insert(Undoing { since: at, reason, attempts: 0 });
        undoing.attempts = undoing.attempts.saturating_add(1);
    }

    /// The effect of that number; the latest, should there be several.
    fn effect(&mut self, sequence: u64) -> Option<&mut EffectRecord> {
        let attachments = self.attachments.iter_mut();
        let attached = attachments.flat_map(|a| a.steps.iter_mut().map(|s| &mut s.own).chain([&mut a.own]));
        let effects = attached.chain([&mut self.own]).flat_map(|part| part.effects.iter_mut());
        effects
            .chain(self.strays.iter_mut().map(|(_, effect)| effect))
            .filter(|effect| effect.sequence == sequence)
            .last()
    }

    fn part(&mut self, part: Part) -> Result<&mut PartRecord, String> {
        match part {
            Part::Call => Ok(&mut self.own),
            Part::Attachment { attachment } => Ok(&mut self.attachment_mut(attachment)?.own),
            Part::Step { attachment, step } => Ok(&mut self.step(attachment, step)?.own),
        }
    }

    fn step(&mut self, attachment: u32, step: u32) -> Result<&mut StepRecord, String> {
        let steps = &mut self.attachment_mut(attachment)?.steps;
        let found = usize::try_from(step).ok().and_then(|at| steps.get_mut(at));
        found.ok_or_else(|| format!("the plan's attachment {attachment} has no step {step}"))
    }

    fn attachment_mut(&mut self, index: u32) -> Result<&mut AttachmentRecord, String> {
        let found = self.attachments.iter_mut().find(|attachment| attachment.intent.index == index);
        found.ok_or_else(|| format!("the plan has no attachment {index}"))
    }
}
