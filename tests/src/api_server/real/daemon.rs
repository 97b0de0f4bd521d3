//! A program that runs beside the test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// As long as a server may need to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program, with its output in a file.
    pub(super) fn start(program: &Path, log: &Path, arguments: &[String]) -> Daemon {
        let output = File::create(log).expect("a file for its output");
        let errors = output.try_clone().expect("a second descriptor");
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(output).stderr(errors);
        let child =
            command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        Daemon { child, log: log.to_owned() }
    }

    /// Waits until it is ready; with its output if it is not.
    pub(super) fn wait_until(&mut self, ready: impl Fn() -> bool) {
        let began = Instant::now();
        while !ready() {
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || began.elapsed() > PATIENCE {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                panic!("{} ({ended:?}): {said}", self.log.display());
            }
            sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
