//! SIGKILL at any moment: what is there afterwards is a whole claim or none, and everybody goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use multus_leases::Folder;
use multus_tests::{Random, effort};
use serde_json::json;
use support::{HostLocal, NETWORK, files, folder, has_strace, holder, locked, process, said, soon, told};
use tempfile::TempDir;

#[test]
#[ignore = "a process that the other tests start"]
fn part() {
    let (words, directory) = told();
    let ours = holder("killed", "eth0");
    match words[0].as_str() {
        "claim" => {
            let locked = Folder::open(&directory, NETWORK).and_then(|folder| folder.lock(soon()));
            println!("answer {:?}", locked.and_then(|mut locked| locked.claim("10.1.0.2", &ours)));
        }
        "churn" => loop {
            let mut locked = locked(&directory);
            for host in 2..6 {
                let key = format!("10.1.0.{host}");
                assert!(locked.claim(&key, &ours).unwrap() || locked.release(&key, &ours).unwrap());
                locked.set_note("last_reserved_ip.0", &key).unwrap();
            }
        },
        part => panic!("no part {part}"),
    }
}

/// The state is usable: what has an address's name is a whole claim, and the next ones come and go.
fn goes_on(directory: &Path) {
    let left = if directory.join(NETWORK).exists() { files(directory) } else { Default::default() };
    for (name, content) in left {
        match name.as_str() {
            ".draft" => {
                assert!("killed\r\neth0".starts_with(&content) || content.starts_with("10.1."), "{content}");
            }
            "last_reserved_ip.0" => assert!(content.starts_with("10.1.0."), "{content:?}"),
            address => assert_eq!((address, content.as_str()), (address, "killed\r\neth0")),
        }
    }
    let mut locked = locked(directory);
    let mut keys = locked.claimed_by(&holder("killed", "eth0")).unwrap();
    assert!(keys.iter().all(|key| locked.release(key, &holder("killed", "eth0")).unwrap()));
    keys.push("10.1.0.2".to_owned());
    for key in keys {
        assert!(
            locked.claim(&key, &holder("next", "eth0")).unwrap()
                && locked.release(&key, &holder("next", "eth0")).unwrap()
        );
    }
    assert!(locked.claimed().unwrap().is_empty());
}

/// A claim of another process, made where there is nothing yet, with `inject` of strace.
struct Traced {
    folder: TempDir,
    output: Output,
}

impl Traced {
    fn claim(inject: &str) -> Self {
        let folder = folder();
        let network = folder.path().join("networks").join(NETWORK);
        let files = ["", "lock", ".draft", "10.1.0.2"].map(|name| network.join(name));
        let paths = [folder.path(), &folder.path().join("networks")].map(Path::to_owned);
        let paths = paths.iter().chain(&files).map(|path| format!("--trace-path={}", path.display()));
        let log = folder.path().join("strace");
        let mut tracer: Vec<_> =
            ["strace", "-f", "-o", log.to_str().unwrap(), "-e", inject].map(str::to_owned).into();
        tracer.extend(paths.map(|path| path.trim_end_matches('/').to_owned()));
        let tracer: Vec<_> = tracer.iter().map(String::as_str).collect();
        let output = process(&tracer, "claim", &folder.path().join("networks")).output().unwrap();
        Self { folder, output }
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join("networks")
    }

    fn is_there(&self) -> bool {
        self.directory().join(NETWORK).join("10.1.0.2").exists()
    }

    /// Each call to the kernel about these files: its name, and how many of that name it makes.
    fn calls(&self) -> Vec<(String, usize)> {
        let log = fs::read_to_string(self.folder.path().join("strace")).unwrap();
        // `4242 openat2(3, "lan", …`
        let names = log.lines().filter_map(|line| line.split_once('(')?.0.split_whitespace().nth(1));
        let names: Vec<_> = names.collect();
        let nth = |at: usize| names[..=at].iter().filter(|name| **name == names[at]).count();
        (0..names.len()).map(|at| (names[at].to_owned(), nth(at))).collect()
    }
}

#[test]
fn killed_at_each_call_to_the_kernel() {
    if !has_strace("killing a claim at each of its system calls") {
        return;
    }
    let whole = Traced::claim("trace=all");
    assert!(said(&whole.output, "answer") == ["Ok(true)"] && whole.is_there());
    let calls = whole.calls();
    let there = calls.iter().map(|(call, nth)| {
        let killed = Traced::claim(&format!("inject={call}:signal=KILL:when={nth}"));
        assert!(!killed.output.status.success(), "{call} {nth}: nothing was killed");
        let there = killed.is_there();
        goes_on(&killed.directory());
        there
    });
    let there: Vec<_> = there.collect();
    // Not before it has its name, and from then on.
    let named = calls.iter().position(|(call, _)| call == "linkat").unwrap();
    assert!((named > 15) && there[..=named].iter().all(|there| !there), "{calls:?} {there:?}");
    assert!(there[named + 1..].iter().all(|there| *there), "{calls:?} {there:?}");
}

/// What can't be promised is not kept.
#[test]
fn a_disk_that_fails_at_any_write_leaves_the_key_free() {
    if !has_strace("failing a claim at each of its writes") {
        return;
    }
    let calls = Traced::claim("trace=all").calls();
    let writes = ["mkdir", "mkdirat", "write", "fsync", "linkat", "unlinkat"];
    let writes: Vec<_> = calls.iter().filter(|(call, _)| writes.contains(&call.as_str())).collect();
    assert!(writes.len() >= 6, "{calls:?}");
    for (call, nth) in writes {
        let failed = Traced::claim(&format!("inject={call}:error=EIO:when={nth}"));
        let answer = said(&failed.output, "answer").concat();
        assert!(answer.contains("Err(Io {") && answer.contains("code: 5"), "{call} {nth}: {answer}");
        assert!(!failed.is_there(), "{call} {nth}");
        goes_on(&failed.directory());
    }
}

#[test]
fn killed_at_any_moment() {
    let mut random = Random::of_this_run();
    let folder = folder();
    for _ in 0..effort().rounds(5, 60, 2000) {
        let mut process = process(&[], "churn", folder.path());
        let mut child = process.stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(2000 + random.below(20_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        goes_on(folder.path());
    }
}

/// host-local makes the file and writes it then. Killed in between it leaves an address that no DEL gives back, and that
/// nobody gets before the next boot.
#[test]
fn the_plugin_killed_between_create_and_write() {
    let folder = folder();
    let ranges = json!([[{ "subnet": "10.1.0.0/29" }]]);
    let Some(host_local) = HostLocal::new(folder.path(), ranges) else { return };
    if !has_strace("killing host-local between create and write") {
        return;
    }
    drop(locked(folder.path()));
    let path = folder.path().join(NETWORK).join("10.1.0.2");
    let path_filter = format!("--trace-path={}", path.display());
    let tracer = [
        "strace",
        "-f",
        "-o",
        "/dev/null",
        &path_filter,
        "-e",
        "trace=write",
        "-e",
        "inject=write:signal=KILL",
    ];
    let output = host_local.by(&tracer, "ADD", "killed");
    assert!(!output.status.success() && fs::read(&path).unwrap().is_empty(), "{output:?}");

    host_local.del("killed", "eth0");
    let mut ours = locked(folder.path());
    assert!(!ours.claim("10.1.0.2", &holder("next", "eth0")).unwrap());
    assert!(ours.reclaim(|_| false).unwrap().is_empty());
    drop(ours);
    fs::File::open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(locked(folder.path()).reclaim(|_| true).unwrap(), ["10.1.0.2"]);
}
