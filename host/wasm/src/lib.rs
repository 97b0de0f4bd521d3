//! The sandbox for WebAssembly components: which modules there are (catalog), which compiled code may be
//! loaded (lock and verified artifacts), what a module can reach (its role's world and nothing else), how
//! much it may use (limits), and what its answers are worth (checked like any hostile input).
//!
//! Knows nothing of CNI beyond its error codes, and holds no compiler: `host/compile` makes the artifacts.

mod answer;
mod artifact;
mod attachment;
mod bindings;
mod call;
mod calls;
mod catalog;
mod clock;
mod context;
mod delegate;
mod described;
mod digest;
mod engine;
mod error;
mod input;
mod interface;
mod limiter;
mod limits;
mod lock;
mod log;
pub mod node;
mod runtime;
mod sandbox;
#[allow(unsafe_code, reason = "loading compiled code is unsafe by nature: the content was verified before")]
mod sys;
mod trace;
mod trusted;
mod wasi;
mod watchdog;

pub use answer::Verdict;
pub use attachment::{Attachment, Pod};
pub use catalog::{Catalog, Grants, Input, Mode, Module, OnFailure, Role};
pub use delegate::{Delegated, Ready};
pub use described::Complaint;
pub use digest::{Digest, InvalidDigest};
pub use engine::{ENGINE_ID, STACK_BYTES, engine_config, explaining_config};
pub use error::{Fault, FileError, ModuleError};
pub use interface::grant_of;
pub use limits::{InvalidLimit, Limits, parse_duration, parse_size};
pub use lock::{Lock, LockEntry, lock_path};
pub use log::{Level, LogLine};
pub use multus_document::{Change, InvalidPattern, Pattern, changes};
pub use sandbox::{Review, Sandbox, Transformed};
pub use trace::{Frame, Used};
pub use wasi::{is_wasi, wasi_interfaces};
