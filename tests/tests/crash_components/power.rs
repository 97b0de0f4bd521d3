//! The power goes: of what a call did to the disk only that is left which it had synced, or which the disk had written
//! by itself.
//!
//! The double is this: a call is killed under `strace`, which tells what it did to files until then. A file keeps what
//! was in it at its last fsync, a folder the entries it had at its last fsync; of the other entries each that came is
//! there or not, each that went is gone or not, as the weather has it (none, all, or each by chance). Kernel state goes
//! with the boot. What it does not model: a name that is there without its file's content counts as an empty file,
//! never as one of other content; sectors that are torn.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use multus_tests::{Random, private};
use serde_json::Value;

use crate::scene::{Networks, Scene, another_boot, this_boot};
use crate::strace;

const CALLS: &str = "openat,openat2,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,\
    mkdir,mkdirat,ftruncate";

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    NothingIsLeft,
    EverythingIsLeft,
    AsChanceHasIt,
}

/// What a call did that is not certain to last.
#[derive(Debug, Default)]
struct Unsynced {
    /// Files by their length at the last fsync; new ones that were never synced have 0.
    lengths: BTreeMap<PathBuf, u64>,
    came: BTreeSet<PathBuf>,
    went: BTreeSet<PathBuf>,
}

/// One system call of the log: its name, its words in quotes or angles, whether it succeeded.
struct Line<'a> {
    name: &'a str,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn read(text: &'a str) -> Option<Line<'a>> {
        let (_, call) = text.split_once(' ')?;
        let (name, rest) = call.trim_start().split_once('(')?;
        let failed = rest.rsplit_once(" = ").is_none_or(|(_, result)| result.starts_with('-'));
        (!failed).then_some(Line { name, rest })
    }

    /// The path of the first descriptor: `5</a/b>`.
    fn descriptor(&self) -> Option<PathBuf> {
        let (_, from) = self.rest.split_once('<')?;
        Some(PathBuf::from(from.split_once('>')?.0))
    }

    /// The paths: each name with the folder of the descriptor before it.
    fn paths(&self) -> Vec<PathBuf> {
        let mut folder = PathBuf::new();
        let mut paths = Vec::new();
        let mut rest = self.rest;
        while let Some(at) = rest.find(['<', '"']) {
            let end = if rest[at..].starts_with('<') { '>' } else { '"' };
            let Some((word, after)) = rest[at + 1..].split_once(end) else { break };
            if end == '>' {
                folder = PathBuf::from(word);
            } else {
                paths.push(folder.join(word));
            }
            rest = after;
        }
        paths
    }
}

impl Unsynced {
    /// Follows a call through its log.
    fn of(log: &str) -> Unsynced {
        let mut unsynced = Unsynced::default();
        for line in log.lines().filter_map(Line::read) {
            unsynced.follow(&line);
        }
        unsynced
    }

    fn follow(&mut self, line: &Line<'_>) {
        let paths = line.paths();
        match (line.name, paths.as_slice()) {
            ("openat" | "openat2", [path, ..])
                if line.rest.contains("O_CREAT") && line.rest.contains("O_EXCL") =>
            {
                self.lengths.insert(path.clone(), 0);
                self.came(path);
            }
            ("mkdir" | "mkdirat", [path, ..]) => self.came(path),
            ("link" | "linkat", [from, to, ..]) => {
                if let Some(length) = self.lengths.get(from).copied() {
                    self.lengths.insert(to.clone(), length);
                }
                self.came(to);
            }
            ("rename" | "renameat" | "renameat2", [from, to, ..]) => {
                if let Some(length) = self.lengths.remove(from) {
                    self.lengths.insert(to.clone(), length);
                }
                self.went(from);
                self.came(to);
            }
            ("unlink" | "unlinkat", [path, ..]) => self.went(path),
            ("fsync" | "fdatasync", _) => self.synced(&line.descriptor().unwrap_or_default()),
            ("write" | "pwrite64", _) => {
                let Some(path) = line.descriptor() else { return };
                // What was there before this call is as long as it is now, less what was appended.
                let written: u64 =
                    line.rest.rsplit_once(" = ").and_then(|(_, n)| n.trim().parse().ok()).unwrap_or(0);
                let now = fs::metadata(&path).map_or(0, |data| data.len());
                self.lengths.entry(path).or_insert(now.saturating_sub(written));
            }
            _ => {}
        }
    }

    fn came(&mut self, path: &Path) {
        self.went.remove(path);
        self.came.insert(path.to_owned());
    }

    fn went(&mut self, path: &Path) {
        if !self.came.remove(path) {
            self.went.insert(path.to_owned());
        }
        self.lengths.remove(path);
    }

    /// A file's content, or a folder's entries, are on disk.
    fn synced(&mut self, path: &Path) {
        self.came.retain(|entry| entry.parent() != Some(path));
        self.went.retain(|entry| entry.parent() != Some(path));
        if let (Some(length), Ok(data)) = (self.lengths.get_mut(path), fs::metadata(path)) {
            *length = if data.is_file() { u64::MAX } else { *length };
        }
    }
}

/// Files below the folders that last, as they are now.
fn snapshot(folders: &[PathBuf]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut rest = folders.to_vec();
    while let Some(folder) = rest.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                rest.push(entry.path());
            } else {
                files.insert(entry.path(), fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    files
}

struct Node<'a> {
    scene: &'a Scene,
    folders: [PathBuf; 2],
    conf: Value,
}

