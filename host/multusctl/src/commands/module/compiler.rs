//! Compiling in a child with limits: the options for whoever starts it, and the hidden command that is it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use multus_compile::{CompileLimits, Compiler, Worker, serve};
use multus_wasm::{parse_duration, parse_size};

/// What compiling one component may use.
#[derive(Debug, Default, Args)]
pub(super) struct CompileOptions {
    /// How much memory compiling a component may take, as address space [default: 2Gi].
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    compile_memory: Option<u64>,
    /// How much CPU time compiling a component may take, in whole seconds; five times as much on the clock [default: 60s].
    #[arg(long, value_name = "DURATION", value_parser = time)]
    compile_time: Option<Duration>,
}

impl CompileOptions {
    /// A child of this very program, even if its file was replaced since.
    pub(super) fn compiler(&self) -> Compiler {
        let usual = CompileLimits::default();
        let limits = CompileLimits {
            memory: self.compile_memory.unwrap_or(usual.memory),
            time: self.compile_time.unwrap_or(usual.time),
        };
        let (program, arguments) =
            (PathBuf::from("/proc/self/exe"), ["module", "compile-one"].map(Into::into));
        Compiler::Child(Worker { program, arguments: arguments.into(), limits })
    }
}

/// Below that the compiler does not even start.
const LEAST_MEMORY: u64 = 64 << 20;

fn memory(text: &str) -> Result<u64, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    let enough = (bytes >= LEAST_MEMORY).then_some(bytes);
    enough.ok_or_else(|| format!("the compiler itself needs {}Mi", LEAST_MEMORY >> 20))
}

/// The kernel counts whole seconds, so none is none at all.
fn time(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text).map_err(|error| error.to_string())?;
    let enough = (time >= Duration::from_secs(1)).then_some(time);
    enough.ok_or_else(|| "at least 1s".to_owned())
}

/// Compile the component on standard input, within limits: started by the other commands
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct CompileOne {
    /// Bytes of address space.
    memory: u64,
    /// Of CPU time.
    seconds: u64,
}

impl CompileOne {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        serve(self.memory, self.seconds).context("can't compile what is on standard input")?;
        Ok(ExitCode::SUCCESS)
    }
}
