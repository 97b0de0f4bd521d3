//! What both sides have to agree in.

use std::collections::BTreeSet;

use multus_tests::Checks;

use crate::case::Case;
use crate::lines::{Lines, kind};
use crate::side::{Side, Sides};

/// Plays a case on both sides; a check for each kind of fact.
pub(crate) fn judge(sides: &Sides, case: &Case) -> Checks {
    let ours = sides.play(Side::Component, case);
    let theirs = match &case.only_here {
        Some(_) => ours.clone(),
        None => sides.play(Side::Binary, case),
    };
    let mut row = compare(case, &ours, &theirs);
    for words in &case.expect {
        row.check(words.join(" "), || {
            let there = ours.0.iter().any(|line| words.iter().all(|word| line.contains(word)));
            assert!(there, "{words:?} is not in\n{}", text(&ours));
        });
    }
    if let Some(since) = &case.only_here {
        row.differs(
            "reference",
            &format!("the reference plugin knows it since {since} only: tried by itself"),
        );
    }
    row
}

fn compare(case: &Case, ours: &Lines, theirs: &Lines) -> Checks {
    let mut row = Checks::default();
    let only_ours = ours.beyond(theirs).map(|line| ("component", line));
    let only_theirs = theirs.beyond(ours).map(|line| ("binary", line));
    let apart: Vec<(&str, &str)> = only_ours.chain(only_theirs).collect();
    let known = |line: &str| case.differences.iter().any(|known| fits(&known.lines, line));
    let kinds: BTreeSet<&str> = ours.0.union(&theirs.0).map(|line| kind(line)).collect();
    for kind in kinds {
        let unknown = apart.iter().filter(|(_, line)| self::kind(line) == kind && !known(line));
        let unknown: Vec<_> = unknown.map(|(side, line)| format!("{side} alone: {line}")).collect();
        row.check(kind, || assert!(unknown.is_empty(), "{}", unknown.join("\n")));
    }
    for difference in &case.differences {
        let seen = apart.iter().any(|(_, line)| fits(&difference.lines, line));
        match seen {
            true => row.differs(difference.lines.join(" "), &difference.because),
            false => row.check("known difference", || {
                panic!("{:?} is no difference any more: {}", difference.lines, difference.because)
            }),
        }
    }
    row
}

fn fits(words: &[String], line: &str) -> bool {
    words.iter().all(|word| line.contains(word.as_str()))
}

fn text(lines: &Lines) -> String {
    lines.0.iter().map(|line| format!("{line}\n")).collect()
}
