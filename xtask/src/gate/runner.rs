//! Running the tests, by cargo-nextest where it is installed.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result};

use crate::run::{self, say};
use crate::workspace::Workspace;

/// The tests' environment.
pub(super) struct Runner<'a> {
    workspace: &'a Workspace,
    environment: Vec<(&'static str, OsString)>,
}

/// How it went.
pub(super) struct Outcome {
    pub(super) success: bool,
    /// One line: how many ran, passed and failed.
    pub(super) closing: String,
}

impl<'a> Runner<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Runner<'a> {
        Runner { workspace, environment: Vec::new() }
    }

    /// A variable for the tests.
    pub(super) fn set(&mut self, name: &'static str, value: impl AsRef<OsStr>) {
        self.environment.push((name, value.as_ref().to_owned()));
    }

    /// The whole workspace's tests, documentation examples included.
    pub(super) fn everything(&self) -> Result<Outcome> {
        if !self.workspace.has_program("cargo-nextest") {
            say("running the tests with `cargo test` (cargo-nextest is not installed)");
            let mut cargo = self.cargo();
            return tee(cargo.args(["test", "--quiet", "--workspace", "--no-fail-fast"]))
                .map(|told| counted(&told));
        }
        say("running the examples in the documentation");
        let examples = run::quietly(self.cargo().args(["test", "--quiet", "--workspace", "--doc"]));
        say("running the tests");
        let mut cargo = self.cargo();
        let arguments = ["nextest", "run", "--workspace", "--no-fail-fast", "--status-level", "slow"];
        cargo.args(arguments).args(["--final-status-level", "fail", "--profile", self.profile()]);
        let told = tee(&mut cargo)?;
        let summary = told.lines.iter().rev().find(|line| line.trim_start().starts_with("Summary"));
        let closing = summary.map_or_else(|| "no tests ran".to_owned(), |line| line.trim().to_owned());
        Ok(Outcome { success: told.success && examples.is_ok(), closing })
    }

    /// The conformance rows alone, on any plugin: their verdicts are in the table, not in the exit status.
    pub(super) fn conformance(&self, plugin: &Path, conf: Option<&Path>) -> Result<()> {
        say("running the conformance rows");
        let mut cargo = self.cargo();
        cargo.env("CNI_CONFORMANCE_PLUGIN", plugin).envs(conf.map(|path| ("CNI_CONFORMANCE_CONF", path)));
        cargo.args(["test", "--quiet", "--package", "multus-tests", "--test", "conformance", "--", "cni_"]);
        run::output(&mut cargo).map(drop)
    }

    /// Long runs have more patience with a single test (`.config/nextest.toml`).
    fn profile(&self) -> &'static str {
        let long = self.environment.iter().any(|(name, value)| *name == "MULTUS_EFFORT" && value == "long");
        if long { "long" } else { "default" }
    }

    /// Where the tests come from.
    pub(super) fn workspace(&self) -> &Workspace {
        self.workspace
    }

    fn cargo(&self) -> Command {
        let mut cargo = self.workspace.cargo();
        cargo.envs(self.environment.iter().map(|(name, value)| (name, value)));
        cargo
    }
}

/// What a command said.
struct Told {
    success: bool,
    lines: Vec<String>,
}

/// Runs a command, passes on what it says, and keeps it.
fn tee(command: &mut Command) -> Result<Told> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cargo does not start")?;
    let lines = Mutex::new(Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| stdout.map(|pipe| pass_on(pipe, &lines)));
        scope.spawn(|| stderr.map(|pipe| pass_on(pipe, &lines)));
    });
    let success = child.wait()?.success();
    Ok(Told { success, lines: lines.into_inner().unwrap_or_default() })
}

fn pass_on(pipe: impl Read, lines: &Mutex<Vec<String>>) {
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        // Nobody is left to tell if standard output is closed.
        let _ = writeln!(std::io::stdout(), "{line}");
        if let Ok(mut lines) = lines.lock() {
            lines.push(line);
        }
    }
}

/// `cargo test` closes each program by itself: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn counted(told: &Told) -> Outcome {
    let mut sums = [0_u64; 3];
    for line in told.lines.iter().filter(|line| line.starts_with("test result:")) {
        for (sum, word) in sums.iter_mut().zip([" passed", " failed", " ignored"]) {
            let number = line.split_once(word).and_then(|(before, _)| before.rsplit(' ').next());
            *sum += number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    let [passed, failed, ignored] = sums;
    let verdict = if told.success { "ok" } else { "FAILED" };
    let closing = format!("test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored");
    Outcome { success: told.success, closing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_are_summed() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
            "test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        ];
        let told = Told { success: false, lines: lines.map(str::to_owned).to_vec() };
        assert_eq!(counted(&told).closing, "test result: FAILED. 43 passed; 2 failed; 1 ignored");
    }
}
