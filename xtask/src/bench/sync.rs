//! What waits for the disk.

use std::fmt;
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

const SYNCS: [&str; 5] = ["fsync(", "fdatasync(", "sync(", "syncfs(", "sync_file_range("];
const CALLS: &str = "trace=fsync,fdatasync,sync,syncfs,sync_file_range,sendto,sendmsg,sendmmsg";

/// What one call asks of the disk and of the kernel's network.
struct Counted {
    syncs: usize,
    netlink: usize,
}

/// Prints what one sync costs here, and how many there are in an ADD and a DEL, and how many messages to the kernel.
///
/// # Errors
/// If a call fails.
pub(super) fn print(node: &Node, pod: &Pod, sides: &[(&str, Value)]) -> Result<()> {
    println!("\nwaits for the disk: one fsync of a small file takes {:.2} ms here", price(node)?);
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("LEFT OUT: the number of fsyncs and netlink messages in a call (strace is not installed)");
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

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fsyncs and {} netlink messages", self.syncs, self.netlink)
    }
}

fn count(node: &Node, pod: &Pod, verb: &str, conf: &Value) -> Result<Counted> {
    let trace = node.scratch("trace");
    let stdin = node.scratch("stdin-traced");
    fs::write(&stdin, conf.to_string())?;
    let mut command = Command::new("strace");
    command.args(["-f", "-yy", "-e", CALLS, "-o"]).arg(&trace).arg(binaries::multus());
    command.env("CNI_COMMAND", verb).env("CNI_CONTAINERID", &pod.container_id).env("CNI_NETNS", &pod.netns);
    command.env("CNI_IFNAME", &pod.ifname).env("CNI_ARGS", &pod.args).env("CNI_PATH", node.bin_dir());
    let output = command.stdin(File::open(stdin)?).output().context("strace does not start")?;
    ensure!(output.status.success(), "{verb} under strace: {}", String::from_utf8_lossy(&output.stdout));
    let trace = fs::read_to_string(&trace)?;
    Ok(Counted {
        syncs: trace.lines().filter(|line| SYNCS.iter().any(|call| line.contains(call))).count(),
        netlink: trace.lines().filter(|line| line.contains("send") && line.contains("NETLINK")).count(),
    })
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
