//! Making one attachment: each plugin of its list in order, every step recorded before it is done.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use multus_cni::env::Command;
use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error};
use multus_document::Object;
use multus_journal::{ContainerLock, Effect, Entry, Implementation, JournalError, Ledger, Part, Writer};

use crate::call::Call;
use crate::component::{self, Hands};
use crate::delegate::{self, Guard, Target};
use crate::devices::info;
use crate::plan::{Attachment, Built, Step};
use crate::upstream;

pub(crate) use multus_journal::now as now_ms;

pub(crate) fn journal_error(error: JournalError) -> Error {
    let code = if matches!(error, JournalError::Exists { .. }) { Code::InvalidEnvironment } else { Code::Io };
    Error::new(code, error.to_string())
}

/// The forward half of an ADD, one attachment after the other (NP-41).
pub(crate) struct Run<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) lock: &'a ContainerLock,
    pub(crate) path: Vec<PathBuf>,
    /// The record, and what components work with.
    pub(crate) hands: Hands,
    pub(crate) built: &'a Built,
    /// Upstream's files are begun.
    announced: Cell<bool>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        call: &'a Call<'a>,
        lock: &'a ContainerLock,
        writer: Writer,
        path: Vec<PathBuf>,
        built: &'a Built,
    ) -> Self {
        Self { call, lock, path, hands: Hands::new(Ledger::new(writer)), built, announced: Cell::new(false) }
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
        let part = Part::Step { attachment: attachment.index, step: index };
        let result = match &step.implementation {
            Implementation::Exec { path } => self.binary(attachment, part, path, &stdin)?,
            Implementation::Component { module, .. } => {
                component::add(self, attachment, part, module, &stdin, previous)?
            }
        };
        let text = result.raw().to_string();
        self.write(&Entry::Result { attachment: attachment.index, step: index, result: text })?;
        Ok(result)
    }

    fn binary(
        &mut self,
        attachment: &Attachment,
        part: Part,
        path: &str,
        stdin: &str,
    ) -> Result<ResultDocument, Error> {
        let sequence = self.intend(part, Effect::Exec { verb: "ADD".to_owned(), stdin: stdin.to_owned() })?;
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
        let announce = || {
            self.hands.take().ledger()?.sync_plan().map_err(journal_error)?;
            self.announce()
        };
        let printed = delegate::run_after(Command::Add, Path::new(path), target, stdin, &guard, announce)
            .and_then(|stdout| ResultDocument::parse(&stdout, attachment.network.cni_version));
        self.done(sequence, printed.as_ref().err())?;
        printed
    }

    /// Begins upstream's files, once: for that there is time while the first binary starts.
    pub(crate) fn announce(&self) -> Result<(), Error> {
        if !self.announced.get() {
            upstream::announce(self.call, &self.built.plan)?;
            self.announced.set(true);
        }
        Ok(())
    }

    /// Writes down what is about to be done.
    pub(crate) fn intend(&mut self, part: Part, effect: Effect) -> Result<u64, Error> {
        self.hands.take().ledger()?.intend(part, effect).map_err(journal_error)
    }

    /// Writes down how it ended.
    pub(crate) fn done(&mut self, sequence: u64, failure: Option<&Error>) -> Result<(), Error> {
        let failure = failure.map(|error| error as &dyn std::fmt::Display);
        self.hands.take().ledger()?.done(sequence, failure).map_err(journal_error)
    }

    pub(crate) fn write(&mut self, entry: &Entry) -> Result<(), Error> {
        self.hands.take().ledger()?.write(entry).map_err(journal_error)
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
