//! Two ways of doing something, measured side by side.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::report::{Aim, Line};

/// Runs before those that count: caches fill, the processor wakes up.
const WARM_UP: usize = 10;

/// One process, to be started again and again.
pub(super) struct Call {
    pub(super) plugin: PathBuf,
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// The file that is its standard input.
    pub(super) stdin: PathBuf,
}

/// What is compared: each side a sequence of as many calls.
pub(super) struct Pair<'a> {
    pub(super) name: String,
    pub(super) one: Vec<Call>,
    pub(super) other: Vec<Call>,
    /// What is done between two runs, and not measured.
    pub(super) between: Option<Box<dyn Fn() + 'a>>,
}

impl Pair<'_> {
    pub(super) fn new(name: &str, one: Vec<Call>, other: Vec<Call>) -> Self {
        Pair { name: name.to_owned(), one, other, between: None }
    }

    /// Runs both sides in turn, the first of them changing, and gives a line for each call of the sequence.
    ///
    /// # Errors
    /// If a call fails: what does not work needs no measuring.
    pub(super) fn measure(&self, runs: usize, parts: &[(&'static str, Aim)]) -> Result<Vec<Line>> {
        println!("    {}", self.name);
        let mut times = vec![(Vec::new(), Vec::new()); parts.len()];
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
                for ((part, one), other) in times.iter_mut().zip(one).zip(other) {
                    part.0.push(one);
                    part.1.push(other);
                }
            }
        }
        let parts = parts.iter().zip(times);
        Ok(parts.map(|(&(part, aim), (one, other))| Line::new(&self.name, part, &one, &other, aim)).collect())
    }
}

fn sequence(calls: &[Call]) -> Result<Vec<Duration>> {
    calls.iter().map(Call::run).collect()
}

impl Call {
    /// Makes the call; how long it took.
    ///
    /// # Errors
    /// If it fails.
    pub(super) fn run(&self) -> Result<Duration> {
        let stdin = File::open(&self.stdin)?;
        let mut command = Command::new(&self.plugin);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let status = command.status().with_context(|| format!("{} does not start", self.plugin.display()))?;
        let took = started.elapsed();
        ensure!(status.success(), "{}", self.explain());
        Ok(took)
    }

    /// The same call once more, for what it says.
    fn explain(&self) -> String {
        let verb = self.environment.iter().find(|(name, _)| *name == "CNI_COMMAND");
        let verb = verb.map(|(_, verb)| verb.to_string_lossy()).unwrap_or_default();
        let said = File::open(&self.stdin).and_then(|stdin| {
            let mut command = Command::new(&self.plugin);
            command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
            command.stdin(stdin).output()
        });
        let said =
            said.map(|output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned());
        format!("{verb} of {} failed: {}", self.plugin.display(), said.unwrap_or_default())
    }
}
