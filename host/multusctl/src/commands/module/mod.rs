//! `multusctl module`: writing the components that transform configurations, judge attachments and do them, and having
//! them on a node.

mod add;
mod bench;
mod build;
mod cargo;
mod compile;
mod compiler;
mod component;
mod consent;
mod entry;
mod inputs;
mod inspect;
mod lent;
mod list;
mod new;
mod options;
mod places;
mod plan;
mod remove;
mod role;
mod run;
mod schema;
mod sdk;
mod sources;
mod stage;
mod subject;
mod test;
mod trace;
mod verify;
mod wasi;

use std::process::ExitCode;

use clap::Subcommand;

use crate::console::Console;
use places::Places;

/// Write, try and measure WebAssembly components; install them on this node
#[derive(Debug, Subcommand)]
pub(crate) enum Module {
    // For authors, in the order of their work.
    New(new::New),
    Build(build::Build),
    Test(test::Test),
    Run(run::Run),
    Bench(bench::Bench),
    // For operators.
    Inspect(inspect::Inspect),
    Add(Box<add::Add>),
    List(list::List),
    Verify(verify::Verify),
    Compile(compile::Compile),
    Remove(remove::Remove),
    // For the others.
    #[command(hide = true)]
    CompileOne(compiler::CompileOne),
}

impl Module {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(command) => command.run(console),
            Self::Build(command) => command.run(console),
            Self::Test(command) => command.run(console),
            Self::Run(command) => command.run(console),
            Self::Bench(command) => command.run(console),
            Self::Inspect(command) => command.run(console),
            Self::Add(command) => command.run(console),
            Self::List(command) => command.run(console),
            Self::Verify(command) => command.run(console),
            Self::Compile(command) => command.run(console),
            Self::Remove(command) => command.run(console),
            Self::CompileOne(command) => command.run(),
        }
    }
}
