//! How the calls ended: only as they may.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use multus_tests::Answer;

/// How one call may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Success,
    /// Code 11.
    TryAgain,
    /// Code 4: a second ADD without a DEL between.
    AttachedAlready,
    Killed,
}

/// Counted from many threads.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<(String, End), usize>>);

impl Tally {
    /// Counts an answer; any that no call may give stops the test.
    pub(crate) fn count(&self, answer: &Answer) -> End {
        let end = end_of(answer);
        *self.0.lock().unwrap().entry((answer.verb.clone(), end)).or_default() += 1;
        end
    }

    pub(crate) fn of(&self, verb: &str, end: End) -> usize {
        self.0.lock().unwrap().get(&(verb.to_owned(), end)).copied().unwrap_or_default()
    }
}

fn end_of(answer: &Answer) -> End {
    if answer.is_success() {
        return End::Success;
    }
    if answer.status.code().is_none() {
        return End::Killed;
    }
    let error = answer.error();
    match error.code {
        11 => End::TryAgain,
        4 if answer.verb == "ADD" && error.msg.contains("attached already") => End::AttachedAlready,
        _ => panic!("{answer}"),
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.lock().unwrap();
        write!(f, "{} calls:", counts.values().sum::<usize>())?;
        counts.iter().try_for_each(|((verb, end), count)| write!(f, " {verb} {end:?} {count},"))
    }
}
