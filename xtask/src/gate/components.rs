//! The table of components: each plugin of the reference package, and those of later versions, the component that stands for it, the keys of its conf, and
//! how it came out beside the binary and through crashes. Made from what the tests wrote down in this run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::table::{Check, Outcome, Row};
use crate::workspace::Workspace;

/// Of the package, but nothing that a pod is attached with: a daemon's client, and rules for the node's firewall.
const NO_COMPONENTS: [&str; 2] = ["dhcp", "firewall"];

const NO_COMPONENT: &str = "no component";
const NOT_RUN: &str = "not run";
const BY_THEMSELVES: &str = "by themselves";

/// Of later versions than the package's.
const LATER: [&str; 1] = ["dummy"];

/// What a row's check is called that says that the package's binary can't do what the component was tried with.
const BY_ITSELF: &str = "reference";

/// Prints the table, and writes it to `target/components.md`. `whole` says that the virtual machine had its turn, so that no
/// cell may be empty.
///
/// # Errors
/// If a component's README can't be read, the file can't be written, or a cell is empty that must not be.
pub(super) fn print(workspace: &Workspace, plugins: &Path, rows: &[Row], whole: bool) -> Result<()> {
    let mut text = String::from(
        "| plugin | component's keys | beside the binary | crash stories of pods that have it |\n|---|---|---|---|\n",
    );
    for plugin in names(plugins)? {
        let keys = keys(workspace, &plugin)?;
        let beside = tally(rows, "DD-", |row| row.title.starts_with(&format!("{plugin}: ")), |_| true);
        let crashes = tally(rows, "CR-", |_| true, |check| check == plugin);
        text.push_str(&format!("| {plugin} | {keys} | {beside} | {crashes} |\n"));
    }
    println!("\nComponents that stand for the reference plugins, as this run saw them\n{text}");
    let file = workspace.target.join("components.md");
    fs::write(&file, &text).with_context(|| format!("{} is not written", file.display()))?;
    let empty: Vec<&str> = text.lines().skip(2).filter(|line| !is_whole(line)).collect();
    ensure!(
        !whole || empty.is_empty(),
        "no component, or nothing that was run with it: {}",
        empty.join("; ")
    );
    Ok(())
}

/// Whether a line of the table has a component in it, and something that was seen to hold in each column of tests.
fn is_whole(line: &str) -> bool {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let held =
        |cell: Option<&&str>| cell.is_some_and(|cell| cell.contains("hold") || cell.contains(BY_THEMSELVES));
    !line.contains(NO_COMPONENT) && [3, 4].into_iter().all(|column| held(cells.get(column)))
}

fn names(plugins: &Path) -> Result<BTreeSet<String>> {
    let folder = fs::read_dir(plugins).with_context(|| format!("no folder {}", plugins.display()))?;
    let names = folder.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let of_package = names.filter(|name| !NO_COMPONENTS.contains(&name.as_str()));
    Ok(of_package.chain(LATER.map(str::to_owned)).collect())
}

/// What stands between backticks in the first column of the README's table of keys.
fn keys(workspace: &Workspace, plugin: &str) -> Result<String> {
    let readme = workspace.root.join("plugins").join(plugin).join("README.md");
    if !readme.exists() {
        return Ok(NO_COMPONENT.to_owned());
    }
    let text = fs::read_to_string(&readme).with_context(|| format!("{} is not read", readme.display()))?;
    let lines = text.lines().skip_while(|line| *line != "| key | |").skip(2);
    let first = lines.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let keys: Vec<&str> = first.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    Ok(if keys.is_empty() { "none".to_owned() } else { keys.join(", ") })
}

/// How many rows of that kind hold, of those that have a check that counts.
fn tally(rows: &[Row], prefix: &str, row: impl Fn(&Row) -> bool, check: impl Fn(&str) -> bool) -> String {
    let mut counts = [0_usize; 4];
    for row in rows.iter().filter(|it| it.id.starts_with(prefix) && row(it)) {
        let checks: Vec<&Check> = row.checks.iter().filter(|it| check(&it.name)).collect();
        let Some(which) = worst(&checks) else { continue };
        counts.get_mut(which).into_iter().for_each(|count| *count += 1);
    }
    let [hold, by_themselves, left_out, fail] = counts;
    let parts = [(hold, "hold"), (by_themselves, BY_THEMSELVES), (left_out, "left out"), (fail, "FAIL")];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() { NOT_RUN.to_owned() } else { said.join(", ") }
}

/// The place in the counts of a row with these checks; none without any.
fn worst(checks: &[&Check]) -> Option<usize> {
    match checks {
        [] => None,
        all if all.iter().any(|check| check.outcome == Outcome::Fail) => Some(3),
        all if all.iter().all(|check| check.outcome == Outcome::LeftOut) => Some(2),
        all if all.iter().any(|check| check.name == BY_ITSELF) => Some(1),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, title: &str, checks: &[(&str, &str)]) -> Row {
        let checks: Vec<_> = checks
            .iter()
            .map(|(name, outcome)| serde_json::json!({ "name": name, "outcome": outcome }))
            .collect();
        serde_json::from_value(serde_json::json!({ "id": id, "title": title, "checks": checks })).unwrap()
    }

    #[test]
    fn a_line_is_whole_if_something_held_in_each_column() {
        let rows = [
            ("| sbr | table | 13 hold | 2 hold, 1 left out |", true),
            ("| dummy | ipam | 3 by themselves | 5 hold |", true),
            ("| vrf | table | 6 left out | 5 hold |", false),
            ("| vlan | vlanId | 13 hold | not run |", false),
            ("| tap | no component | 13 hold | 5 hold |", false),
        ];
        for (line, expected) in rows {
            assert_eq!(is_whole(line), expected, "{line}");
        }
    }

    #[test]
    fn rows_are_counted_by_plugin_and_by_check() {
        let rows = [
            row("DD-B01", "bridge: a", &[("links", "pass"), ("routes", "differs")]),
            row("DD-B02", "bridge: b", &[("links", "left-out")]),
            row("DD-B03", "bridge: c", &[("links", "pass"), ("reference", "differs")]),
            row("DD-P01", "ptp: a", &[("links", "fail")]),
            row("CR-one", "one", &[("bridge", "pass"), ("ptp", "pass")]),
            row("CR-two", "two", &[("bridge", "fail")]),
        ];
        let beside =
            |plugin: &str| tally(&rows, "DD-", |row| row.title.starts_with(&format!("{plugin}: ")), |_| true);
        let crashes = |plugin: &str| tally(&rows, "CR-", |_| true, |check| check == plugin);
        assert_eq!(beside("bridge"), "1 hold, 1 by themselves, 1 left out");
        assert_eq!(beside("ptp"), "1 FAIL");
        assert_eq!(beside("sbr"), "not run");
        assert_eq!(crashes("bridge"), "1 hold, 1 FAIL");
        assert_eq!(crashes("ptp"), "1 hold");
    }
}
