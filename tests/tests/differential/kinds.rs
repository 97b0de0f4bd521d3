//! What this kernel has of what cases need.

use std::collections::BTreeMap;

use multus_tests::{kinds, speaks_sctp};

use crate::case::{Case, CaseFile};

/// Each found out once.
#[derive(Debug, Default)]
pub(crate) struct Kinds(BTreeMap<String, bool>);

impl Kinds {
    /// The first thing that the case needs and the kernel has not.
    pub(crate) fn lacking<'a>(&mut self, file: &'a CaseFile, case: &'a Case) -> Option<&'a str> {
        let needed = file.kinds.iter().chain(&case.kinds);
        let mut lacking = needed.filter(|kind| *self.0.entry((*kind).clone()).or_insert_with(|| lacks(kind)));
        lacking.next().map(String::as_str)
    }
}

fn lacks(kind: &str) -> bool {
    if kind == "sctp" { !speaks_sctp() } else { kinds::lacks(kind) }
}
