//! Two ways of doing something, measured side by side.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Map, Value};

use super::report::{Aim, Line};

/// Runs before those that count: caches fill, the processor wakes up.
const WARM_UP: usize = 10;

/// One process, to be started again and again.
pub(super) struct Call {
    pub(super) plugin: PathBuf,
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// The file that is its standard input.
    pub(super) stdin: PathBuf,
    /// It gets the result of the call before it as `prevResult`, as one of a list does.
    pub(super) follows: bool,
}

/// What a call, or several, cost.
#[derive(Clone, Copy, Default)]
pub(super) struct Spent {
    /// From start to end.
    pub(super) time: Duration,
    /// Of the processor, by the process and those that it waited for.
    pub(super) cpu: Duration,
}

/// What counts as one: calls that follow each other.
pub(super) struct Step(pub(super) Vec<Call>);

impl From<Call> for Step {
    fn from(call: Call) -> Step {
        Step(vec![call])
    }
}

/// What is compared: each side a sequence of as many steps.
pub(super) struct Pair<'a> {
    pub(super) name: String,
    pub(super) one: Vec<Step>,
    pub(super) other: Vec<Step>,
    /// What is done between two runs, and not measured.
    pub(super) between: Option<Box<dyn Fn() + 'a>>,
}

/// What both sides spent on one step, run by run.
type Samples = (Vec<Spent>, Vec<Spent>);

impl Pair<'_> {
    pub(super) fn new(name: &str, one: Vec<Call>, other: Vec<Call>) -> Self {
        Pair::of_steps(name, steps(one), steps(other))
    }

    pub(super) fn of_steps(name: &str, one: Vec<Step>, other: Vec<Step>) -> Self {
        Pair { name: name.to_owned(), one, other, between: None }
    }

    /// Runs both sides in turn, the first of them changing, and gives a line for each step of the sequence.
    ///
    /// # Errors
    /// If a call fails: what does not work needs no measuring.
    pub(super) fn measure(&self, runs: usize, parts: &[(&'static str, Aim)]) -> Result<Vec<Line>> {
        let samples = self.samples(runs)?;
        let parts = parts.iter().zip(&samples);
        Ok(parts.map(|(&(part, aim), both)| self.line(part, both, |spent| spent.time, aim)).collect())
    }

    /// The same, and for each step a second line, of the processor's time.
    ///
    /// # Errors
    /// As [`Pair::measure`].
    pub(super) fn measure_both(&self, runs: usize, parts: &[Both]) -> Result<Vec<Line>> {
        let samples = self.samples(runs)?;
        let lines = parts.iter().zip(&samples).flat_map(|(part, both)| {
            [
                self.line(part.time.0, both, |spent| spent.time, part.time.1),
                self.line(part.cpu.0, both, |spent| spent.cpu, part.cpu.1),
            ]
        });
        Ok(lines.collect())
    }

    fn line(
        &self,
        part: &'static str,
        (one, other): &Samples,
        what: impl Fn(&Spent) -> Duration,
        aim: Aim,
    ) -> Line {
        let [one, other] = [one, other].map(|side| side.iter().map(&what).collect::<Vec<_>>());
        Line::new(&self.name, part, &one, &other, aim)
    }

    fn samples(&self, runs: usize) -> Result<Vec<Samples>> {
        println!("    {}", self.name);
        let mut samples: Vec<Samples> = self.one.iter().map(|_| Samples::default()).collect();
        for run in 0..WARM_UP + runs {
            let (one, other) = if run % 2 == 0 {
                let one = sequence(&self.one)?;
                (one, sequence(&self.other)?)
            } else {
                let other = sequence(&self.other)?;
                (sequence(&self.one)?, other)
            };
            self.between.iter().for_each(|between| between());
            if run >= WARM_UP {
                for ((step, one), other) in samples.iter_mut().zip(one).zip(other) {
                    step.0.push(one);
                    step.1.push(other);
                }
            }
        }
        Ok(samples)
    }
}

/// What the two lines of one step are called, and what they should stay below.
pub(super) struct Both {
    pub(super) time: (&'static str, Aim),
    pub(super) cpu: (&'static str, Aim),
}

pub(super) fn steps(calls: Vec<Call>) -> Vec<Step> {
    calls.into_iter().map(Step::from).collect()
}

fn sequence(steps: &[Step]) -> Result<Vec<Spent>> {
    steps.iter().map(Step::run).collect()
}

impl Step {
    fn run(&self) -> Result<Spent> {
        let before = cpu()?;
        let (mut time, mut result) = (Duration::ZERO, None);
        for (at, call) in self.0.iter().enumerate() {
            let listened = self.0.get(at + 1).is_some_and(|next| next.follows);
            let stdin = call.input(result.as_deref())?;
            time += call.run_with(&stdin, listened)?;
            if listened {
                result = Some(fs::read_to_string(call.output())?);
            }
        }
        Ok(Spent { time, cpu: cpu()?.saturating_sub(before) })
    }
}

/// What the processes that we waited for have used up to now.
fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let sum = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(u64::try_from(sum.num_microseconds())?))
}

impl Call {
    /// Finds the delegates that it runs in this folder.
    pub(super) fn among(mut self, folder: &Path) -> Self {
        self.environment.retain(|(name, _)| *name != "CNI_PATH");
        self.environment.push(("CNI_PATH", folder.into()));
        self
    }

    /// What its standard input is, after a call with this result.
    fn input(&self, result: Option<&str>) -> Result<PathBuf> {
        let Some(result) = result.filter(|_| self.follows) else { return Ok(self.stdin.clone()) };
        let mut conf: Map<String, Value> = serde_json::from_slice(&fs::read(&self.stdin)?)?;
        conf.insert(
            "prevResult".to_owned(),
            serde_json::from_str(result).context("a result that is no JSON")?,
        );
        let with_result = self.stdin.with_extension("with-result");
        fs::write(&with_result, Value::Object(conf).to_string())?;
        Ok(with_result)
    }

    /// Where its result is kept, if the next one needs it.
    fn output(&self) -> PathBuf {
        self.stdin.with_extension("result")
    }

    /// Makes the call; how long it took.
    ///
    /// # Errors
    /// If it fails.
    pub(super) fn run(&self) -> Result<Duration> {
        self.run_with(&self.stdin, false)
    }

    fn run_with(&self, stdin: &Path, listened: bool) -> Result<Duration> {
        let stdout = if listened { File::create(self.output())?.into() } else { Stdio::null() };
        let mut command = Command::new(&self.plugin);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(File::open(stdin)?).stdout(stdout).stderr(Stdio::null());
        let started = Instant::now();
        let status = command.status().with_context(|| format!("{} does not start", self.plugin.display()))?;
        let took = started.elapsed();
        ensure!(status.success(), "{}", self.explain(stdin));
        Ok(took)
    }

    /// The same call once more, for what it says.
    fn explain(&self, stdin: &Path) -> String {
        let verb = self.environment.iter().find(|(name, _)| *name == "CNI_COMMAND");
        let verb = verb.map(|(_, verb)| verb.to_string_lossy()).unwrap_or_default();
        let said = File::open(stdin).and_then(|stdin| {
            let mut command = Command::new(&self.plugin);
            command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
            command.stdin(stdin).output()
        });
        let said =
            said.map(|output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned());
        format!("{verb} of {} failed: {}", self.plugin.display(), said.unwrap_or_default())
    }
}
