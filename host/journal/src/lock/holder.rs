//! Who holds a lock, for the message that says it is busy. As far as `/proc` tells; never an error.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, minor};

/// More names than this only make a message longer.
const SHOWN: usize = 5;

/// A process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process that took it.
    pub pid: u32,
    /// Its name; `None` if it is gone, and a process that it started holds on.
    pub name: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "process {} ({name})", self.pid),
            None => write!(f, "a delegate started by process {}, which is gone", self.pid),
        }
    }
}

/// Everybody who has the file at `path` locked.
pub(super) fn of(path: &Path) -> Vec<Holder> {
    let (Ok(metadata), Ok(locks)) = (path.metadata(), std::fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    let device = metadata.dev();
    let file = format!("{:02x}:{:02x}:{}", major(device), minor(device), metadata.ino());
    locks.lines().filter_map(|line| pid(line, &file)).map(Holder::of).collect()
}

impl Holder {
    fn of(pid: u32) -> Self {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        Self { pid, name: name.map(|name| name.trim_end().to_owned()) }
    }
}

/// The holder in a line of `/proc/locks`, `1: FLOCK ADVISORY WRITE 4242 00:19:77 0 EOF`, if it is about `file`.
fn pid(line: &str, file: &str) -> Option<u32> {
    let mut words = line.split_whitespace();
    let (_number, kind) = (words.next()?, words.next()?);
    let (_class, _mode, pid, locked) = (words.next()?, words.next()?, words.next()?, words.next()?);
    // 0 or less: a process that this one may not see.
    (kind == "FLOCK" && locked == file).then(|| pid.parse().ok()).flatten().filter(|pid| *pid > 0)
}

/// `; held by …` for a message, or nothing.
pub(super) fn clause(holders: &[Holder]) -> String {
    let names: Vec<String> = holders.iter().take(SHOWN).map(Holder::to_string).collect();
    let more = holders.len().saturating_sub(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!("; held by {}", names.join(", ")),
        (false, more) => format!("; held by {} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_holders_of_the_file_are_found() {
        let cases = [
            ("1: FLOCK  ADVISORY  WRITE 4242 00:19:77 0 EOF", Some(4242)),
            ("2: FLOCK  ADVISORY  READ  7 00:19:77 0 EOF", Some(7)),
            ("1: -> FLOCK  ADVISORY  WRITE 4242 00:19:77 0 EOF", None),
            ("1: POSIX  ADVISORY  WRITE 4242 00:19:77 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE 4242 00:19:78 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE 0 00:19:77 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE -1 00:19:77 0 EOF", None),
            ("1: FLOCK", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(pid(line, "00:19:77"), expected, "{line}");
        }
    }

    #[test]
    fn the_clause_names_a_few() {
        let holder = |pid| Holder { pid, name: Some("multus".to_owned()) };
        assert_eq!(clause(&[]), "");
        assert_eq!(clause(&[holder(1)]), "; held by process 1 (multus)");
        let gone = Holder { pid: 9, name: None };
        assert_eq!(clause(&[gone]), "; held by a delegate started by process 9, which is gone");
        assert!(clause(&(1..8).map(holder).collect::<Vec<_>>()).ends_with("process 5 (multus) and 2 more"));
    }
}
