//! Turns components into artifacts for this node, and installs them as modules. The only room that holds a
//! compiler: nothing here is ever part of the plugin.

mod artifact;
mod error;
mod files;
mod install;
mod registry;
mod role;

pub use artifact::{Artifact, compile_component};
pub use error::{CompileError, InstallError};
pub use install::{Compiled, Installation, NewModule};
pub use role::{Misfits, check_role};
