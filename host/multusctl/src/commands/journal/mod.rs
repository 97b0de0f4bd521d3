//! `multusctl journal`: the records of what was attached.

mod show;
mod sweep;

use std::process::ExitCode;

use clap::Subcommand;

use crate::console::Console;

/// Read the records of what was attached, and go on with what could not be taken back
#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    Show(show::Show),
    Sweep(sweep::Sweep),
}

impl Journal {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(command) => command.run(console),
            Self::Sweep(command) => command.run(console),
        }
    }
}
