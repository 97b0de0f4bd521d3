//! Rows of a specification: named checks, each of which passes, fails or does not apply, and the table that
//! `cargo xtask test` prints of them.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::PathBuf;

use serde_json::json;

/// Where the rows are written for the table (`cargo xtask test` sets it).
const COLLECTED: &str = "MULTUS_CONFORMANCE";

/// How a check went.
#[derive(Debug)]
enum Outcome {
    /// What the row asks for holds.
    Pass,
    /// It does not, and this is what was seen.
    Fail(String),
    /// It does not apply here, and why.
    LeftOut(&'static str),
    /// It is another way on purpose, and why.
    Differs(String),
}

/// The checks of one row, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Checks {
    found: Vec<(String, Outcome)>,
}

impl Checks {
    /// Makes a check: it fails if it panics, and the others go on.
    pub fn check(&mut self, name: impl Into<String>, check: impl FnOnce()) {
        // A check that fails is a line in the table, with its own words.
        let hook = take_hook();
        set_hook(Box::new(|_| {}));
        let result = catch_unwind(AssertUnwindSafe(check));
        set_hook(hook);
        let outcome = match result {
            Ok(()) => Outcome::Pass,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Outcome::Fail(text.unwrap_or_default())
            }
        };
        self.found.push((name.into(), outcome));
    }

    /// Notes how a check went that was made elsewhere: `failure` is what was seen instead, if it failed.
    pub fn note(&mut self, name: impl Into<String>, failure: Option<&str>) {
        self.found.push((name.into(), failure.map_or(Outcome::Pass, |why| Outcome::Fail(why.to_owned()))));
    }

    /// Notes a check that is not made.
    pub fn leave_out(&mut self, name: impl Into<String>, why: &'static str) {
        self.found.push((name.into(), Outcome::LeftOut(why)));
    }

    /// Notes what is otherwise on purpose.
    pub fn differs(&mut self, name: impl Into<String>, because: &str) {
        self.found.push((name.into(), Outcome::Differs(because.to_owned())));
    }

    /// The names of those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.found
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Fail(_)))
            .map(|(name, _)| name.as_str())
    }

    /// Prints the row, and writes it down for the table. Returns whether all that was checked passed.
    ///
    /// # Panics
    /// If the table's folder is gone.
    pub fn close(&self, id: &str, title: &str) -> bool {
        self.write_down(id, title);
        let passed = self.failed().next().is_none();
        println!("{id} {title:.<50} {}", if passed { "pass" } else { "FAIL" });
        passed
    }

    fn write_down(&self, id: &str, title: &str) {
        let Some(folder) = std::env::var_os(COLLECTED).map(PathBuf::from) else { return };
        let checks = self.found.iter().map(|(name, outcome)| match outcome {
            Outcome::Pass => json!({ "name": name, "outcome": "pass" }),
            Outcome::Fail(why) => json!({ "name": name, "outcome": "fail", "why": why }),
            Outcome::LeftOut(why) => json!({ "name": name, "outcome": "left-out", "why": why }),
            Outcome::Differs(why) => json!({ "name": name, "outcome": "differs", "why": why }),
        });
        let row = json!({ "id": id, "title": title, "checks": checks.collect::<Vec<_>>() });
        std::fs::write(folder.join(format!("{id}.json")), row.to_string())
            .expect("the table's folder is there");
    }
}

/// What failed, for the message of a row's test.
impl std::fmt::Display for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, outcome) in &self.found {
            if let Outcome::Fail(why) = outcome {
                writeln!(f, "- {name}: {why}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_panics_fails_its_row_and_says_why() {
        let mut row = Checks::default();
        row.check("holds", || {});
        row.leave_out("elsewhere", "not here");
        assert_eq!(row.failed().count(), 0);
        row.check("breaks", || panic!("what was seen"));
        row.check("goes on", || {});
        row.differs("otherwise", "on purpose");
        assert_eq!(row.failed().collect::<Vec<_>>(), ["breaks"]);
        assert_eq!(row.to_string(), "- breaks: what was seen\n");
    }
}
