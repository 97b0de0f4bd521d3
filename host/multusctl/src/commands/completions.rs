//! `multusctl completions`.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::console::Console;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl completions bash > /etc/bash_completion.d/multusctl
  source <(multusctl completions zsh)")]
pub(crate) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "multusctl", &mut script);
        console.print(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
