//! Modules that are installed once and copied from then on: in the virtual machine a component takes eight seconds to
//! compile, and each test is a process with a node of its own. The machine's files end with it, so nothing here is older than
//! the programs that are tested.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::{Module, binaries, is_the_machine};

/// Installs modules in a folder, which may have artifacts of them.
type Install<'a> = &'a dyn Fn(&Path, &[Module]);

/// One set of modules.
pub(crate) struct Shelf<'a> {
    modules: &'a [Module],
    install: Install<'a>,
}

impl<'a> Shelf<'a> {
    /// `None` outside the machine.
    pub(crate) fn of(modules: &'a [Module], install: Install<'a>) -> Option<Shelf<'a>> {
        is_the_machine().then_some(Shelf { modules, install })
    }

    /// Fills the node's folder from the shelf, and the shelf first if it has no such set: with what it has of each component,
    /// whatever set that came with.
    pub(crate) fn furnish(&self, folder: &Path) {
        let set = place(&self.modules);
        let lock = beside(&set);
        lock.lock().expect("a lock that is free at last");
        if set.exists() {
            return copy(&set, folder);
        }
        self.lend(folder);
        (self.install)(folder, self.modules);
        copy(folder, &set);
    }

    /// Gives the folder an artifact of each component. Two tests at once compile different ones, rather than that one waits
    /// for the other.
    fn lend(&self, folder: &Path) {
        let mut later: Vec<_> =
            self.modules.iter().map(|module| (module, place(&module.component()))).collect();
        later.retain(|(module, of_one)| {
            let lock = beside(of_one);
            let free = lock.try_lock().is_ok();
            if free {
                self.compile(module, of_one);
            }
            !free
        });
        for (module, of_one) in &later {
            let lock = beside(of_one);
            lock.lock().expect("a lock that is free at last");
            self.compile(module, of_one);
        }
        let mut artifacts = Vec::new();
        let all: BTreeSet<_> = self.modules.iter().map(Module::component).collect();
        for component in all {
            let of_one = place(&component);
            copy(&of_one.join("cache"), &folder.join("cache"));
            let text = fs::read(of_one.join("modules.lock")).expect("a module that is installed is locked");
            let lock: Value = serde_json::from_slice(&text).expect("a lock is JSON");
            artifacts.extend(lock["artifacts"].as_array().cloned().unwrap_or_default());
        }
        let lock = json!({ "artifacts": artifacts });
        fs::write(folder.join("modules.lock"), lock.to_string()).expect("the folder is the test's");
    }

    /// Installs it by itself, if that was not done.
    fn compile(&self, module: &Module, of_one: &Path) {
        if !of_one.exists() {
            let fresh = of_one.with_extension("fresh");
            fs::create_dir_all(&fresh).expect("a folder below the build folder");
            (self.install)(&fresh, std::slice::from_ref(module));
            fs::rename(&fresh, of_one).expect("a name that is free");
        }
    }
}

/// Where something is kept, by what it is.
fn place(what: &impl std::fmt::Debug) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    format!("{what:?}").hash(&mut hasher);
    let all = binaries::target_folder().join("tmp/modules");
    fs::create_dir_all(&all).expect("a folder below the build folder");
    all.join(format!("{:016x}", hasher.finish()))
}

/// The lock of such a place.
fn beside(place: &Path) -> File {
    File::create(place.with_extension("lock")).expect("a lock beside the shelf")
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["--archive", "--no-target-directory"]).args([from, to]).status();
    assert!(copied.expect("cp starts").success(), "{} is not copied to {}", from.display(), to.display());
}
