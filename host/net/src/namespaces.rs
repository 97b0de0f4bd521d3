//! Every network namespace of the node, whoever keeps it alive: processes and their threads, descriptors that they have
//! open, mounts in whatever mount namespace, and sockets, which stay in the namespace that they were made in.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sys;

const PROC: &str = "/proc";
/// What the kernel calls the file of a namespace.
const KIND: &str = "net:[";
/// And of a socket.
const SOCKET: &str = "socket:[";

/// Who keeps a namespace alive; the first that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// A thread that is in it.
    Process {
        /// Its process.
        pid: u32,
        /// What that is called.
        name: String,
    },
    /// An open descriptor.
    Descriptor {
        /// Whose.
        pid: u32,
        /// What that is called.
        name: String,
        /// Which.
        number: u32,
    },
    /// A mount.
    Mount {
        /// Where, as that process sees it.
        path: PathBuf,
        /// A process in the mount namespace.
        pid: u32,
    },
    /// A socket that was made in it.
    Socket {
        /// Whose.
        pid: u32,
        /// What that is called.
        name: String,
        /// Its descriptor.
        number: u32,
    },
}

/// A namespace that was found.
#[derive(Debug)]
pub struct Place {
    /// The inode of its file.
    pub inode: u64,
    /// Opens it, as long as its keeper keeps it.
    pub path: PathBuf,
    /// Who keeps it alive.
    pub keeper: Keeper,
    /// What the path leads to, if there is no other way.
    _open: Option<File>,
}

/// All of them that are in `/proc`, each once, but those that end meanwhile. Those that have processes are found by these.
///
/// # Errors
/// `/proc` can't be listed.
pub fn all() -> io::Result<Vec<Place>> {
    let mut search = Search::default();
    let processes: Vec<u32> = numbers(Path::new(PROC))?;
    for look in [Search::threads, Search::descriptors, Search::mounts] {
        for pid in &processes {
            look(&mut search, *pid);
        }
    }
    Ok(search.found)
}

/// Those beside others that nothing but a socket keeps. Each socket of the node is shared with its owner for a moment, so
/// this is for when the others are not enough.
///
/// # Errors
/// `/proc` can't be listed.
pub fn of_sockets(others: &[Place]) -> io::Result<Vec<Place>> {
    let mut seen: BTreeSet<u64> = others.iter().map(|place| place.inode).collect();
    let mut found = Vec::new();
    for pid in numbers(Path::new(PROC))? {
        let Ok(process) = sys::process(pid) else { continue };
        for number in numbers(&folder(pid).join("fd")).unwrap_or_default() {
            let to = fs::read_link(folder(pid).join("fd").join(number.to_string())).unwrap_or_default();
            if !to.to_string_lossy().starts_with(SOCKET) {
                continue;
            }
            let opened = sys::descriptor_of(process.as_fd(), number);
            let Ok(namespace) = opened.and_then(|socket| sys::namespace_of(socket.as_fd())) else { continue };
            let namespace = File::from(namespace);
            let Ok(inode) = namespace.metadata().map(|file| file.ino()) else { continue };
            if seen.insert(inode) {
                let path = PathBuf::from(format!("{PROC}/self/fd/{}", namespace.as_raw_fd()));
                let keeper = Keeper::Socket { pid, name: name(pid), number };
                found.push(Place { inode, path, keeper, _open: Some(namespace) });
            }
        }
    }
    Ok(found)
}

/// Processes come and go: what can't be read of one is gone.
#[derive(Default)]
struct Search {
    found: Vec<Place>,
    seen: BTreeSet<(u64, u64)>,
    mounts: BTreeSet<u64>,
}

impl Search {
    fn threads(&mut self, pid: u32) {
        for thread in numbers(&folder(pid).join("task")).unwrap_or_default() {
            let path = folder(pid).join("task").join(thread.to_string()).join("ns/net");
            self.add(path, || Keeper::Process { pid, name: name(pid) });
        }
    }

    fn descriptors(&mut self, pid: u32) {
        for number in numbers(&folder(pid).join("fd")).unwrap_or_default() {
            let path = folder(pid).join("fd").join(number.to_string());
            if self.may_be_namespace(&path) {
                self.add(path, || Keeper::Descriptor { pid, name: name(pid), number });
            }
        }
    }

    /// What was opened by the path of a mount still says that, and `/` without it: then its file system tells.
    fn may_be_namespace(&self, descriptor: &Path) -> bool {
        let Ok(to) = fs::read_link(descriptor) else { return false };
        let to = to.to_string_lossy();
        to.starts_with(KIND)
            || to.starts_with('/')
                && fs::metadata(descriptor).is_ok_and(|file| self.is_of_namespaces(file.dev()))
    }

    fn is_of_namespaces(&self, device: u64) -> bool {
        self.seen.iter().any(|(of_namespaces, _)| *of_namespaces == device)
    }

    fn mounts(&mut self, pid: u32) {
        let folder = folder(pid);
        let Ok(space) = fs::metadata(folder.join("ns/mnt")) else { return };
        if !self.mounts.insert(space.ino()) {
            return;
        }
        let Ok(table) = fs::read(folder.join("mountinfo")) else { return };
        for path in mounted(&String::from_utf8_lossy(&table)) {
            let inside = path.strip_prefix("/").unwrap_or(&path);
            self.add(folder.join("root").join(inside), || Keeper::Mount { path: path.clone(), pid });
        }
    }

    fn add(&mut self, path: PathBuf, keeper: impl FnOnce() -> Keeper) {
        let Ok(file) = fs::metadata(&path) else { return };
        if self.seen.insert((file.dev(), file.ino())) {
            self.found.push(Place { inode: file.ino(), path, keeper: keeper(), _open: None });
        }
    }
}

fn folder(pid: u32) -> PathBuf {
    Path::new(PROC).join(pid.to_string())
}

fn name(pid: u32) -> String {
    fs::read_to_string(folder(pid).join("comm")).unwrap_or_default().trim_end().to_owned()
}

/// The entries of a folder that are numbers, in order.
fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(folder)?.flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Where namespaces of networks are mounted (proc(5), `mountinfo`).
fn mounted(table: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let is_namespace = words.get(3)?.starts_with(KIND);
        words.get(4).filter(|_| is_namespace).map(|path| PathBuf::from(plain(path)))
    };
    table.lines().filter_map(path).collect()
}

/// Blanks and such are written in octal there.
fn plain(path: &str) -> String {
    let pairs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    pairs.iter().fold(path.to_owned(), |path, (written, meant)| path.replace(written, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_other_kinds_are_passed_over() {
        let table = "\
25 1 0:22 / /proc rw,nosuid - proc proc rw
90 32 0:4 net:[4026532201] /run/netns/blue rw shared:5 - nsfs nsfs rw
91 32 0:4 mnt:[4026532202] /run/ns/blue rw - nsfs nsfs rw
92 32 0:4 net:[4026532203] /run/a\\040b rw - nsfs nsfs rw
broken
";
        assert_eq!(mounted(table), [PathBuf::from("/run/netns/blue"), PathBuf::from("/run/a b")]);
    }

    #[test]
    fn ones_own_is_found_by_ones_own_process() {
        let own = fs::metadata("/proc/self/ns/net").unwrap().ino();
        let found = all().unwrap();
        let mine: Vec<_> = found.iter().filter(|place| place.inode == own).collect();
        assert_eq!(mine.len(), 1, "{found:?}");
        assert!(matches!(mine[0].keeper, Keeper::Process { .. }), "{mine:?}");
    }
}
