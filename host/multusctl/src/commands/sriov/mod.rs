//! `multusctl sriov`: virtual functions of network cards.

mod list;
mod reclaim;

use std::process::ExitCode;

use clap::Subcommand;

use crate::console::Console;

/// Look at virtual functions of network cards (SR-IOV), and bring lost ones home
#[derive(Debug, Subcommand)]
pub(crate) enum Sriov {
    List(list::List),
    Reclaim(reclaim::Reclaim),
}

impl Sriov {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(command) => command.run(console),
            Self::Reclaim(command) => command.run(console),
        }
    }
}
