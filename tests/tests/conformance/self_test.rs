//! The table is only worth something if a plugin can fail it, and if one that is right passes.

use multus_tests::{NULL, RECORDING, binaries, left_out, private};

use crate::row::Row;
use crate::subject::Subject;
use crate::{answers, delegation, environment, verbs, versions};

type Checks = fn(&mut Row<'_>);

/// The rows that any plugin can be asked.
const ROWS: [(&str, Checks); 6] = [
    ("CNI-01", environment::variables),
    ("CNI-03", answers::shapes),
    ("CNI-05", verbs::add),
    ("CNI-06", verbs::del),
    ("CNI-12", versions::conversion),
    ("CNI-17", delegation::delegates),
];

/// What the reference plugins (1.1.1 and later) do in their own way: without a verb they introduce themselves, and
/// their error objects have no version.
const REFERENCE: [(&str, &str); 2] =
    [("CNI-01", "no CNI_COMMAND"), ("CNI-03", "an error is one JSON object on standard output")];

/// Row and name of each check that failed.
fn failing(subject: &Subject) -> Vec<(&'static str, String)> {
    let failed = |checks| Row::judge(subject, checks).failed().map(str::to_owned).collect::<Vec<_>>();
    ROWS.iter().flat_map(|(id, checks)| failed(*checks).into_iter().map(move |name| (*id, name))).collect()
}

fn failing_rows(delegate: &str) -> Vec<&'static str> {
    let mut rows: Vec<_> =
        failing(&Subject::foreign(&binaries::delegate(delegate))).into_iter().map(|(id, _)| id).collect();
    rows.dedup();
    rows
}

#[test]
fn a_plugin_that_does_nothing_fails() {
    private(|| assert_eq!(failing_rows(NULL), ["CNI-01", "CNI-03", "CNI-05", "CNI-12"]));
}

#[test]
fn a_plugin_that_checks_no_environment_fails_that_row() {
    private(|| assert_eq!(failing_rows(RECORDING), ["CNI-01", "CNI-03"]));
}

#[test]
fn the_reference_bridge_passes_but_for_what_is_known_of_it() {
    private(|| {
        let Some(folder) = binaries::reference_plugins() else {
            return left_out("there are no reference CNI plugins on this machine");
        };
        let failed = failing(&Subject::foreign(&folder.join("bridge")));
        let strange: Vec<_> =
            failed.iter().filter(|(id, name)| !REFERENCE.contains(&(*id, name.as_str()))).collect();
        assert!(strange.is_empty(), "{strange:?}");
    });
}
