//! A machine that loses its power in the middle of an ADD, and boots again from the same disk.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::machine::{self, Disk, Job, Machine};
use super::parts::Parts;
use super::quoted;
use super::suite::Suite;
use crate::run::say;
use crate::workspace::Workspace;

/// The program that has both halves of the story.
pub(super) const PROGRAM: &str = "power_cut";
const FIRST: &str = "pods_are_attached_until_the_power_goes";
const SECOND: &str = "everything_is_reclaimed_after_the_power_went";
/// What it says before and after each ADD.
const NEXT: &str = "NEXT ";
const ATTACHED: &str = "ATTACHED ";
/// The power goes during the next one.
const PODS: usize = 4;
const LIMIT: Duration = Duration::from_secs(240);
const DISK_BYTES: u64 = 64 << 20;
const MOUNTED: &str = "/power";

/// Plays it.
///
/// # Errors
/// If something on the disk is not as it has to be, or a machine fails.
pub(super) fn play(workspace: &Workspace, parts: &Parts, environment: &str, suite: &Suite) -> Result<()> {
    say("cutting a virtual machine's power in the middle of an ADD");
    let file = parts.folder.join(format!("disk-{}", std::process::id()));
    // Anew, and empty: a file with a hole.
    File::create(&file).and_then(|disk| disk.set_len(DISK_BYTES)).context("no disk for the machine")?;
    let mounted = MOUNTED.as_ref();
    let script = format!("{environment}export MULTUS_POWER_CUT_BEFORE={MOUNTED}\n{}", half(suite, FIRST));
    let disk = Some(Disk { file: &file, mounted, format: true });
    let job = Job { script: &script, cards: 0, disk, limit: LIMIT };
    let attached = until_cut(Machine::start(workspace, parts, &job)?)?;
    let script = format!(
        "{environment}export MULTUS_POWER_CUT_AFTER={MOUNTED} MULTUS_POWER_CUT_ATTACHED={attached}\n{}",
        half(suite, SECOND)
    );
    let job = Job { script: &script, disk: Some(Disk { file: &file, mounted, format: false }), ..job };
    let status = Machine::start(workspace, parts, &job)?.finish(machine::aloud)?;
    fs::remove_file(&file)?;
    ensure!(status == 0, "the disk of a virtual machine is not in order after its power was cut");
    Ok(())
}

fn half(suite: &Suite, test: &str) -> String {
    let (folder, program) = (quoted(suite.folder.as_os_str()), quoted(suite.program.as_os_str()));
    format!("cd {folder} && exec {program} --nocapture --exact {test}\n")
}

/// Lets it attach some pods, then ends it halfway through the next one, going by how long the one before took. Returns
/// how many were attached for certain.
fn until_cut(mut machine: Machine) -> Result<usize> {
    let mut said = String::new();
    let mut begun = [None; PODS + 2];
    loop {
        let ended = machine.look(&mut |news| {
            said.push_str(&String::from_utf8_lossy(news));
            Ok(())
        })?;
        ensure!(ended.is_none(), "the machine was to attach pods until its power goes:\n{said}");
        let started = said.matches(NEXT).count();
        if let Some(time) = begun.get_mut(started) {
            time.get_or_insert_with(Instant::now);
        }
        if let (Some(Some(before)), Some(Some(last))) = (begun.get(PODS), begun.get(PODS + 1)) {
            std::thread::sleep(last.duration_since(*before) / 2);
            break;
        }
        std::thread::sleep(machine::LOOK);
    }
    drop(machine);
    let attached = said.matches(ATTACHED).count();
    println!("    {attached} pods were attached, and one more half");
    Ok(attached)
}
