//! The tests that run in the machine: those made for it, and those that compare us with a kernel, which have another
//! kernel to agree with there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::machine::{self, Job, Machine};
use super::parts::Parts;
use super::{CARDS, quoted};
use crate::build::Built;
use crate::run::{self, say};
use crate::setup::Setup;
use crate::workspace::Workspace;

/// Test programs, and functions in others, whose name begins so are made for the machine. Outside they say so and end.
const MADE_FOR_IT: &str = "vm_";
/// Test programs that run there as a whole as well.
const WHOLE: [&str; 3] = ["agreement", "namespaces", "routes"];
/// Test functions that do.
const CHOSEN: [(&str, &[&str]); 1] = [(
    "pods",
    &[
        "networks_come_in_the_order_of_conf_and_annotation_and_go_in_reverse",
        "every_delegate_gets_the_runtimes_words",
    ],
)];
/// Set in the machine.
const INSIDE: &str = "MULTUS_VM";
const LIMIT: Duration = Duration::from_secs(600);

/// A test program, and what of it is run.
struct Suite {
    name: String,
    program: PathBuf,
    /// Cargo runs tests in their package's folder.
    folder: PathBuf,
    tests: Vec<String>,
}

/// Runs them, in one machine.
///
/// # Errors
/// If one fails, or the machine does.
pub(crate) fn run(workspace: &Workspace, parts: &Parts, setup: &Setup, built: &Built) -> Result<()> {
    let suites = suites(workspace)?;
    let count: usize = suites.iter().map(|suite| suite.tests.len()).sum();
    say(&format!("running {count} tests in a virtual machine"));
    let left_out = machine::out(parts).join("left-out.txt");
    let _ = fs::remove_file(&left_out);
    let mut script = environment(workspace, setup, built, &left_out);
    for suite in &suites {
        script.push_str(&line(suite));
    }
    script.push_str("exit $failed\n");
    let job = Job { script: &script, cards: CARDS, disk: None, limit: LIMIT };
    let began = Instant::now();
    let status = Machine::start(workspace, parts, &job)?.finish(machine::aloud)?;
    println!("    {:.0} s in the machine", began.elapsed().as_secs_f64());
    for reason in fs::read_to_string(&left_out).unwrap_or_default().lines() {
        println!("\nLEFT OUT in the virtual machine: {reason}");
    }
    ensure!(status == 0, "tests failed in the virtual machine");
    Ok(())
}

fn environment(workspace: &Workspace, setup: &Setup, built: &Built, left_out: &Path) -> String {
    let path = workspace.search_path();
    let mut all = vec![
        (INSIDE, "1".as_ref()),
        ("PATH", path.as_os_str()),
        ("RUST_BACKTRACE", "0".as_ref()),
        ("MULTUS_EFFORT", "quick".as_ref()),
        ("MULTUS_BIN", built.multus.as_os_str()),
        ("MULTUSCTL_BIN", built.multusctl.as_os_str()),
        ("MULTUS_COMPONENTS", built.components.as_os_str()),
        ("MULTUS_LEFT_OUT", left_out.as_os_str()),
    ];
    all.extend(setup.cni_plugins.as_ref().map(|folder| ("CNI_PLUGINS", folder.as_os_str())));
    let lines = all.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    lines.collect::<String>() + "failed=0\n"
}

/// A suite's line of the script: it goes on after one that failed.
fn line(suite: &Suite) -> String {
    let tests = suite.tests.iter().map(|test| quoted(test.as_ref())).collect::<Vec<_>>().join(" ");
    format!(
        "cd {} && echo '--- {}' && {} --quiet --test-threads 2 --exact {tests} || failed=1\n",
        quoted(suite.folder.as_os_str()),
        suite.name,
        quoted(suite.program.as_os_str()),
    )
}

fn suites(workspace: &Workspace) -> Result<Vec<Suite>> {
    let mut suites = Vec::new();
    for Artifact { target, manifest_path, executable, .. } in artifacts(workspace)? {
        let (Some(program), Some(folder)) = (executable, manifest_path.parent()) else { continue };
        let told =
            run::output(Command::new(&program).args(["--list", "--format", "terse"]).current_dir(folder))?;
        let all = told.lines().filter_map(|line| line.strip_suffix(": test"));
        let tests: Vec<_> = all.filter(|test| belongs(&target.name, test)).map(str::to_owned).collect();
        if !tests.is_empty() {
            suites.push(Suite { name: target.name, program, folder: folder.to_owned(), tests });
        }
    }
    complete(&suites)?;
    Ok(suites)
}

fn belongs(program: &str, test: &str) -> bool {
    let function = test.rsplit("::").next().unwrap_or(test);
    let chosen = |(of, tests): &(&str, &[&str])| *of == program && tests.contains(&test);
    program.starts_with(MADE_FOR_IT)
        || function.starts_with(MADE_FOR_IT)
        || WHOLE.contains(&program)
        || CHOSEN.iter().any(chosen)
}

/// A test that has got another name would be missed without a word.
fn complete(suites: &[Suite]) -> Result<()> {
    let tests =
        |name: &str| suites.iter().filter(move |suite| suite.name == name).flat_map(|suite| &suite.tests);
    for name in WHOLE {
        ensure!(
            tests(name).next().is_some(),
            "there is no test program {name} any more, of those for the machine"
        );
    }
    for (name, chosen) in CHOSEN {
        if let Some(test) = chosen.iter().find(|test| !tests(name).any(|there| there == *test)) {
            bail!("there is no test {test} in {name} any more, of those for the machine");
        }
    }
    Ok(())
}

/// What cargo says of something that it has built.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    manifest_path: PathBuf,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// The workspace's test programs.
fn artifacts(workspace: &Workspace) -> Result<Vec<Artifact>> {
    let build = ["build", "--quiet", "--workspace", "--bins", "--tests", "--message-format", "json"];
    let told = run::output(workspace.cargo().args(build)).context("the tests can't be built")?;
    // Among its lines are messages of other kinds.
    let artifacts = told.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    Ok(artifacts.filter(|artifact| artifact.profile.test && artifact.executable.is_some()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_belong_into_the_machine_by_their_names() {
        assert!(belongs("vm_cards", "a_function_goes_to_a_pod"));
        assert!(belongs("multus_net", "kernel::tests::vm_bond"));
        assert!(belongs("agreement", "every_rule_holds_in_the_kernel"));
        assert!(belongs("pods", "every_delegate_gets_the_runtimes_words"));
        assert!(!belongs("pods", "another"));
        assert!(!belongs("harness", "every_delegate_gets_the_runtimes_words"));
    }

    #[test]
    fn a_test_that_is_gone_is_missed() {
        let error = complete(&[]).unwrap_err().to_string();
        assert!(error.contains("no test program agreement"), "{error}");
    }
}
