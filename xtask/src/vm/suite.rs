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
use super::{CARDS, power, quoted};
use crate::build::Built;
use crate::run::{self, say};
use crate::setup::Setup;
use crate::workspace::Workspace;

/// Test programs, and functions in others, whose name begins so are made for the machine. Outside they say so and end.
const MADE_FOR_IT: &str = "vm_";
/// Test programs that run there as a whole as well.
const WHOLE: [&str; 1] = ["agreement"];
/// Test functions that do.
const CHOSEN: [(&str, &[&str]); 4] = [
    (
        "crash_components",
        &[
            "boundary::add_killed_at_each_system_call",
            "boundary::del_killed_at_each_system_call",
            "chance::any_mischief_after_a_kill_at_any_moment",
            "race::add_beside_add",
            "race::del_beside_add",
        ],
    ),
    (
        "delegates",
        &[
            "kinds::a_network_may_be_on_the_link_of_one_before_it",
            "kinds::a_vrf_is_shared_by_name_and_goes_with_its_last_port",
        ],
    ),
    (
        "pods",
        &[
            "networks_come_in_the_order_of_conf_and_annotation_and_go_in_reverse",
            "every_delegate_gets_the_runtimes_words",
        ],
    ),
    ("differential", &["bridge", "dummy", "ipvlan", "portmap", "vlan", "vrf"]),
];
/// Set in the machine.
const INSIDE: &str = "MULTUS_VM";
/// Programs that tests start by the thousand, with their libraries and the links on the way there, from now on in the
/// machine's memory: each question to the host's files takes a millisecond, and the start of a program asked thirty. And
/// kinds of links that several tests ask for at once: to all but the first of them the kernel says that it knows no such.
const NEAR: &str = r#"near() { cp -pL "$1" "$1.near" && /.vm/bin/mv "$1.near" "$1"; }
for link in /bin /sbin /lib /lib64; do
  [ -L $link ] && ln -s "$(readlink $link)" $link.near && /.vm/bin/mv -T $link.near $link
done
for program in bridge cp ip mount nft sh strace tc umount unshare; do
  program=$(command -v $program) || continue
  echo "$program"
  LD_TRACE_LOADED_OBJECTS=1 "$program" | sed -n 's|.* \(/[^ ]*\) (0x.*|\1|p; s|^\t\(/[^ ]*\) (0x.*|\1|p'
