//! The command line.

use clap::{Parser, ValueEnum};

use crate::commands::Command;

/// Checks, explains and drives the multus CNI plugin.
#[derive(Debug, Parser)]
#[command(name = "multusctl", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// How data is written to standard output.
    #[arg(short, long, global = true, value_enum, value_name = "FORM", default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// Also say what only matters to who looks into one call.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and sentences, for people.
    Table,
    /// One JSON document, for programs.
    Json,
}

const AFTER_HELP: &str = "\
Examples:
  multusctl validate /etc/cni/net.d/00-multus.conf manifests/*.yaml
  multusctl explain --conf /etc/cni/net.d/00-multus.conf --pod team-red/web
  multusctl journal show

Exit status:
  0  done, nothing is wrong
  1  a problem was found, or what was asked for failed; standard error says why
  2  the command line is wrong";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
