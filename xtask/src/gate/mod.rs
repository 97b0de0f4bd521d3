//! `cargo xtask test`: what a change has to pass.

mod components;
mod runner;
mod structure;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::build::Built;
use crate::run::{self, say};
use crate::setup::{self, Setup};
use crate::workspace::Workspace;
use crate::{TestOptions, build, containerd, languages, vm};
use runner::Runner;

/// Runs the gate to its end, whatever fails on the way, and tells all that failed.
///
/// # Errors
/// If anything failed.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions) -> Result<()> {
    let setup = setup::run(workspace)?;
    if let Some(plugin) = &options.plugin {
        return table::judge(&runner(workspace, options, &setup), plugin, options.conf.as_deref());
    }
    if let Some(programs) = &options.vm {
        let built = build::named_or_for_tests(workspace)?;
        return vm::test(workspace, &setup, &built, programs);
    }
    if options.languages {
        return languages::test(workspace, &build::named_or_for_tests(workspace)?);
    }
    let mut gate = Gate { failed: Vec::new() };
    gate.check("format", || {
        run::step("checking the format", workspace.cargo().args(["fmt", "--all", "--check"]))
    });
    gate.check("structure", || structure::check(workspace));
    gate.check("lints", || {
        let lints = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        run::step("checking the lints", workspace.cargo().args(lints))
    });
    gate.check("dependencies", || dependencies(workspace));
    let built = gate.check("build", || build::for_tests(workspace));
    if let Some(built) = &built {
        gate.check("demo", || {
            say("playing the demo");
            crate::demo::play(workspace, &setup, built)
        });
        // Fetched once, they are tried each time.
        if options.all_languages || languages::are_here(workspace) {
            gate.check("languages", || languages::test(workspace, built));
        }
    }
    let tests =
        built.as_ref().and_then(|built| gate.check("tests", || tests(workspace, options, &setup, built)));
    let in_machine = match &built {
        Some(built) if !options.no_vm && !options.quick => {
            gate.check("virtual machine", || vm::test_if_any(workspace, &setup, built))
        }
        Some(_) => {
            say("LEFT OUT, as asked for: what is tested in a virtual machine");
            None
        }
        None => None,
    };
    if let (Some(_), Some(plugins)) = (&built, &setup.cni_plugins) {
        gate.check("components", || {
            let rows = table::read(&table::folder(workspace))?;
            components::print(workspace, plugins, &rows, in_machine == Some(true))
        });
    }
    match gate.failed.as_slice() {
        [] => Ok(()),
        failed => {
            println!("\n{}", tests.unwrap_or_default());
            bail!("failed: {}", failed.join(", "))
        }
    }
}

struct Gate {
    failed: Vec<&'static str>,
}

impl Gate {
    fn check<T>(&mut self, name: &'static str, check: impl FnOnce() -> Result<T>) -> Option<T> {
        let began = Instant::now();
        let outcome = check();
        println!("    {name}: {} s", began.elapsed().as_secs());
        outcome
            .map_err(|error| {
                println!("    FAILED: {error:#}");
                self.failed.push(name);
            })
            .ok()
    }
}

/// Licences, advisories, sources and duplicates, where the tool for it is.
fn dependencies(workspace: &Workspace) -> Result<()> {
    if !workspace.has_program("cargo-deny") {
        say("LEFT OUT: licences and sources of dependencies (cargo-deny is not installed)");
        return Ok(());
    }
    let arguments = ["deny", "--offline", "check", "bans", "licenses", "sources"];
    run::step("checking the dependencies", workspace.cargo().args(arguments))
}

/// All tests, then the tables of the conformance rows among them, then the runner's closing line.
fn tests(workspace: &Workspace, options: &TestOptions, setup: &Setup, built: &Built) -> Result<String> {
    let mut runner = runner(workspace, options, setup);
    runner.set("MULTUS_BIN", &built.multus);
    runner.set("MULTUSCTL_BIN", &built.multusctl);
    runner.set("MULTUS_COMPONENTS", &built.components);
    if let Some(folder) = containerd::find(workspace) {
        runner.set("CONTAINERD", folder);
    }
    build::hostile(workspace)?;
    let left_out = workspace.target.join("left-out.txt");
    // Left by an earlier run, if there was one.
    let _ = fs::remove_file(&left_out);
    runner.set("MULTUS_LEFT_OUT", &left_out);
    table::forget(workspace)?;
    let outcome = runner.everything()?;
    let rows = table::print(workspace, "multus");
    print_left_out(&left_out);
    println!("\n{}", outcome.closing);
    if !outcome.success {
        bail!("{}", outcome.closing);
    }
    rows.map(|()| outcome.closing)
}

/// What tests could not do on this machine, each reason once.
fn print_left_out(file: &Path) {
    let text = fs::read_to_string(file).unwrap_or_default();
    let reasons: BTreeSet<&str> = text.lines().collect();
    for reason in reasons {
        println!("\nLEFT OUT: {reason}");
    }
}

fn runner<'a>(workspace: &'a Workspace, options: &TestOptions, setup: &Setup) -> Runner<'a> {
    let mut runner = Runner::new(workspace);
    let effort = match (options.quick, options.long) {
        (true, _) => "quick",
        (_, true) => "long",
        _ => "gate",
    };
    runner.set("MULTUS_EFFORT", effort);
    runner.set("MULTUS_CONFORMANCE", table::folder(workspace));
    runner.set("PATH", workspace.search_path());
    // A check that fails says what it saw; where in its source adds nothing.
    runner.set("RUST_BACKTRACE", "0");
    if let Some(folder) = &setup.cni_plugins {
        runner.set("CNI_PLUGINS", folder);
    }
    runner
}
