//! The operator's and the author's tool: checks configurations, shows what an ADD would do, attaches by hand,
//! installs modules, reads the records.
//!
//! Standard output carries data only (a table for people, or JSON), standard error what is said on the way.

mod call;
mod cli;
mod clock;
mod commands;
mod conf_file;
mod console;
mod progress;
mod record;
mod table;
mod text_file;
mod units;
mod validate;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use console::Console;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.output, cli.verbose);
    match cli.command.run(&console) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            console.say(&format!("multusctl: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whoever reads our output has seen enough, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
