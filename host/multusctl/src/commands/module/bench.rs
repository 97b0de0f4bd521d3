//! `multusctl module bench`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use multus_fixtures::{self as fixture, Fixture};
use multus_wasm::{Fault, Sandbox, Used};
use serde::{Serialize, Serializer};

use super::lent::Lent;
use super::stage::{Stage, ask};
use super::subject::{Subject, role_of};
use crate::console::{Console, Report};
use crate::table::render;
use crate::units::{short, size};

/// Measure what a module costs: to load it, to make an instance, to ask it
///
/// LOAD is what a process pays once: an engine, the artifact read and verified, everything linked. INSTANTIATE and CALL
/// are paid at each call, because each has an instance of its own; WHOLE is both with everything around them. Medians.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module bench --fixture fixtures/example.yaml
  multusctl module bench target/components/jumbo.wasm --fixture storage.yaml --runs 1000")]
pub(crate) struct Bench {
    #[command(flatten)]
    subject: Subject,
    /// The fixture; each case of it is measured.
    #[arg(long, value_name = "FILE")]
    fixture: PathBuf,
    /// How often; it is loaded as often, at most 100 times.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    component_bytes: u64,
    artifact_bytes: u64,
    runs: u32,
    cases: Vec<Case>,
}

/// What came of one case.
#[derive(Serialize)]
struct Case {
    fixture: String,
    #[serde(flatten)]
    costs: Option<Costs>,
    /// Why there are none.
    fault: Option<String>,
}

/// Medians; in JSON in microseconds.
#[derive(Serialize)]
struct Costs {
    #[serde(serialize_with = "micros")]
    load: Duration,
    #[serde(serialize_with = "micros")]
    instantiate: Duration,
    #[serde(serialize_with = "micros")]
    call: Duration,
    #[serde(serialize_with = "micros")]
    whole: Duration,
    /// Bytes of linear memory.
    memory: u64,
}

fn micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e6)
}

/// More loads say nothing new, and each maps and hashes the artifact.
const LOADS: u32 = 100;

impl Bench {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let fixtures = fixture::read(&self.fixture)?;
        let tried = self.subject.prepare()?;
        let (mut cases, mut artifact_bytes) = (Vec::new(), 0);
        for fixture in &fixtures {
            tried.check_fixture(fixture)?;
            let stage = Stage::new(&tried, role_of(fixture))?;
            artifact_bytes = stage.artifact;
            let (costs, fault) = match self.measure(&stage, fixture)? {
                Ok(costs) => (Some(costs), None),
                Err(fault) => (None, Some(fault.to_string())),
            };
            cases.push(Case { fixture: fixture.name.clone(), costs, fault });
        }
        let component_bytes = tried.component.len() as u64;
        let measured = Measured { component_bytes, artifact_bytes, runs: self.runs, cases };
        console.show(&measured)?;
        console.say(&format!(
            "medians of {} calls; the component has {}, its artifact {}",
            self.runs,
            size(component_bytes),
            size(artifact_bytes)
        ));
        for (name, fault) in measured.faults() {
            console.say(&format!("{name}: {fault}; `multusctl module run` says more"));
        }
        let failed = measured.faults().next().is_some();
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// The inner error: it crashed or ran past a limit, and how long that takes says nothing.
    fn measure(&self, stage: &Stage<'_>, fixture: &Fixture) -> anyhow::Result<Result<Costs, Box<Fault>>> {
        let mut loads = Vec::new();
        for _ in 0..self.runs.min(LOADS) {
            let start = Instant::now();
            match used(fixture, &stage.sandbox(fixture)?) {
                Ok(used) => loads.push(start.elapsed().saturating_sub(used.instantiate + used.call)),
                Err(fault) => return Ok(Err(fault)),
            }
        }
        let calls = self.calls(&stage.sandbox(fixture)?, fixture);
        Ok(calls.map(|calls| Costs { load: median(loads), ..calls }))
    }

    /// What one loaded module costs at each call.
    fn calls(&self, sandbox: &Sandbox, fixture: &Fixture) -> Result<Costs, Box<Fault>> {
        let mut memory = used(fixture, sandbox)?.memory;
        let (mut instantiate, mut call, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.runs {
            let start = Instant::now();
            let used = used(fixture, sandbox)?;
            whole.push(start.elapsed());
            instantiate.push(used.instantiate);
            call.push(used.call);
            memory = memory.max(used.memory);
        }
        let [instantiate, call, whole] = [instantiate, call, whole].map(median);
        Ok(Costs { load: Duration::ZERO, instantiate, call, whole, memory })
    }
}

/// What a call used that ran to its end, whatever the host thinks of the answer.
fn used(fixture: &Fixture, sandbox: &Sandbox) -> Result<Used, Box<Fault>> {
    match ask(sandbox, &fixture.given, &Lent::of(&fixture.given)) {
        Ok(outcome) => Ok(outcome.used),
        Err(error) if has_ended(&error.fault) => Ok(error.used),
        Err(error) => Err(error.fault),
    }
}

/// The module answered: with its own refusal, or with what the host does not take.
fn has_ended(fault: &Fault) -> bool {
    matches!(fault, Fault::Failure { .. } | Fault::ForbiddenChange { .. } | Fault::InvalidOutput { .. })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Measured {
    /// The cases that have no costs, and why.
    fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cases.iter().filter_map(|case| Some((case.fixture.as_str(), case.fault.as_deref()?)))
    }
}

impl Report for Measured {
    fn text(&self) -> String {
        let row = |case: &Case| {
            let figures = case.costs.as_ref().map(|costs| {
                let times = [costs.load, costs.instantiate, costs.call, costs.whole].map(short);
                [times.to_vec(), vec![size(costs.memory)]].concat()
            });
            [vec![case.fixture.clone()], figures.unwrap_or_else(|| vec!["-".to_owned(); 5])].concat()
        };
        render(&["FIXTURE", "LOAD", "INSTANTIATE", "CALL", "WHOLE", "MEMORY"], self.cases.iter().map(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let times = |micros: &[u64]| micros.iter().map(|micros| Duration::from_micros(*micros)).collect();
        assert_eq!(median(times(&[5, 1, 9])), Duration::from_micros(5));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
