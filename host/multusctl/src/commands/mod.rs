//! What the tool can do, one file a command.

mod attach;
mod check;
mod completions;
mod detach;
mod explain;
mod journal;
mod module;
mod sriov;
mod validate;

use std::process::ExitCode;

use clap::Subcommand;

use crate::console::Console;

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Validate(validate::Validate),
    Explain(explain::Explain),
    Attach(attach::Attach),
    Detach(detach::Detach),
    Check(check::Check),
    #[command(subcommand)]
    Module(module::Module),
    #[command(subcommand)]
    Journal(journal::Journal),
    #[command(subcommand)]
    Sriov(sriov::Sriov),
    Completions(completions::Completions),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What could not be done at all, for people.
    pub(crate) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        match self {
            Self::Validate(command) => command.run(console),
            Self::Explain(command) => command.run(console),
            Self::Attach(command) => command.run(console),
            Self::Detach(command) => command.run(console),
            Self::Check(command) => command.run(console),
            Self::Module(command) => command.run(console),
            Self::Journal(command) => command.run(console),
            Self::Sriov(command) => command.run(console),
            Self::Completions(command) => command.run(console),
        }
    }
}
