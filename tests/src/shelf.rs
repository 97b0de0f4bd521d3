//! Modules that are installed once and copied from then on: in the virtual machine a component takes eight seconds to
//! compile, and each test is a process with a node of its own. The machine's files end with it, so nothing here is older than
//! the programs that are tested.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Module, binaries, is_the_machine};

/// One set of modules.
pub(crate) struct Shelf(PathBuf);

impl Shelf {
    /// `None` outside the machine.
    pub(crate) fn of(modules: &[Module]) -> Option<Shelf> {
        if !is_the_machine() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        modules.iter().for_each(|module| format!("{module:?}").hash(&mut hasher));
        let all = binaries::target_folder().join("tmp/modules");
        fs::create_dir_all(&all).expect("a folder below the build folder");
        Some(Shelf(all.join(format!("{:016x}", hasher.finish()))))
    }

    /// Fills the node's folder from the shelf, and the shelf by `install` if it is empty. One test at a time: what two compile
    /// at once takes both twice as long.
    pub(crate) fn furnish(&self, folder: &Path, install: impl FnOnce()) {
        let lock = File::create(self.0.with_extension("lock")).expect("a lock beside the shelf");
        lock.lock().expect("a lock that is free at last");
        let (from, to) =
            if self.0.exists() { (self.0.as_path(), folder) } else { (folder, self.0.as_path()) };
        if to == self.0 {
            install();
        }
        let copied =
            Command::new("cp").args(["--archive", "--no-target-directory"]).args([from, to]).status();
        assert!(copied.expect("cp starts").success(), "{} is not copied to {}", from.display(), to.display());
    }
}
