//! `multusctl module bench`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use multus_wasm::{Fault, Sandbox, Used};
use serde::{Serialize, Serializer};

use super::fixture::{self, Fixture};
use super::stage::{Stage, ask};
use super::subject::Subject;
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
    cases: Vec<Costs>,
}

/// Medians; in JSON in microseconds.
#[derive(Serialize)]
struct Costs {
    fixture: String,
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
            let stage = Stage::new(&tried, fixture.role())?;
            artifact_bytes = stage.artifact;
            cases.push(self.measure(&stage, fixture)?);
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
        Ok(ExitCode::SUCCESS)
    }

    fn measure(&self, stage: &Stage<'_>, fixture: &Fixture) -> anyhow::Result<Costs> {
        let mut loads = Vec::new();
        for _ in 0..self.runs.min(LOADS) {
            let start = Instant::now();
            let used = used(fixture, &stage.sandbox(fixture)?)?;
            loads.push(start.elapsed().saturating_sub(used.instantiate + used.call));
        }
        let sandbox = stage.sandbox(fixture)?;
        let mut memory = used(fixture, &sandbox)?.memory;
        let (mut instantiate, mut call, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.runs {
            let start = Instant::now();
            let used = used(fixture, &sandbox)?;
            whole.push(start.elapsed());
            instantiate.push(used.instantiate);
            call.push(used.call);
            memory = memory.max(used.memory);
        }
        Ok(Costs {
            fixture: fixture.name.clone(),
            load: median(loads),
            instantiate: median(instantiate),
            call: median(call),
            whole: median(whole),
            memory,
        })
    }
}

/// What a call used that ended with an answer, or with the module's own refusal.
///
/// # Errors
/// It crashed or ran past a limit: how long that takes says nothing.
fn used(fixture: &Fixture, sandbox: &Sandbox) -> anyhow::Result<Used> {
    match ask(sandbox, &fixture.given) {
        Ok(outcome) => Ok(outcome.used),
        Err(error) if matches!(*error.fault, Fault::Failure { .. }) => Ok(error.used),
        Err(error) => bail!("{}: {}; `multusctl module run` says more", fixture.name, error.fault),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Report for Measured {
    fn text(&self) -> String {
        let row = |costs: &Costs| {
            let times = [costs.load, costs.instantiate, costs.call, costs.whole].map(short);
            [vec![costs.fixture.clone()], times.to_vec(), vec![size(costs.memory)]].concat()
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
