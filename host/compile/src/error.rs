//! What can go wrong on the way from a file to an installed module.

use std::path::{Path, PathBuf};
use std::time::Duration;

use multus_document::Problem;
use multus_wasm::{Catalog, Digest, Fault, FileError, ModuleError, Role};

use crate::compiler::COMPONENT_BYTES;
use crate::role::Misfits;

/// A component that cannot become an artifact.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Something else than a component.
    #[error("this is {found}, not a component{advice}")]
    NotAComponent {
        /// What it is.
        found: &'static str,
        /// How to get a component from it, or nothing.
        advice: &'static str,
    },
    /// It says that it is a component, and is none.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The compiler does not take it.
    #[error("cannot compile it: {0}")]
    Refused(String),
    /// More than anybody looks into.
    #[error("it has more than the {} MiB that a component may have: build it without names and data that it doesn't need", COMPONENT_BYTES >> 20)]
    TooLarge,
    /// The compiler itself could not start.
    #[error("cannot start the compiler: {0}")]
    Compiler(String),
    /// Compiling it takes more than it may.
    #[error(
        "compiling it takes more than {0}; that is much: look into what it is, or get a smaller build of it"
    )]
    Limit(CompileLimit),
    /// Somebody ended the compiler, which was within its limits.
    #[error(
        "its compiler was killed from outside: if nobody did, the node is short of memory (`dmesg` says so); try again"
    )]
    Killed,
    /// The compiler ended by itself, without an answer.
    #[error(
        "its compiler came to an end by {how} ({said}): install another build of it, and report this one"
    )]
    Crashed {
        /// Its status.
        how: String,
        /// Its last words.
        said: String,
    },
    /// What came back is not what a compiler says.
    #[error("its compiler's answer is not to be trusted: {0}; nothing was installed, try again")]
    Answer(String),
}

/// A limit of compiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompileLimit {
    /// Bytes of memory.
    #[error("{} MiB of memory: {LOOK}, raise that with --compile-memory", .0 >> 20)]
    Memory(u64),
    /// CPU time.
    #[error("{} s of CPU time: {LOOK}, raise that with --compile-time", .0.as_millis().div_ceil(1000))]
    Time(Duration),
    /// Time on the clock, a multiple of the CPU time.
    #[error("{} s of real time: if the node is overloaded, try again later, or raise that with --compile-time", .0.as_secs())]
    RealTime(Duration),
    /// Bytes of the artifact.
    #[error("the {} MiB that an artifact may have: get a smaller build of it", .0 >> 20)]
    Artifact(u64),
}

/// Most components are compiled in a tenth of a second.
const LOOK: &str = "find out what is in it; if it is meant to be so big";

/// A module that was not installed, or not compiled.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A component that cannot be one.
    #[error("module {name}: {error}")]
    Compile {
        /// The module.
        name: String,
        /// Why.
        error: CompileError,
    },
    /// The component does not fit its role.
    #[error("module {name}: {misfits}")]
    Misfits {
        /// The module.
        name: String,
        /// All of them.
        misfits: Misfits,
    },
    /// The component imports what the catalog does not grant it.
    #[error("module {name}: {fault}")]
    Ungranted {
        /// The module.
        name: String,
        /// Every import that takes a grant.
        fault: Fault,
    },
    /// The artifact that was just written could not be loaded from there.
    #[error("module {name}: {fault}")]
    Artifact {
        /// The module.
        name: String,
        /// What is wrong with the file or its folder.
        fault: Fault,
    },
    /// The module can't use its settings.
    #[error("module {name} can't use its settings: {}", list(problems))]
    Settings {
        /// The module.
        name: String,
        /// Everything that is wrong with them, each with a pointer to the setting.
        problems: Vec<Problem>,
    },
    /// What a component says of itself can't be used.
    #[error("module {name}: its description of itself can't be used: {why}; get another build of it")]
    Description {
        /// The module.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// It was asked about its settings, and did not answer.
    #[error("{error} (it was asked what its settings are)")]
    Unanswered {
        /// What became of it.
        error: Box<ModuleError>,
    },
    /// The name is taken by a module of another role.
    #[error("module {name} is a {found} in the catalog: choose another name, or remove that one first")]
    OtherRole {
        /// The module.
        name: String,
        /// Its role.
        found: Role,
    },
    /// There is no module of that name.
    #[error("no module {name} in the catalog, which has {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that it has.
        known: String,
    },
    /// The component's file holds something else than the catalog names.
    #[error("module {name}: {} holds {found}, the catalog says {wanted}: add the module again", path.display())]
    OtherContent {
        /// The module.
        name: String,
        /// The component's file.
        path: PathBuf,
        /// Its digest.
        found: Digest,
        /// The catalog's digest.
        wanted: Digest,
    },
    /// The catalog with the new entry would not be valid.
    #[error("the catalog would not be valid: {}", list(problems))]
    Invalid {
        /// Every problem.
        problems: Vec<Problem>,
    },
    /// The catalog or the lock that is there can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl InstallError {
    pub(crate) fn unknown(name: &str, catalog: &Catalog) -> Self {
        let names: Vec<&str> = catalog.modules.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Self::Unknown { name: name.to_owned(), known }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
