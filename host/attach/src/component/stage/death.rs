//! A process that was killed writes nothing more.

use std::fs::{self, OpenOptions};

use super::{Pod, Stage, key};

/// What a back end says from its death on.
const KILLED: &str = "the process was killed";

/// Whether a refusal comes from a process that is dead.
pub(crate) fn is_death(words: &str) -> bool {
    words.contains(KILLED)
}

impl Stage {
    /// Cuts off what the code under test wrote to a pod's record after its process was killed: it went on, since
    /// nobody can kill a part of a test.
    pub(crate) fn bury(&self, pod: &Pod) {
        let path = self.store().open(&key(pod)).unwrap().map(|record| record.path);
        let Some(path) = path else { return };
        let text = fs::read_to_string(&path).unwrap();
        let lived: usize = text.split_inclusive('\n').take_while(|line| !is_death(line)).map(str::len).sum();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(lived as u64).unwrap();
    }

    /// The last write of a pod's record came to `kept` bytes only.
    pub(crate) fn tear(&self, pod: &Pod, kept: usize) {
        let path = self.store().open(&key(pod)).unwrap().unwrap().path;
        let text = fs::read_to_string(&path).unwrap();
        let last = text.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1);
        let length = (last + kept).min(text.len().saturating_sub(1));
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
    }

    /// What the last whole line of a pod's record says.
    pub(crate) fn last_line(&self, pod: &Pod) -> String {
        let path = self.store().open(&key(pod)).unwrap().unwrap().path;
        fs::read_to_string(&path).unwrap().lines().last().unwrap_or_default().to_owned()
    }
}
