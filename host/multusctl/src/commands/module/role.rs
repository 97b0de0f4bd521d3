//! Roles on the command line, and in components.

use clap::ValueEnum;
use multus_wasm::Role;

/// A role on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RoleName {
    /// Changes a plugin's configuration before it runs.
    Transform,
    /// Lets an attachment pass, warns, or refuses it.
    Policy,
    /// Does an attachment itself.
    Delegate,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Transform => Self::Transform,
            RoleName::Policy => Self::Policy,
            RoleName::Delegate => Self::Delegate,
        }
    }
}
