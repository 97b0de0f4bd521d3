//! `cargo xtask …`: everything that is done with this repository besides `cargo build`. Each command sets up what
//! it needs by itself, and writes nowhere but below `target/` and `dist/`.

mod bench;
mod build;
mod containerd;
mod debian;
mod demo;
mod dist;
mod gate;
mod languages;
mod run;
mod setup;
mod vm;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, test, measure and pack the Multus host")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Get what building and testing need: the WebAssembly target, CNI plugins, `ip`, containerd
    Setup,
    /// Build the plugin, the operator's tool and the components
    Build,
    /// Everything that a change has to pass
    Test(TestOptions),
    /// Pods get their networks, before your eyes; needs no cluster and no root
    Demo(DemoOptions),
    /// Put what is shipped into dist/
    Dist,
    /// What a call costs, as medians of interleaved pairs
    Bench(BenchOptions),
    /// Run a command in a virtual machine: this machine's files, another kernel, cards with virtual functions
    Vm(VmOptions),
    /// Run a command in a private user, network and mount namespace
    Private {
        /// The command and its words
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

/// What to test, and how long.
#[derive(Args)]
pub(crate) struct TestOptions {
    /// Without the long concurrency and crash runs
    #[arg(long, conflicts_with = "long")]
    pub(crate) quick: bool,
    /// With many more rounds of them
    #[arg(long)]
    pub(crate) long: bool,
    /// Only what is tested in a virtual machine: all of it, or these test programs
    #[arg(long, num_args = 0.., value_name = "PROGRAM", conflicts_with_all = ["quick", "long", "plugin"])]
    pub(crate) vm: Option<Vec<String>>,
    /// Without that
    #[arg(long, conflicts_with = "vm")]
    pub(crate) no_vm: bool,
    /// With the examples in JavaScript, Python and Rust with WASI, whose tools are fetched if need be
    #[arg(long)]
    pub(crate) all_languages: bool,
    /// Only those examples
    #[arg(long, conflicts_with_all = ["quick", "long", "vm", "plugin"])]
    pub(crate) languages: bool,
    /// Only the conformance tables, on any CNI plugin
    #[arg(long, value_name = "PATH")]
    pub(crate) plugin: Option<PathBuf>,
    /// With --plugin: its configuration, where the suite knows none for it
    #[arg(long, value_name = "FILE", requires = "plugin")]
    pub(crate) conf: Option<PathBuf>,
}

/// What to run in the virtual machine, and how long.
#[derive(Args)]
pub(crate) struct VmOptions {
    /// It is ended after this many seconds
    #[arg(long, default_value_t = 300)]
    pub(crate) limit: u64,
    /// The command and its words
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

/// How to show it.
#[derive(Args)]
pub(crate) struct DemoOptions {
    /// Set when the demo has started itself again in a private namespace
    #[arg(long, hide = true)]
    pub(crate) inside: bool,
}

/// How long to measure.
#[derive(Args)]
pub(crate) struct BenchOptions {
    /// Pairs of runs for each line of the table
    #[arg(long, default_value_t = 300)]
    pub(crate) runs: usize,
    /// Set when the bench has started itself again in a private namespace
    #[arg(long, hide = true)]
    pub(crate) inside: bool,
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    let done = Workspace::find().and_then(|workspace| carry_out(&workspace, task));
    done.unwrap_or_else(|error| {
        eprintln!("\nxtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn carry_out(workspace: &Workspace, task: Task) -> anyhow::Result<ExitCode> {
    let done = match task {
        Task::Setup => setup::run(workspace).map(|_| drop(containerd::find(workspace))),
        Task::Build => build::run(workspace).map(drop),
        Task::Test(options) => gate::run(workspace, &options),
        Task::Demo(options) => demo::run(workspace, &options),
        Task::Dist => dist::run(workspace),
        Task::Bench(options) => bench::run(workspace, &options),
        Task::Private { command } => private(workspace, &command),
        // The status of what it runs is its own.
        Task::Vm(options) => {
            return vm::command(workspace, &options.command, Duration::from_secs(options.limit));
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn private(workspace: &Workspace, line: &[OsString]) -> anyhow::Result<()> {
    setup::private_namespaces()?;
    let line: Vec<_> = line.iter().map(OsString::as_os_str).collect();
    run::quietly(multus_tests::privately(&line).env("PATH", workspace.search_path()))
}
