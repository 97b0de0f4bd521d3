//! Making one attachment: each plugin of its list in order, every step recorded before it is done.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use multus_cni::env::Command;
use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error};
use multus_document::Object;
use multus_journal::{ContainerLock, Effect, Entry, Implementation, JournalError, Outcome, Part, Writer};

use crate::call::Call;
use crate::delegate::{self, Guard, Target};
use crate::devices::info;
use crate::plan::{Attachment, Step};

/// Milliseconds since 1970, for people who read records.
pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn journal_error(error: JournalError) -> Error {
    let code = if matches!(error, JournalError::Exists { .. }) { Code::InvalidEnvironment } else { Code::Io };
    Error::new(code, error.to_string())
}

/// The forward half of an ADD, one attachment after the other (NP-41).
pub(crate) struct Run<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) lock: &'a ContainerLock,
    pub(crate) writer: Writer,
    pub(crate) path: Vec<PathBuf>,
    sequence: u64,
    /// The plan would survive a power cut.
    synced: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        call: &'a Call<'a>,
        lock: &'a ContainerLock,
        writer: Writer,
        path: Vec<PathBuf>,
    ) -> Self {
        Self { call, lock, writer, path, sequence: 0, synced: false }
    }

    /// Runs every plugin of one attachment and returns the list's final result. `before` is the result that
    /// its first plugin goes on from, if there is one.
    ///
    /// # Errors
    /// The first plugin's that fails, code kept; what was done so far is in the record.
    pub(crate) fn attach(
        &mut self,
        attachment: &Attachment,
        before: Option<&ResultDocument>,
    ) -> Result<ResultDocument, Error> {
        info::hand_over(self, attachment)?;
        let mut last = before.cloned();
        for (index, step) in (0_u32..).zip(&attachment.steps) {
            let done = self.step(attachment, index, step, last.as_ref());
            last = Some(done.map_err(|error| error.context(&format!("plugin {}", step.plugin)))?);
        }
        let result = last.ok_or_else(|| Error::new(Code::InvalidConfig, "the network has no plugin"))?;
        let entry =
            Entry::Attached { attachment: attachment.index, at: now_ms(), result: result.raw().to_string() };
        self.write(&entry)?;
        Ok(result)
    }

    fn step(
        &mut self,
        attachment: &Attachment,
        index: u32,
        step: &Step,
        previous: Option<&ResultDocument>,
    ) -> Result<ResultDocument, Error> {
        if self.lock.del_waiting() {
            return Err(Error::new(Code::TryAgainLater, "stopped: a DEL of this container is waiting"));
        }
        let stdin = with_previous(&step.stdin, previous.map(ResultDocument::raw)).to_string();
        let Implementation::Exec { path } = &step.implementation else {
            return Err(Error::new(Code::Internal, "components can't be delegates in this version"));
        };
        let effect = Effect::Exec { verb: "ADD".to_owned(), stdin: stdin.clone() };
        let part = Part::Step { attachment: attachment.index, step: index };
        let sequence = self.intend(part, effect)?;
        let target = Target {
            container_id: &self.call.request.container_id,
            netns: self.call.netns_path(),
            interface: &attachment.interface,
            args: &attachment.args,
            path: &self.path,
        };
        let guard = Guard {
            deadline: self.call.deadlines.forward,
            timeout: self.call.conf.exec.timeout,
            locks: self.lock.descriptors().to_vec(),
        };
        let (writer, synced) = (&mut self.writer, &mut self.synced);
        let sync = || {
            if !*synced {
                writer.sync().map_err(journal_error)?;
                *synced = true;
            }
            Ok(())
        };
        let printed = delegate::run_after(Command::Add, Path::new(path), target, &stdin, &guard, sync)
            .and_then(|stdout| ResultDocument::parse(&stdout, attachment.network.cni_version));
        self.done(sequence, printed.as_ref().err())?;
        let result = printed?;
        let text = result.raw().to_string();
        self.write(&Entry::Result { attachment: attachment.index, step: index, result: text })?;
        Ok(result)
    }

    /// Writes down what is about to be done.
    pub(crate) fn intend(&mut self, part: Part, effect: Effect) -> Result<u64, Error> {
        let sequence = self.sequence;
        self.sequence += 1;
        self.write(&Entry::Intent { part, sequence, at: now_ms(), effect })?;
        Ok(sequence)
    }

    /// Writes down how it ended.
    pub(crate) fn done(&mut self, sequence: u64, failure: Option<&Error>) -> Result<(), Error> {
        let outcome = match failure {
            None => Outcome::Ok,
            Some(error) => Outcome::Failed { message: error.to_string() },
        };
        self.write(&Entry::Done { sequence, at: now_ms(), outcome })
    }

    pub(crate) fn write(&mut self, entry: &Entry) -> Result<(), Error> {
        self.writer.append(entry).map_err(journal_error)
    }
}

/// A plugin's standard input with the result of the one before it.
pub(crate) fn with_previous(stdin: &Object, previous: Option<&serde_json::value::RawValue>) -> Object {
    let mut stdin = stdin.clone();
    match previous {
        Some(result) => stdin.set_text("prevResult", result),
        None => stdin.remove("prevResult"),
    }
    stdin
}
