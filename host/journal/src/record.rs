//! What a record means: its entries put together.

use std::path::PathBuf;

use crate::entry::{AttachmentIntent, Call, CallKey, Effect, Outcome, Part};

/// A record as far as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which call, by the file's place.
    pub key: CallKey,
    /// The file.
    pub path: PathBuf,
    /// The call; `None` if the first line is unreadable, and then every namespace counts as gone.
    pub call: Option<Call>,
    /// The plan's attachments with what became of them, in the plan's order.
    pub attachments: Vec<AttachmentRecord>,
    /// Effects of the call as a whole, such as the pod's network-status.
    pub own: PartRecord,
    /// Effects of parts that no readable plan names, so that even these can be undone by hand or by cache.
    pub strays: Vec<(Part, EffectRecord)>,
    /// When the ADD succeeded as a whole.
    pub committed: Option<u64>,
    /// Attempts to undo it.
    pub undoing: Option<Undoing>,
    /// Set on a record that DEL gave up on.
    pub leftover: Option<Leftover>,
    /// The last line was cut off in the middle, as a crash does. Normal.
    pub torn: bool,
    /// Everything that could not be used.
    pub problems: Vec<RecordProblem>,
    /// Bytes up to the end of the last whole line: a writer goes on from there.
    pub(crate) whole: u64,
    pub(crate) next_sequence: u64,
}

/// One attachment and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentRecord {
    /// As planned.
    pub intent: AttachmentIntent,
    /// One for each of the intent's steps.
    pub steps: Vec<StepRecord>,
    /// Effects of the attachment as a whole, such as its entry in libcni's cache.
    pub own: PartRecord,
    /// The list's final result: `prevResult` of its DEL and CHECK.
    pub result: Option<String>,
    /// When every plugin had succeeded.
    pub attached: Option<u64>,
}

/// One plugin and what became of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepRecord {
    /// Its effects.
    pub own: PartRecord,
    /// Its ADD's result.
    pub result: Option<String>,
}

/// The effects of one part of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartRecord {
    /// In the order of their intents.
    pub effects: Vec<EffectRecord>,
    /// Whether they were undone, all of them.
    pub undone: bool,
    /// The last failure to undo them.
    pub undo_failure: Option<UndoFailure>,
}

/// How far a plugin step got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Nothing was tried: nothing to undo.
    NotStarted,
    /// Tried, not known to have ended well: whatever it left must be undone.
    Started,
    /// Its result is recorded.
    Done,
    /// Nothing of it is left.
    Undone,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectRecord {
    /// Its number.
    pub sequence: u64,
    /// When it was intended.
    pub at: u64,
    /// What was intended.
    pub effect: Effect,
    /// How it ended; `None` if nobody lived to write it down.
    pub outcome: Option<Outcome>,
}

/// Attempts to undo a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoing {
    /// When the first one began.
    pub since: u64,
    /// Why it began.
    pub reason: String,
    /// How many there were.
    pub attempts: u32,
}

/// Why a part could not be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoFailure {
    /// When.
    pub at: u64,
    /// The error.
    pub message: String,
}

/// Why DEL gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// When.
    pub at: u64,
    /// What was left, and why.
    pub why: String,
}

/// Something in a record that can't be used. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordProblem {
    /// The line's checksum is wrong: the file was damaged.
    #[error("line {line} is damaged (its checksum does not match): what it said is lost")]
    Damaged {
        /// Which.
        line: usize,
    },
    /// A line of this or another program, whole, that contradicts the rest.
    #[error("line {line} does not belong here: {why}")]
    Misplaced {
        /// Which.
        line: usize,
        /// What contradicts.
        why: String,
    },
    /// The line is whole, and this version does not understand it.
    #[error(
        "line {line} was written by a newer version ({what}): use that version's multus or multusctl on it"
    )]
    Newer {
        /// Which.
        line: usize,
        /// What is not understood.
        what: String,
    },
}

impl Record {
    /// The number for the next [`Entry::Intent`](crate::Entry::Intent).
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Whether any line of it is whole. Before that nothing is done: there is nothing to undo, and nothing may be
    /// appended, since a record begins with its call.
    pub fn begun(&self) -> bool {
        self.whole > 0
    }

    /// Whether a newer version wrote some of it: what it did must not be undone by guessing.
    pub fn newer(&self) -> bool {
        self.problems.iter().any(|problem| matches!(problem, RecordProblem::Newer { .. }))
    }
}

impl AttachmentRecord {
    /// How far step number `step` got; `NotStarted` for a number that the plan does not have.
    pub fn step_state(&self, step: usize) -> StepState {
        self.steps.get(step).map_or(StepState::NotStarted, StepRecord::state)
    }
}

impl StepRecord {
    /// How far it got.
    pub fn state(&self) -> StepState {
        if self.own.undone {
            StepState::Undone
        } else if self.result.is_some() {
            StepState::Done
        } else if self.own.effects.is_empty() {
            StepState::NotStarted
        } else {
            StepState::Started
        }
    }
}
