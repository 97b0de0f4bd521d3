//! What can go wrong with a module, and with the operator's files that describe modules.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use multus_document::{Change, Problem};

use crate::catalog::Role;
use crate::digest::Digest;
use crate::engine::STACK_BYTES;
use crate::limits::{human_duration, human_size};
use crate::log::LogLine;
use crate::trace::{Frame, Used};

/// A module that could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("module {module}: {fault}")]
pub struct ModuleError {
    /// The module's name in the catalog.
    pub module: String,
    /// What went wrong.
    pub fault: Box<Fault>,
    /// What the module had logged by then.
    pub log: Vec<LogLine>,
    /// What it had used by then; nothing if it did not start.
    pub used: Used,
    /// Where it crashed, the innermost function first; empty on the plugin's own engine.
    pub trace: Vec<Frame>,
}

impl ModuleError {
    pub(crate) fn new(module: &str, fault: Fault) -> Self {
        let (log, trace) = (Vec::new(), Vec::new());
        Self { module: module.to_owned(), fault: Box::new(fault), log, used: Used::default(), trace }
    }

    /// The CNI error code: 7 where the catalog or a configuration has to change, 50 where the node is not
    /// ready, the module's own where it refused, 100 where it failed, 999 where the host did.
    pub fn code(&self) -> u32 {
        match &*self.fault {
            Fault::NotInCatalog { .. }
            | Fault::OtherRole { .. }
            | Fault::WrongRole { .. }
            | Fault::UngrantedImport { .. }
            | Fault::MissingGrants { .. }
            | Fault::WrongImports { .. }
            | Fault::WrongTypes { .. }
            | Fault::ForbiddenChange { .. }
            | Fault::UndeclaredInput { .. } => 7,
            Fault::Input { source, .. } => source.code(),
            Fault::NoArtifact { .. } | Fault::Tampered { .. } | Fault::Unusable { .. } => 50,
            Fault::Failure { code, .. } => *code,
            Fault::Host { .. } => 999,
            Fault::Time { .. }
            | Fault::WallTime { .. }
            | Fault::Memory { .. }
            | Fault::Table { .. }
            | Fault::Handles { .. }
            | Fault::Count { .. }
            | Fault::Sleep { .. }
            | Fault::Stack
            | Fault::Exit { .. }
            | Fault::Withheld { .. }
            | Fault::Trap { .. }
            | Fault::InvalidOutput { .. }
            | Fault::InvalidResult { .. } => 100,
        }
    }
}

impl ModuleError {
    /// What to do about a limit that was reached; of others the message says that.
    pub fn advice(&self) -> Option<String> {
        let key = match &*self.fault {
            Fault::Memory { .. } => "memory",
            Fault::Time { .. } | Fault::Sleep { .. } => "timeout",
            Fault::Table { .. } | Fault::Handles { .. } | Fault::Count { .. } | Fault::Stack => {
                return Some(
                    "this limit is the same for all modules: the module has to be built otherwise".to_owned(),
                );
            }
            _ => return None,
        };
        let module = &self.module;
        Some(format!("if it is to have more, raise `limits.{key}` of the module {module} in the catalog"))
    }
}

