//! What waits for the disk.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use multus_tests::{Node, Pod, binaries};
use serde_json::Value;

use super::report::{median, milliseconds};
use crate::run;

const CALLS: &str = "trace=fsync,fdatasync,sync,syncfs,sync_file_range";

/// Prints what one sync costs here, and how many there are in an ADD and a DEL.
///
/// # Errors
/// If a call fails.
pub(super) fn print(node: &Node, pod: &Pod, sides: &[(&str, Value)]) -> Result<()> {
    println!("\nwaits for the disk: one fsync of a small file takes {:.2} ms here", price(node)?);
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("LEFT OUT: the number of fsyncs in a call (strace is not installed)");
        return Ok(());
    }
    for (name, conf) in sides {
        let [add, del] = ["ADD", "DEL"].map(|verb| count(node, pod, verb, conf));
        println!("{name:<47}ADD {}, DEL {}", add?, del?);
    }
    Ok(())
}

/// The kind of file system that holds a folder.
pub(super) fn file_system(folder: &Path) -> String {
    let kind = run::output(Command::new("stat").args(["-f", "-c", "%T"]).arg(folder));
    match kind.unwrap_or_default().trim() {
        "tmpfs" => "tmpfs: MOVE target/ TO A DISK, this measures nothing that waits for one".to_owned(),
        other => other.to_owned(),
    }
}

fn count(node: &Node, pod: &Pod, verb: &str, conf: &Value) -> Result<usize> {
    let trace = node.scratch("trace");
    let stdin = node.scratch("stdin-traced");
    fs::write(&stdin, conf.to_string())?;
    let mut command = Command::new("strace");
    command.args(["-f", "-e", CALLS, "-o"]).arg(&trace).arg(binaries::multus());
    command.env("CNI_COMMAND", verb).env("CNI_CONTAINERID", &pod.container_id).env("CNI_NETNS", &pod.netns);
    command.env("CNI_IFNAME", &pod.ifname).env("CNI_ARGS", &pod.args).env("CNI_PATH", node.bin_dir());
    let output = command.stdin(File::open(stdin)?).output().context("strace does not start")?;
    ensure!(output.status.success(), "{verb} under strace: {}", String::from_utf8_lossy(&output.stdout));
    Ok(fs::read_to_string(&trace)?.lines().filter(|line| line.contains("sync")).count())
}

fn price(node: &Node) -> Result<f64> {
    let path = node.path("price-of-a-sync");
    let mut times = Vec::new();
    for _ in 0..50 {
        let mut file = File::create(&path)?;
        file.write_all(&[b'x'; 512])?;
        let started = Instant::now();
        file.sync_all()?;
        times.push(milliseconds(started.elapsed()));
    }
    fs::remove_file(path)?;
    Ok(median(times))
}
