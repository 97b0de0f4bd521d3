//! `multusctl journal`: the records of what was attached.

mod show;
mod sweep;
mod undo;

use std::process::ExitCode;

use clap::Subcommand;
use multus_cni::Args as CniArgs;
use multus_cni::env::{Command, Request};

use crate::console::Console;

/// Read the records of what was attached, and go on with what could not be taken back
#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    Show(show::Show),
    Sweep(sweep::Sweep),
    Undo(undo::Undo),
}

impl Journal {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(command) => command.run(console),
            Self::Sweep(command) => command.run(console),
            Self::Undo(command) => command.run(console),
        }
    }
}

/// Records name their own containers; the call is for none.
fn no_container() -> Request {
    Request {
        command: Command::Del,
        container_id: String::new(),
        netns: None,
        ifname: String::new(),
        args: CniArgs::default(),
        raw_args: String::new(),
        path: Vec::new(),
        netns_override: false,
    }
}