/// What went wrong with a module.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The name is not in the catalog.
    #[error("not in the catalog, which has {known}")]
    NotInCatalog {
        /// The names it has.
        known: String,
    },
    /// Asked to do another role's work.
    #[error("the catalog has it as a {found}, it was asked to be a {asked}")]
    OtherRole {
        /// Its role in the catalog.
        found: Role,
        /// What was asked.
        asked: Role,
    },
    /// The component does not export what its role needs.
    #[error("it does not export {}, so it cannot be a {role}: correct the catalog's role or digest", role.interface())]
    WrongRole {
        /// Its role in the catalog.
        role: Role,
    },
    /// The component imports what its role is not given.
    #[error("it imports {import}, which a {role} is not given: build it without")]
    UngrantedImport {
        /// The import's name.
        import: String,
        /// Its role in the catalog.
        role: Role,
    },
    /// The component imports what the operator did not grant.
    #[error("{}", missing_grants(imports))]
    MissingGrants {
        /// Each import, and the grant that it takes.
        imports: Vec<(String, &'static str)>,
    },
    /// What it imports has other types than what the host gives under these names.
    #[error("it cannot be linked: {reason}; build it for interfaces that this host has")]
    WrongImports {
        /// Wasmtime's words, which name the import.
        reason: String,
    },
    /// What it exports has other types than its role's functions.
    #[error("its functions are not those of a {role} ({reason}): build it for the interface {}", role.interface())]
    WrongTypes {
        /// Its role in the catalog.
        role: Role,
        /// Wasmtime's words.
        reason: String,
    },
    /// The configuration asks for a file that the operator did not declare as this input, or for none.
    #[error(
        "input `{input}`: the configuration names {found} in {from}; the catalog declares {declared}: name one of these, \
         or have the operator declare it"
    )]
    UndeclaredInput {
        /// The input's name.
        input: String,
        /// Where a configuration names the file.
        from: String,
        /// What it says there.
        found: String,
        /// The files it could be.
        declared: String,
    },
    /// A declared file can't be read, or could have been written by others.
    #[error("input `{input}`: {source}")]
    Input {
        /// The input's name.
        input: String,
        /// Why.
        source: FileError,
    },
    /// Nothing was compiled for this digest and this engine.
    #[error("no compiled artifact of {digest} for this host ({why}): run `multusctl module compile --all`")]
    NoArtifact {
        /// The component's digest in the catalog.
        digest: Digest,
        /// Which of the two files lacks it.
        why: String,
    },
    /// The artifact is not the one that was compiled here, or others can write it.
    #[error("refused to load {}: {why}; find out who changed it, then run `multusctl module compile --all`", path.display())]
    Tampered {
        /// The artifact's path.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The artifact is authentic but this engine can't load it.
    #[error("cannot load {}: {reason}; run `multusctl module compile --all` on this node", path.display())]
    Unusable {
        /// The artifact's path.
        path: PathBuf,
        /// Wasmtime's or the system's reason.
        reason: String,
    },
    /// Past its limit of CPU time.
    #[error("time limit of {} reached", human_duration(*limit))]
    Time {
        /// The limit.
        limit: Duration,
    },
    /// Did not get or not use enough CPU to finish.
    #[error("no answer after {} of real time: the node is overloaded", human_duration(*limit))]
    WallTime {
        /// The bound on real time, a multiple of the limit of CPU time.
        limit: Duration,
    },
    /// Past its limit of memory, all its linear memories together.
    #[error("memory limit of {} reached", human_size(*limit))]
    Memory {
        /// The limit in bytes.
        limit: u64,
    },
    /// Too many table elements.
    #[error("limit of {limit} table elements reached")]
    Table {
        /// The limit in elements, all tables together.
        limit: usize,
    },
    /// Too many links, namespaces and transactions at once.
    #[error(
        "limit of {limit} handles reached: it takes links, streams or timers and does not give them back"
    )]
    Handles {
        /// The limit, all kinds together.
        limit: usize,
    },
    /// It consists of too many parts.
    #[error("limit of {limit} {what} reached: build it of fewer parts")]
    Count {
        /// What there are too many of: instances, tables or memories.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// It wants to sleep longer than it may go on.
    #[error("time limit of {} reached: it would sleep for {} more, and sleeping counts", human_duration(*limit), human_duration(*time))]
    Sleep {
        /// The limit.
        limit: Duration,
        /// What it wants to sleep.
        time: Duration,
    },
    /// Ended itself, as a program does, in place of an answer.
    #[error("it ended itself with status {status} instead of answering{}", said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Exit {
        /// What it ended with.
        status: u8,
        /// Its last words.
        said: Option<String>,
    },
    /// It called something that is there for those who only link it.
    #[error("it asked for {what}, which no module is given")]
    Withheld {
        /// The interface and the function.
        what: String,
    },
    /// Recursion without end.
    #[error("call stack of {} exhausted", human_size(STACK_BYTES as u64))]
    Stack,
    /// Stopped by itself: a panic, an invalid memory access.
    #[error("it crashed: {message}")]
    Trap {
        /// Its own last error line, or the trap's name.
        message: String,
    },
    /// The answer is not what the role asks for.
    #[error("its answer is no usable configuration: {why}")]
    InvalidOutput {
        /// What is wrong with it.
        why: String,
    },
    /// A delegate's answer is not what a delegate answers.
    #[error("its answer is no CNI result: {why}")]
    InvalidResult {
        /// What is wrong with it.
        why: String,
    },
    /// A transform changed what the catalog does not let it change.
    #[error("changed what it may not: {}; mayChange is {allowed}", list_changes(changes))]
    ForbiddenChange {
        /// The forbidden changes only.
        changes: Vec<Change>,
        /// The catalog's patterns, for the message.
        allowed: String,
    },
    /// The module's own, deliberate error.
    #[error("{message}{}{details}", if details.is_empty() { "" } else { "; " })]
    Failure {
        /// CNI error code.
        code: u32,
        /// For people.
        message: String,
        /// More for people, may be empty.
        details: String,
    },
    /// The host could not run it.
    #[error("the host cannot run it: {message}")]
    Host {
        /// What failed.
        message: String,
    },
}

