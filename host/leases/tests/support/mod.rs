//! Claims as the tests make them, ours and host-local's.
#![allow(dead_code, reason = "not every test uses every part")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use multus_leases::{Folder, Holder, Locked};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const NETWORK: &str = "lan";

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn holder(id: &str, interface: &str) -> Holder {
    Holder::new(id, interface).unwrap()
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub(crate) fn locked(directory: &Path) -> Locked {
    Folder::open(directory, NETWORK).unwrap().lock(soon()).unwrap()
}

/// Every file of the network but the lock, with its content.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory.join(NETWORK)).unwrap().flatten();
    let files = entries.filter(|entry| entry.file_name() != "lock");
    let content = |path: PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    files.map(|entry| (entry.file_name().into_string().unwrap(), content(entry.path()))).collect()
}

/// Another process of this test program, in which the test `part` runs and reads `words`. Other `programs` may stand
/// before it on the command line.
pub(crate) fn process(programs: &[&str], words: &str, directory: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut line = programs.iter().copied().map(Path::new).chain([program.as_path()]);
    let mut command = Command::new(line.next().unwrap());
    command.args(line).args(["--ignored", "--exact", "part", "--nocapture"]);
    command.env("LEASES_PART", words).env("LEASES_DIRECTORY", directory);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What `part` was told: its words, and where.
pub(crate) fn told() -> (Vec<String>, PathBuf) {
    let words = std::env::var("LEASES_PART").expect("started by another test");
    let directory = std::env::var_os("LEASES_DIRECTORY").unwrap();
    (words.split(' ').map(str::to_owned).collect(), directory.into())
}

/// What stands behind a word wherever a process said it.
pub(crate) fn said(output: &Output, word: &str) -> Vec<String> {
    let [text, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{text}{errors}");
    // The test runner's own words stand in front of the first one.
    let begin = format!("{word} ");
    text.lines().filter_map(|line| line.split_once(&begin)).map(|(_, rest)| rest.to_owned()).collect()
}

/// The reference plugin.
pub(crate) struct HostLocal {
    program: PathBuf,
    conf: Value,
}

impl HostLocal {
    /// `None`, and said aloud, where this machine has none.
    pub(crate) fn new(directory: &Path, ranges: Value) -> Option<Self> {
        let Some(folder) = multus_tests::binaries::reference_plugins() else {
            multus_tests::left_out(
                "sharing a range with host-local needs the reference CNI plugins (CNI_PLUGINS)",
            );
            return None;
        };
        let ipam = json!({ "type": "host-local", "dataDir": directory, "ranges": ranges });
        let conf = json!({ "cniVersion": "1.0.0", "name": NETWORK, "type": "any", "ipam": ipam });
        Some(Self { program: folder.join("host-local"), conf })
    }

    pub(crate) fn without_data_dir(mut self) -> Self {
        self.conf["ipam"].as_object_mut().unwrap().remove("dataDir");
        self
    }

    /// The addresses that an ADD gave, or what it said instead.
    pub(crate) fn add(&self, id: &str, interface: &str) -> Result<Vec<String>, String> {
        let output = self.run("ADD", id, interface);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        if !output.status.success() {
            return Err(answer["msg"].as_str().unwrap().to_owned());
        }
        let addresses = answer["ips"].as_array().unwrap().iter().map(|ip| ip["address"].as_str().unwrap());
        Ok(addresses.map(|address| address.split('/').next().unwrap().to_owned()).collect())
    }

    pub(crate) fn del(&self, id: &str, interface: &str) {
        let output = self.run("DEL", id, interface);
        assert!(output.status.success(), "{output:?}");
    }

    fn run(&self, verb: &str, id: &str, interface: &str) -> Output {
        feed(&mut self.command(&[], verb, id, interface), &self.conf)
    }

    /// An ADD or DEL of `eth0` with other programs before the plugin on the command line.
    pub(crate) fn by(&self, programs: &[&str], verb: &str, id: &str) -> Output {
        feed(&mut self.command(programs, verb, id, "eth0"), &self.conf)
    }

    fn command(&self, programs: &[&str], verb: &str, id: &str, interface: &str) -> Command {
        let mut line = programs.iter().copied().map(Path::new).chain([self.program.as_path()]);
        let mut command = Command::new(line.next().unwrap());
        command.args(line);
        let environment =
            [("COMMAND", verb), ("CONTAINERID", id), ("IFNAME", interface), ("NETNS", "/n"), ("PATH", "/p")];
        command.envs(environment.map(|(name, value)| (format!("CNI_{name}"), value)));
        command
    }
}

fn feed(command: &mut Command, conf: &Value) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that is killed early does not read.
    let _ = child.stdin.take().unwrap().write_all(conf.to_string().as_bytes());
    child.wait_with_output().unwrap()
}

/// Whether strace can be had, said aloud where not.
pub(crate) fn has_strace(what: &str) -> bool {
    let works = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !works {
        multus_tests::left_out(&format!("{what} needs strace"));
    }
    works
}
