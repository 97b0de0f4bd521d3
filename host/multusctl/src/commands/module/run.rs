//! `multusctl module run`.

use std::process::ExitCode;

use clap::Args;
use multus_fixtures::{Answer, Fixture};
use multus_wasm::LogLine;
use serde::Serialize;
use serde_json::Value;

use super::plan::{About, Entry};
use super::stage::{Outcome, Stage};
use super::subject::{Subject, role_of};
use super::trace;
use crate::console::{Console, Report};
use crate::units::{short, size};

/// Ask a module once, about what a fixture gives or about a pod's networks, and show its answer, its log, and what it used
///
/// What a fixture expects is not looked at. A plan's plugins are as the catalog's transforms left them. The exit status is 1 if the module gave no answer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module run --fixture fixtures/example.yaml
  multusctl module run target/components/jumbo.wasm --fixture storage.yaml -o json
  multusctl explain --conf multus.conf --pod team-red/web -o json > plan.json &&
    multusctl module run guard.wasm --plan plan.json --settings guard.settings.json")]
pub(crate) struct Run {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    entry: Entry,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Calls(Vec<CallReport>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallReport {
    fixture: String,
    answer: Value,
    log: Vec<LogView>,
    /// Where it crashed, the innermost function first.
    trace: Vec<String>,
    /// What a delegate asked the host to do.
    calls: Vec<String>,
    instantiate_microseconds: u64,
    call_microseconds: u64,
    memory: u64,
    #[serde(skip)]
    outcome: Outcome,
}

#[derive(Serialize)]
struct LogView {
    level: String,
    message: String,
}

impl Run {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let tried = self.subject.prepare()?;
        let fixtures = self.about.cases(&self.entry, tried.roles())?;
        let mut calls = Vec::new();
        for fixture in &fixtures {
            tried.check_fixture(fixture)?;
            let stage = Stage::new(&tried, role_of(fixture))?;
            calls.push(CallReport::of(fixture, stage.call(fixture)?));
        }
        let calls = Calls(calls);
        console.show(&calls)?;
        let failed = calls.0.iter().any(|call| matches!(call.outcome.answer, Answer::Failure { .. }));
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl CallReport {
    fn of(fixture: &Fixture, outcome: Outcome) -> Self {
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let view = |line: &LogLine| LogView { level: line.level.to_string(), message: line.message.clone() };
        Self {
            fixture: fixture.name.clone(),
            answer: outcome.answer.to_json(),
            log: outcome.log.iter().map(view).collect(),
            trace: trace::lines(&outcome.trace),
            calls: outcome.calls.clone(),
            instantiate_microseconds: micros(outcome.used.instantiate),
            call_microseconds: micros(outcome.used.call),
            memory: outcome.used.memory,
            outcome,
        }
    }

    fn text(&self) -> String {
        let used = &self.outcome.used;
        let mut lines = vec![self.fixture.clone(), format!("  answer  {}", self.outcome.answer.in_words())];
        if let Answer::Plugin { plugin, changed } = &self.outcome.answer
            && !changed.is_empty()
        {
            lines.push(format!("          {plugin}"));
        }
        lines.extend(self.calls.iter().map(|call| format!("  did     {call}")));
        lines.extend(self.trace.iter().map(|line| format!("  crash   {line}")));
        lines.extend(self.log.iter().map(|line| format!("  log     {}: {}", line.level, line.message)));
        lines.push(format!(
            "  time    {} to instantiate, {} to answer",
            short(used.instantiate),
            short(used.call)
        ));
        lines.push(format!("  memory  {}", size(used.memory)));
        lines.join("\n") + "\n"
    }
}

impl Report for Calls {
    fn text(&self) -> String {
        self.0.iter().map(CallReport::text).collect::<Vec<_>>().join("\n")
    }
}