impl Fault {
    /// Whether the module was run, and what went wrong was its own.
    pub(crate) fn is_its_own(&self) -> bool {
        match self {
            Self::NotInCatalog { .. }
            | Self::OtherRole { .. }
            | Self::WrongRole { .. }
            | Self::UngrantedImport { .. }
            | Self::MissingGrants { .. }
            | Self::WrongImports { .. }
            | Self::WrongTypes { .. }
            | Self::NoArtifact { .. }
            | Self::Tampered { .. }
            | Self::Unusable { .. }
            | Self::Host { .. } => false,
            Self::UndeclaredInput { .. }
            | Self::Input { .. }
            | Self::Time { .. }
            | Self::WallTime { .. }
            | Self::Memory { .. }
            | Self::Table { .. }
            | Self::Handles { .. }
            | Self::Count { .. }
            | Self::Sleep { .. }
            | Self::Exit { .. }
            | Self::Withheld { .. }
            | Self::Stack
            | Self::Trap { .. }
            | Self::InvalidOutput { .. }
            | Self::InvalidResult { .. }
            | Self::ForbiddenChange { .. }
            | Self::Failure { .. } => true,
        }
    }
}

fn missing_grants(imports: &[(String, &'static str)]) -> String {
    let each =
        |(import, grant): &(String, &str)| format!("it imports {import}, which takes the grant `{grant}`");
    let all: Vec<String> = imports.iter().map(each).collect();
    format!("{}: add to `grants` in the catalog what it may have", all.join("; "))
}

fn list_changes(changes: &[Change]) -> String {
    let mut text = String::new();
    for (index, change) in changes.iter().enumerate() {
        if index == 5 {
            let _ = write!(text, " and {} more", changes.len() - index);
            break;
        }
        let _ = write!(text, "{}{change}", if index > 0 { ", " } else { "" });
    }
    text
}

/// A catalog or a lock that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not there or not readable.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no catalog.
    #[error("there is no catalog {}: `multusctl module add` writes it; without modules, leave `wasm` out of the configuration", path.display())]
    NoCatalog {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others could have written it.
    #[error("refused {}: {why}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Owner, mode or kind of file, and what it should be.
        why: String,
    },
    /// Readable, but wrong inside.
    #[error("{}: {}", path.display(), list_problems(problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Every problem at once.
        problems: Vec<Problem>,
    },
    /// It is the lock, which a command writes anew.
    #[error("{source}; find out who changed it, then run `multusctl module compile --all`")]
    Lock {
        /// What is wrong with it.
        source: Box<FileError>,
    },
}

impl FileError {
    /// The CNI error code: 5 for what can't be read, 7 for what has to be changed, 50 where the node is not ready.
    pub fn code(&self) -> u32 {
        match self {
            Self::Lock { .. } => 50,
            Self::Unreadable { .. } | Self::NoCatalog { .. } => 5,
            Self::Untrusted { .. } | Self::Invalid { .. } => 7,
        }
    }
}

fn list_problems(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
