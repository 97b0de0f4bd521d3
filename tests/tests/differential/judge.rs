//! What both sides have to agree in.

use std::collections::BTreeSet;

use multus_tests::Checks;

use crate::case::{Case, Difference};
use crate::lines::{Lines, kind};
use crate::side::{Side, Sides};

/// What a file's cases showed so far.
pub(crate) struct Judge<'a> {
    pub(crate) sides: Sides,
    everywhere: &'a [Difference],
    /// Of `everywhere`: whether a case showed it.
    seen: Vec<bool>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(sides: Sides, everywhere: &'a [Difference]) -> Judge<'a> {
        Judge { sides, everywhere, seen: vec![false; everywhere.len()] }
    }

    /// Plays a case on both sides; a check for each kind of fact.
    pub(crate) fn case(&mut self, case: &Case) -> Checks {
        let ours = self.sides.play(Side::Component, case);
        let theirs = match &case.only_here {
            Some(_) => ours.clone(),
            None => self.sides.play(Side::Binary, case),
        };
        let mut row = self.compare(case, &ours, &theirs);
        for words in &case.expect {
            row.check(words.join(" "), || {
                let there = ours.0.iter().any(|line| words.iter().all(|word| line.contains(word)));
                assert!(there, "{words:?} is not in\n{}", text(&ours));
            });
        }
        if let Some(since) = &case.only_here {
            let why = format!("the reference plugin knows it since {since} only: tried by itself");
            row.differs("reference", &why);
        }
        row
    }

    fn compare(&mut self, case: &Case, ours: &Lines, theirs: &Lines) -> Checks {
        let mut row = Checks::default();
        let only_ours = ours.beyond(theirs).map(|line| (kind(line), format!("component alone: {line}")));
        let only_theirs = theirs.beyond(ours).map(|line| (kind(line), format!("binary alone: {line}")));
        let mut apart: Vec<(&str, String)> = only_ours.chain(only_theirs).collect();
        for (known, seen) in self.everywhere.iter().zip(&mut self.seen) {
            let before = apart.len();
            apart.retain(|(_, line)| !fits(&known.lines, line));
            *seen |= apart.len() < before;
        }
        let known = |line: &str| case.differences.iter().any(|known| fits(&known.lines, line));
        let kinds: BTreeSet<&str> = ours.0.union(&theirs.0).map(|line| kind(line)).collect();
        for kind in kinds {
            let unknown = apart.iter().filter(|(of, line)| *of == kind && !known(line));
            let unknown: Vec<_> = unknown.map(|(_, line)| line.as_str()).collect();
            row.check(kind, || assert!(unknown.is_empty(), "{}", unknown.join("\n")));
        }
        for difference in &case.differences {
            told(&mut row, difference, apart.iter().any(|(_, line)| fits(&difference.lines, line)));
        }
        row
    }

    /// The differences of many cases, each of which has to be one.
    pub(crate) fn everywhere(&self) -> Checks {
        let mut row = Checks::default();
        self.everywhere.iter().zip(&self.seen).for_each(|(known, seen)| told(&mut row, known, *seen));
        row
    }
}

fn told(row: &mut Checks, difference: &Difference, seen: bool) {
    if seen {
        return row.differs(difference.lines.join(" / "), &difference.because);
    }
    row.check("known difference", || {
        panic!("{:?} is no difference any more: {}", difference.lines, difference.because)
    });
}

/// Whether one of the patterns is in the line: pieces of it in any order, with ` … ` between them.
fn fits(patterns: &[String], line: &str) -> bool {
    patterns.iter().any(|pattern| pattern.split(" … ").all(|piece| line.contains(piece)))
}

fn text(lines: &Lines) -> String {
    lines.0.iter().map(|line| format!("{line}\n")).collect()
}
