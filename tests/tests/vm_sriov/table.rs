//! What the card's driver takes, as the stories saw it: `docs/sriov.md` shows that and nothing else.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use multus_tests::CniError;
use nix::errno::Errno;

use crate::card::Card;

/// Keys of confs, and what became of them.
#[derive(Default)]
pub(crate) struct Seen {
    taken: Mutex<Vec<String>>,
    refused: Mutex<Vec<(String, Errno)>>,
}

impl Seen {
    /// The card, or the link in the pod, says that it is so.
    pub(crate) fn taken(&self, key: &str) {
        self.taken.lock().unwrap().push(format!("`{key}`"));
    }

    /// In the kernel's words.
    pub(crate) fn refused(&self, key: &str, error: &CniError) {
        let text = format!("{} {}", error.msg, error.details);
        let number = text.split("(os error ").nth(1).and_then(|rest| rest.split(')').next()?.parse().ok());
        let number = number.unwrap_or_else(|| panic!("the kernel's number is not in {text}"));
        self.refused.lock().unwrap().push((key.to_owned(), Errno::from_raw(number)));
    }

    fn table(&self, card: &Card) -> String {
        let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let series: Vec<_> = version.split('.').take(2).collect();
        let mut table = format!(
            "As seen in the tests, with Linux {}:\n\n| | `{}` |\n|---|---|\n| {} | yes |\n",
            series.join("."),
            card.driver(),
            self.taken.lock().unwrap().join(", ")
        );
        for (key, errno) in self.refused.lock().unwrap().iter() {
            table.push_str(&format!("| `{key}` | refused, {errno:?} |\n"));
        }
        table
    }

    pub(crate) fn is_on_the_page(&self, card: &Card) {
        let page = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sriov.md"));
        let (page, table) = (fs::read_to_string(page).unwrap(), self.table(card));
        let shown = page.split_once("As seen in the tests").map_or("", |(_, rest)| rest);
        assert!(page.contains(&table), "docs/sriov.md is to have\n{table}\nwhere it has{shown}");
    }
}
