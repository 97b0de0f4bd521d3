//! What a story was about, for the table of components that `cargo xtask test` prints.

use std::cell::RefCell;
use std::collections::BTreeSet;

use multus_tests::{Checks, is_the_machine};
use serde_json::Value;

/// Writes a row as it is dropped: a check for each component that the story had confs of, passed if the story came to its end.
#[derive(Default)]
pub(crate) struct Told {
    about: RefCell<BTreeSet<String>>,
}

impl Told {
    /// The story has a conf with these networks.
    pub(crate) fn of(&self, networks: &[Value]) {
        let mut about = self.about.borrow_mut();
        for network in networks {
            let chained = network["plugins"].as_array().into_iter().flatten();
            for plugin in chained.chain([network]) {
                let types = [&plugin["type"], &plugin["ipam"]["type"]];
                about.extend(types.into_iter().filter_map(Value::as_str).map(str::to_owned));
            }
        }
    }

    /// What came before the story counts for nothing.
    pub(crate) fn begin(&self) {
        self.about.borrow_mut().clear();
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let thread = std::thread::current();
        let story = thread.name().unwrap_or("nameless");
        let failed = std::thread::panicking();
        let mut row = Checks::default();
        self.about.borrow().iter().for_each(|component| row.note(component, failed.then_some(story)));
        // Told here and there, it is two stories: of other networks, on other kernels.
        let (id, place) = if is_the_machine() { ("CR-vm.", "in the machine, ") } else { ("CR-", "") };
        let title = story.replace("::", ": ").replace('_', " ");
        // A story that fails has told so already.
        let _ = row.close(&format!("{id}{}", story.replace("::", ".")), &format!("{place}{title}"));
    }
}
