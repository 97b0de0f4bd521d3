//! The conf.

use multus_guest::{Failure, Plugin};
use multus_guest_cni::Conf;

/// Tables are looked for from here on.
const FIRST_TABLE: u32 = 100;

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The table of the first address; `None` for any that nobody uses.
    table: Option<u32>,
    /// Routes say which address packets come from.
    pub(crate) source_hints: bool,
}

impl Wanted {
    pub(crate) fn read(plugin: &Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        Ok(Self { table: conf.at("table")?.number()?, source_hints: conf.at("addSourceHints")?.flag()? })
    }

    /// As many tables as there are addresses, none of them in use, but for one that the conf names.
    pub(crate) fn tables(&self, count: usize, used: &[u32]) -> Vec<u32> {
        let free = |table: &u32| !used.contains(table) && Some(*table) != self.table;
        let first = self.table.unwrap_or(FIRST_TABLE);
        // Those from 253 on are everybody's.
        let others = (first..=252).chain(first.max(256)..).filter(free);
        self.table.into_iter().chain(others).take(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_that_nobody_uses() {
        for (table, count, used, expected) in [
            (None, 3, &[254, 255][..], &[100, 101, 102][..]),
            (None, 2, &[100, 102], &[101, 103]),
            (None, 0, &[], &[]),
            (Some(300), 2, &[300, 301], &[300, 302]),
            (Some(252), 2, &[253, 254, 255], &[252, 256]),
        ] {
            assert_eq!(
                Wanted { table, source_hints: false }.tables(count, used),
                expected,
                "{table:?} {used:?}"
            );
        }
    }
}