done | sort -u >/tmp/near
/.vm/bin/modprobe -a veth bridge
for file in $(cat /tmp/near) /etc/ld.so.cache /etc/iproute2/*; do [ -f "$file" ] && near "$file"; done
"#;
/// Some minutes on two idle cores, and as long again on busy ones.
const LIMIT: Duration = Duration::from_secs(1500);

/// A test program, and what of it is run.
pub(super) struct Suite {
    name: String,
    pub(super) program: PathBuf,
    /// Cargo runs tests in their package's folder.
    pub(super) folder: PathBuf,
    tests: Vec<String>,
}

/// Runs them, in one machine, and plays the story of a machine without power.
///
/// # Errors
/// If one fails, or the machine does.
pub(crate) fn run(
    workspace: &Workspace,
    parts: &Parts,
    setup: &Setup,
    built: &Built,
    programs: &[String],
) -> Result<()> {
    let mut suites = suites(workspace)?;
    if let Some(unknown) = programs.iter().find(|name| !suites.iter().any(|suite| suite.name == **name)) {
        bail!("{unknown} has no tests for the virtual machine");
    }
    suites.retain(|suite| programs.is_empty() || programs.contains(&suite.name));
    let (power, suites): (Vec<_>, Vec<_>) =
        suites.into_iter().partition(|suite| suite.name == power::PROGRAM);
    let left_out = machine::out(parts).join(format!("left-out-{}.txt", std::process::id()));
    let _ = fs::remove_file(&left_out);
    let rows = machine::out(parts).join("rows");
    let _ = fs::remove_dir_all(&rows);
    fs::create_dir_all(&rows)?;
    let environment = environment(workspace, setup, built, &left_out, &rows);
    let mut failed = Vec::new();
    if !suites.is_empty() && side_by_side(workspace, parts, &environment, &suites)? != 0 {
        failed.push("tests failed in the virtual machine".to_owned());
    }
    for suite in power {
        failed.extend(
            power::play(workspace, parts, &environment, &suite).err().map(|error| format!("{error:#}")),
        );
    }
    for reason in fs::read_to_string(&left_out).unwrap_or_default().lines() {
        println!("\nLEFT OUT in the virtual machine: {reason}");
    }
    collect(workspace, &rows)?;
    ensure!(failed.is_empty(), "{}", failed.join("; "));
    Ok(())
}

/// The rows of tables that were left out elsewhere are what they were here.
fn collect(workspace: &Workspace, rows: &Path) -> Result<()> {
    let table = workspace.target.join("conformance");
    fs::create_dir_all(&table)?;
    for row in fs::read_dir(rows)?.flatten() {
        fs::copy(row.path(), table.join(row.file_name()))?;
    }
    Ok(())
}

/// Runs suites in one machine. Returns its exit status.
fn side_by_side(workspace: &Workspace, parts: &Parts, environment: &str, suites: &[Suite]) -> Result<i32> {
    let count: usize = suites.iter().map(|suite| suite.tests.len()).sum();
    say(&format!("running {count} tests in a virtual machine"));
    let lines: String = suites.iter().map(line).collect();
    let script = format!("{environment}{NEAR}failed=0\n{lines}exit $failed\n");
    let job = Job { script: &script, cards: CARDS, disk: None, limit: LIMIT };
    let began = Instant::now();
    let status = Machine::start(workspace, parts, &job)?.finish(machine::aloud)?;
    println!("    {:.0} s in the virtual machine", began.elapsed().as_secs_f64());
    Ok(status)
}

fn environment(workspace: &Workspace, setup: &Setup, built: &Built, left_out: &Path, rows: &Path) -> String {
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
        ("MULTUS_CONFORMANCE", rows.as_os_str()),
    ];
    all.extend(setup.cni_plugins.as_ref().map(|folder| ("CNI_PLUGINS", folder.as_os_str())));
    let lines = all.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    lines.collect()
}

/// A suite's line of the script: it goes on after one that failed. Tests made for the machine share its cards and its
/// network, so one runs after another. Of the others, which wait much, one more than there are processors.
fn line(suite: &Suite) -> String {
    let tests = suite.tests.iter().map(|test| quoted(test.as_ref())).collect::<Vec<_>>().join(" ");
    let threads = if suite.name.starts_with(MADE_FOR_IT) { 1 } else { 3 };
    format!(
        "cd {} && echo '--- {}' && {} --quiet --test-threads {threads} --exact {tests} || failed=1\n",
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
    program == power::PROGRAM
        || program.starts_with(MADE_FOR_IT)
        || function.starts_with(MADE_FOR_IT)
        || WHOLE.contains(&program)
        || CHOSEN.iter().any(chosen)
}

/// A test that has got another name would be missed without a word.
fn complete(suites: &[Suite]) -> Result<()> {
    let tests = |name: &str| {
        let of: Vec<&String> =
            suites.iter().filter(|suite| suite.name == name).flat_map(|suite| &suite.tests).collect();
        of
    };
    ensure!(!tests(power::PROGRAM).is_empty(), "there is no test program {} any more", power::PROGRAM);
    for name in WHOLE {
        ensure!(
            !tests(name).is_empty(),
            "there is no test program {name} any more, of those for the machine"
        );
    }
    for (name, chosen) in CHOSEN {
        if let Some(test) = chosen.iter().find(|test| !tests(name).iter().any(|there| there == test)) {
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
        assert!(error.contains("no test program power_cut"), "{error}");
    }
}
