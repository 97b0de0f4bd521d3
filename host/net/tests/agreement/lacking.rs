//! Rules about what a kernel may lack: they are left out there, aloud.

use std::collections::BTreeMap;

use crate::kinds;
use crate::left_out::left_out;
use crate::script::Rule;

/// What this kernel lacks, each found out once.
#[derive(Debug, Default)]
pub(crate) struct Lacking(BTreeMap<&'static str, bool>);

impl Lacking {
    /// Whether a rule can be tried here.
    pub(crate) fn allows(&mut self, rule: &Rule) -> bool {
        let uses = |word: &str| rule.script.split_whitespace().any(|other| other == word);
        let missing = kinds::all()
            .filter(|word| uses(word))
            .find(|word| *self.0.entry(word).or_insert_with(|| kinds::lacks(word)));
        if let Some(word) = missing {
            left_out(&format!("this kernel has no `{word}`: {}", rule.says));
        }
        missing.is_none()
    }
}
