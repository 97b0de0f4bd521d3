//! Turns components into artifacts for this node, and installs them as modules. The only room that holds a
//! compiler: nothing here is ever part of the plugin.

mod artifact;
mod compiler;
mod description;
mod error;
mod explain;
mod files;
mod install;
mod interfaces;
mod preview;
mod registry;
mod remove;
mod role;
mod schema;
mod settings;
mod take_back;

pub use artifact::{Artifact, compile_component, read_component};
pub use compiler::{COMPONENT_BYTES, CompileLimits, Compiler, Worker, serve};
pub use description::Description;
pub use error::{CompileError, CompileLimit, InstallError};
pub use explain::explaining_sandbox;
pub use install::{Compiled, Installation, NewModule};
pub use interfaces::{Interfaces, interfaces};
pub use preview::Preview;
pub use remove::Removed;
pub use role::{Misfits, check_role, needed_grants};
