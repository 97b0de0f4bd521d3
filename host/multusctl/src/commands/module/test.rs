//! `multusctl module test`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use multus_fixtures::{self as fixture, Asked, Expect, Fixture};
use serde::Serialize;
use serde_json::Value;

use super::stage::{Outcome, Stage};
use super::subject::{Subject, role_of};
use super::trace;
use crate::console::{Console, Report};
use crate::table::{count, indent, render};
use crate::units::short;

/// Try a module with fixtures, in the plugin's own sandbox with its limits
///
/// A fixture gives a pod, a network, plugins and settings, and says what has to come of it. Needs no root and no
/// cluster, and leaves nothing. What a fixture can hold is in docs/modules.md. The exit status is 1 if an answer differs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module test
  multusctl module test modules/jumbo --fixtures modules/jumbo/more
  multusctl module test target/components/jumbo.wasm --fixtures fixtures -o json")]
pub(crate) struct Test {
    #[command(flatten)]
    subject: Subject,
    /// The folder of fixtures [default: `fixtures` in the crate, or here].
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
}

/// What came of each fixture.
#[derive(Serialize)]
#[serde(transparent)]
struct Results(Vec<CaseResult>);

#[derive(Serialize)]
struct CaseResult {
    fixture: String,
    file: PathBuf,
    passed: bool,
    expected: String,
    answer: Value,
    /// The answer in a sentence.
    #[serde(skip)]
    said: String,
    differences: Vec<String>,
    log: Vec<String>,
    /// What a delegate asked the host to do.
    calls: Vec<String>,
    /// Where it crashed, the innermost function first.
    trace: Vec<String>,
    microseconds: u64,
    memory: u64,
    #[serde(skip)]
    time: String,
}

impl Test {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let tried = self.subject.prepare()?;
        let folder = self.fixtures.clone().unwrap_or_else(|| self.subject.fixtures());
        let fixtures = fixture::read_folder(&folder)?;
        let mut stages = HashMap::new();
        let mut results = Vec::new();
        for fixture in &fixtures {
            tried.check_fixture(fixture)?;
            let expect = fixture.expect.as_ref().ok_or_else(|| {
                anyhow!(
                    "{}: {} has no `expect`, so it would test nothing",
                    fixture.file.display(),
                    fixture.name
                )
            })?;
            let stage = match stages.entry(role_of(fixture)) {
                Entry::Occupied(stage) => stage.into_mut(),
                Entry::Vacant(none) => none.insert(Stage::new(&tried, role_of(fixture))?),
            };
            results.push(CaseResult::of(fixture, expect, stage.call(fixture)?));
        }
        let results = Results(results);
        console.show(&results)?;
        let failed = results.0.iter().filter(|result| !result.passed).count();
        console.say(&format!("{}, {failed} failed", count(results.0.len(), "fixture")));
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl CaseResult {
    fn of(fixture: &Fixture, expect: &Expect, outcome: Outcome) -> Self {
        let time = outcome.used.instantiate + outcome.used.call;
        let asked = Asked {
            answer: outcome.answer,
            log: outcome.log.iter().map(|line| line.message.clone()).collect(),
            calls: outcome.calls,
            leases: outcome.leases,
        };
        let differences = expect.differences(&asked);
        Self {
            fixture: fixture.name.clone(),
            file: fixture.file.clone(),
            passed: differences.is_empty(),
            expected: expect.short(),
            answer: asked.answer.to_json(),
            said: asked.answer.in_words(),
            differences,
            log: outcome.log.iter().map(|line| format!("{}: {}", line.level, line.message)).collect(),
            trace: trace::lines(&outcome.trace),
            calls: asked.calls,
            microseconds: u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
            memory: outcome.used.memory,
            time: short(time),
        }
    }

    /// All that helps to find out why.
    fn explained(&self) -> String {
        let mut lines = self.differences.clone();
        lines.extend(self.trace.iter().cloned());
        lines.extend(self.log.iter().map(|line| format!("log: {line}")));
        format!("\n{} ({})\n{}", self.fixture, self.file.display(), indent(&lines.join("\n")))
    }
}

impl Report for Results {
    fn text(&self) -> String {
        let row = |result: &CaseResult| {
            let passed = if result.passed { "ok" } else { "FAILED" };
            vec![result.fixture.clone(), passed.to_owned(), result.time.clone(), result.said.clone()]
        };
        let table = render(&["FIXTURE", "RESULT", "TIME", "ANSWER"], self.0.iter().map(row));
        let failed = self.0.iter().filter(|result| !result.passed).map(CaseResult::explained);
        std::iter::once(table).chain(failed).collect()
    }
}
