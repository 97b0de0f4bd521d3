//! The conformance tables: each row of a specification, and whether a plugin keeps it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::runner::Runner;
use crate::workspace::Workspace;

/// What the rows' ids begin with, and the specification that they are of.
const TABLES: [(&str, &str); 4] = [
    ("CNI-", "CNI conformance"),
    ("NP-", "Conformance with the multi-network specification 1.3"),
    ("DD-", "Components beside the reference plugins' binaries, and where they differ on purpose: delegates"),
    ("CR-", "Stories of crashes, each told of the components in it"),
];

/// One row, as the test of that row wrote it down.
#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) checks: Vec<Check>,
}

#[derive(Deserialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    /// Why it failed, was left out, or differs.
    #[serde(default)]
    why: String,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    Pass,
    Fail,
    LeftOut,
    /// It is another way on purpose.
    Differs,
}

/// Where the tests write the rows.
pub(super) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("conformance")
}

/// Rows of an earlier run prove nothing.
pub(super) fn forget(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder).context("no folder for the conformance table")
}

/// Prints a table of each specification whose rows are there.
///
/// # Errors
/// If there are none, or one of them failed.
pub(super) fn print(workspace: &Workspace, plugin: &str) -> Result<()> {
    let rows = read(&folder(workspace))?;
    ensure!(!rows.is_empty(), "no conformance row was run");
    let mut failed = Vec::new();
    for (prefix, title) in TABLES {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.id.starts_with(prefix)).collect();
        if !rows.is_empty() {
            println!("\n{title} of {plugin}");
            failed.extend(print_one(&rows));
        }
    }
    ensure!(failed.is_empty(), "conformance: {}", failed.join(", "));
    Ok(())
}

/// Prints one table; the rows that failed.
fn print_one<'a>(rows: &[&'a Row]) -> Vec<&'a str> {
    let failed: Vec<&str> =
        rows.iter().filter(|row| row.count(Outcome::Fail) > 0).map(|row| row.id.as_str()).collect();
    rows.iter().for_each(|row| print_row(row));
    let left_out = rows.iter().filter(|row| row.count(Outcome::LeftOut) == row.checks.len()).count();
    let hold = rows.len() - failed.len() - left_out;
    println!("  {} rows: {hold} hold, {left_out} left out, {} fail", rows.len(), failed.len());
    failed
}

fn print_row(row: &Row) {
    println!("  {:<7} {:<48} {}", row.id, row.title, verdict(row));
    for check in row.checks.iter().filter(|check| matches!(check.outcome, Outcome::Fail | Outcome::Differs)) {
        println!("          - {}: {}", check.name, check.why.trim_end().replace('\n', "\n            "));
    }
}

/// Runs the rows on any plugin, and prints how it keeps them. What another's plugin fails is its affair, not an
/// error here.
///
/// # Errors
/// If the rows can't be run.
pub(super) fn judge(runner: &Runner<'_>, plugin: &Path, conf: Option<&Path>) -> Result<()> {
    let plugin = plugin.canonicalize().with_context(|| format!("there is no plugin {}", plugin.display()))?;
    let conf =
        conf.map(|path| path.canonicalize().with_context(|| format!("there is no file {}", path.display())));
    let workspace = runner.workspace();
    forget(workspace)?;
    runner.conformance(&plugin, conf.transpose()?.as_deref())?;
    // Which rows failed is said.
    let _ = print(workspace, &plugin.display().to_string());
    Ok(())
}

impl Row {
    fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }
}

fn verdict(row: &Row) -> String {
    let [pass, fail, left_out, differs] =
        [Outcome::Pass, Outcome::Fail, Outcome::LeftOut, Outcome::Differs].map(|outcome| row.count(outcome));
    let mut left = if differs > 0 { format!(", {differs} on purpose otherwise") } else { String::new() };
    if left_out > 0 {
        left.push_str(&format!(", {left_out} left out: {}", reasons(row)));
    }
    match (pass, fail) {
        (0, 0) if differs > 0 => format!("{differs} on purpose otherwise"),
        (0, 0) => format!("left out: {}", reasons(row)),
        (_, 0) => format!("pass ({pass} checks{left})"),
        _ => format!("FAIL ({fail} of {} checks{left})", pass + fail),
    }
}

fn reasons(row: &Row) -> String {
    let left = row.checks.iter().filter(|check| check.outcome == Outcome::LeftOut);
    let mut reasons: Vec<_> = left.map(|check| check.why.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.join("; ")
}

/// The rows that the tests wrote down, by their ids.
///
/// # Errors
/// If there is no folder, or something else in it.
pub(super) fn read(folder: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let text = fs::read_to_string(entry.path())?;
        let row: Row = serde_json::from_str(&text).with_context(|| format!("{}", entry.path().display()))?;
        rows.push(row);
    }
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_if_all_of_its_checks_do() {
        let cases = [
            (r#"["pass","pass"]"#, "pass (2 checks)"),
            (r#"["pass","left-out"]"#, "pass (1 checks, 1 left out: why)"),
            (r#"["fail","pass"]"#, "FAIL (1 of 2 checks)"),
            (r#"["left-out","left-out"]"#, "left out: why"),
            (r#"["differs","differs"]"#, "2 on purpose otherwise"),
            (r#"["pass","differs"]"#, "pass (1 checks, 1 on purpose otherwise)"),
        ];
        for (outcomes, expected) in cases {
            let outcomes: Vec<String> = serde_json::from_str(outcomes).unwrap();
            let checks: Vec<_> = outcomes
                .iter()
                .map(|outcome| serde_json::json!({ "name": "n", "outcome": outcome, "why": "why" }))
                .collect();
            let row = serde_json::json!({ "id": "CNI-01", "title": "t", "checks": checks });
            assert_eq!(verdict(&serde_json::from_value(row).unwrap()), expected);
        }
    }
}