impl Node<'_> {
    /// Makes the call until its `at`-th system call of a name, and lets the power go then.
    fn cut(&self, verb: &str, name: &str, at: usize, weather: Weather, random: &mut Random) {
        let before = snapshot(&self.folders);
        let log = self.scene.node.scratch("trace");
        let trace = format!("trace={CALLS}");
        let inject = format!("inject={name}:signal=SIGKILL:when={at}");
        let line = [
            "strace",
            "-f",
            "-y",
            "-qq",
            "-s",
            "4096",
            "-o",
            log.to_str().unwrap(),
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        self.scene.node.calling(verb, &self.scene.pod, &self.conf).through(&line).answer();
        let unsynced = Unsynced::of(&fs::read_to_string(&log).unwrap());
        let mut lasts = || match weather {
            Weather::NothingIsLeft => false,
            Weather::EverythingIsLeft => true,
            Weather::AsChanceHasIt => random.below(2) == 0,
        };
        let lasting = |path: &Path| self.folders.iter().any(|folder| path.starts_with(folder));
        for path in unsynced.went.iter().filter(|path| lasting(path)) {
            if let (false, Some(content)) = (lasts(), before.get(path)) {
                fs::write(path, content).unwrap();
            }
        }
        // Before the folders that they are in.
        for path in unsynced.came.iter().rev().filter(|path| lasting(path)) {
            if !lasts() {
                let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
            }
        }
        for (path, length) in unsynced.lengths.iter().filter(|(path, _)| lasting(path)) {
            if let (Ok(file), false) = (fs::OpenOptions::new().write(true).open(path), lasts()) {
                let now = file.metadata().unwrap().len();
                file.set_len(now.min(*length)).unwrap();
            }
        }
    }

    /// The kernel's state went with the boot; then DEL, as a runtime calls it for a sandbox that is no more.
    fn comes_up_again(&self, story: &str) {
        let scene = self.scene;
        scene.node.remove_netns("web");
        scene.node.netns("web");
        another_boot(&scene.node, "11111111-2222-3333-4444-555555555555");
        scene.del_succeeds(&self.conf, story);
        this_boot();
        let of_pod =
            |line: &&str| line.starts_with("file ") && line.contains("web") && !line.contains("/manifests/");
        let dump = scene.dump();
        let left: Vec<_> = dump.lines().filter(of_pod).filter(|line| !line.contains("/run/")).collect();
        assert!(left.is_empty(), "{story}: left on disk: {left:#?}");
        // What could not be read in full is kept for people.
        fs::remove_dir_all(scene.node.cni_dir().join("quarantine")).ok();
        fs::create_dir(scene.node.cni_dir().join("quarantine")).ok();
    }

    fn at_each_call(&self, verb: &str, prepare: impl Fn(&str)) {
        prepare("counting");
        let names = "write,fsync,fdatasync,linkat,unlinkat,unlink,rename,renameat,exit_group";
        let counted = strace::counted(self.scene, verb, &self.conf, names);
        self.scene.del_succeeds(&self.conf, "counting");
        let mut random = Random::of_this_run();
        let places = counted.iter().flat_map(|(name, times)| (1..=*times).map(move |at| (name, at)));
        let weathers = [Weather::NothingIsLeft, Weather::EverythingIsLeft, Weather::AsChanceHasIt];
        let ways: Vec<_> = places.flat_map(|place| weathers.map(|weather| (place, weather))).collect();
        assert!(ways.len() > 20, "{counted:?}");
        for ((name, at), weather) in strace::some(ways, 8, 30) {
            let story = format!("{verb}, no power from {name} {at} on, {weather:?}");
            prepare(&story);
            self.cut(verb, name, at, weather, &mut random);
            self.comes_up_again(&story);
        }
    }
}

fn node(scene: &Scene) -> Node<'_> {
    let folders = [scene.node.cni_dir(), PathBuf::from("/var/lib/cni/networks")];
    Node { scene, folders, conf: scene.conf(Networks::Plain) }
}

#[test]
fn an_add_that_lost_power() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        node(&scene).at_each_call("ADD", |_| {});
    });
}

#[test]
fn a_del_that_lost_power() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let node = node(&scene);
        node.at_each_call("DEL", |story| drop(scene.add_succeeds(&node.conf, story)));
    });
}

/// The double has to lose what was not synced, and nothing else.
#[test]
fn what_was_synced_lasts() {
    let log = "\
1 openat(AT_FDCWD</x>, \"/d/record\", O_RDWR|O_CREAT|O_EXCL, 0600) = 3</d/record>
1 write(3</d/record>, \"one\", 3) = 3
1 fsync(3</d/record>) = 0
1 openat2(4</d/red>, \".draft\", {flags=O_WRONLY|O_CREAT|O_EXCL, mode=0600}, 24) = 5</d/red/.draft>
1 linkat(4</d/red>, \".draft\", 4</d/red>, \"10.1.0.2\", 0) = 0
1 unlinkat(4</d/red>, \".draft\", 0) = 0
1 linkat(4</d/red>, \".draft\", 4</d/red>, \"10.1.0.3\", 0) = -1 EEXIST (File exists)
";
    let paths =
        |set: &BTreeSet<PathBuf>| set.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let unsynced = Unsynced::of(log);
    assert_eq!(paths(&unsynced.came), ["/d/record", "/d/red/10.1.0.2"]);
    assert_eq!(unsynced.lengths[Path::new("/d/red/10.1.0.2")], 0);
    let unsynced = Unsynced::of(&format!(
        "{log}1 fsync(4</d/red>) = 0\n1 fsync(6</d>) = 0\n1 unlink(\"/d/record\") = 0\n"
    ));
    assert_eq!(paths(&unsynced.came), Vec::<String>::new());
    assert_eq!(paths(&unsynced.went), ["/d/record"]);
}
