//! The forward half of a call's record: an effect's intent is on record before the effect is tried, how it ended
//! after it.

use std::fmt::Display;

use crate::entry::{Effect, Entry, Outcome, Part};
use crate::error::JournalError;
use crate::store::now;
use crate::writer::Writer;

/// A record that is being written by the ADD it is about. Numbers the effects.
#[derive(Debug)]
pub struct Ledger {
    writer: Writer,
    sequence: u64,
    /// What was appended so far would survive a power cut.
    synced: bool,
    /// The call and its plan would.
    plan_synced: bool,
}

/// Why an effect is not there.
#[derive(Debug)]
pub enum NotDone<E> {
    /// The effect itself failed; that is on record.
    Effect(E),
    /// It could not be written down. If that was its intent, nothing was tried.
    Record(JournalError),
}

impl<E> From<JournalError> for NotDone<E> {
    fn from(error: JournalError) -> Self {
        Self::Record(error)
    }
}

impl Ledger {
    /// Goes on with a record in which nothing is intended yet.
    pub fn new(writer: Writer) -> Self {
        Self { writer, sequence: 0, synced: false, plan_synced: false }
    }

    /// Appends an entry, without sync.
    ///
    /// # Errors
    /// See [`Writer::append`].
    pub fn write(&mut self, entry: &Entry) -> Result<(), JournalError> {
        self.synced = false;
        self.writer.append(entry)
    }

    /// Writes down what is about to be done; its number.
    ///
    /// # Errors
    /// See [`Writer::append`]; then nothing may be done.
    pub fn intend(&mut self, part: Part, effect: Effect) -> Result<u64, JournalError> {
        let sequence = self.sequence;
        self.sequence += 1;
        self.write(&Entry::Intent { part, sequence, at: now(), effect })?;
        Ok(sequence)
    }

    /// Writes down how it ended.
    ///
    /// # Errors
    /// See [`Writer::append`].
    pub fn done(&mut self, sequence: u64, failure: Option<&dyn Display>) -> Result<(), JournalError> {
        let outcome = match failure {
            None => Outcome::Ok,
            Some(failure) => Outcome::Failed { message: failure.to_string() },
        };
        self.write(&Entry::Done { sequence, at: now(), outcome })
    }

    /// Does something that a power cut takes along with the kernel's state: its intent is written without sync.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn perform<T, E: Display>(
        &mut self,
        part: Part,
        effect: Effect,
        action: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, NotDone<E>> {
        let sequence = self.intend(part, effect)?;
        self.finish(sequence, action())
    }

    /// Does something that outlives a power cut: its intent is on disk before.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn perform_lasting<T, E: Display>(
        &mut self,
        part: Part,
        effect: Effect,
        action: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, NotDone<E>> {
        let sequence = self.intend(part, effect)?;
        self.sync()?;
        self.finish(sequence, action())
    }

    fn finish<T, E: Display>(&mut self, sequence: u64, ended: Result<T, E>) -> Result<T, NotDone<E>> {
        let failure = ended.as_ref().err().map(|error| error as &dyn Display);
        self.done(sequence, failure)?;
        ended.map_err(NotDone::Effect)
    }

    /// Makes what was appended so far survive a power cut; nothing to do if it would already.
    ///
    /// # Errors
    /// See [`Writer::sync`].
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if !self.synced {
            self.writer.sync()?;
            self.synced = true;
            self.plan_synced = true;
        }
        Ok(())
    }

    /// The same, but only until the call and its plan survive a power cut: they are all that is needed to take back
    /// what binaries did (decision 3).
    ///
    /// # Errors
    /// See [`Writer::sync`].
    pub fn sync_plan(&mut self) -> Result<(), JournalError> {
        if self.plan_synced { Ok(()) } else { self.sync() }
    }

    /// How many fsyncs there were.
    pub fn fsyncs(&self) -> u32 {
        self.writer.fsyncs()
    }
}
