//! One call of a plugin, as a runtime makes it: environment, standard input, standard output.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Answer;

/// Longer than any deadline of the plugin's own: past it, the plugin hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A call that is being put together. The environment is exactly what is set here, and a search path.
#[derive(Debug, Clone)]
pub struct Calling {
    /// Program and arguments that the plugin's path follows.
    before: Vec<OsString>,
    plugin: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    stdin: Vec<u8>,
    nobody_listens: bool,
    errors_are_full: bool,
}

impl Calling {
    pub(crate) fn new(plugin: PathBuf) -> Calling {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let environment = BTreeMap::from([("PATH".into(), path)]);
        let (before, stdin) = (Vec::new(), Vec::new());
        Calling { before, plugin, environment, stdin, nobody_listens: false, errors_are_full: false }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Calling {
        self.environment.insert(name.into(), value.as_ref().into());
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Calling {
        self.environment.remove(OsStr::new(name));
        self
    }

    /// Calls the plugin through a program that runs the command line it is given, such as `strace`.
    #[must_use]
    pub fn through(mut self, line: &[&str]) -> Calling {
        self.before = line.iter().map(Into::into).collect();
        self
    }

    /// Replaces standard input.
    #[must_use]
    pub fn stdin(mut self, text: impl AsRef<[u8]>) -> Calling {
        self.stdin = text.as_ref().to_vec();
        self
    }

    /// The reading end of standard output is closed before the plugin can write to it.
    #[must_use]
    pub fn nobody_listens(mut self) -> Calling {
        self.nobody_listens = true;
        self
    }

    /// Standard error is a pipe without room, whose reading end is open and never read.
    #[must_use]
    pub fn nobody_reads_errors(mut self) -> Calling {
        self.errors_are_full = true;
        self
    }

    /// Makes the call and waits for its end.
    ///
    /// # Panics
    /// If the plugin does not start, or hangs.
    pub fn answer(self) -> Answer {
        self.start().wait()
    }

    /// Makes the call and comes back at once.
    ///
    /// # Panics
    /// If the plugin does not start.
    pub fn start(self) -> Running {
        let mut line = self.before.iter().map(OsString::as_os_str).chain([self.plugin.as_os_str()]);
        let mut command = Command::new(line.next().expect("the plugin at least"));
        command.args(line);
        command.env_clear().envs(&self.environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let unread = self.errors_are_full.then(|| {
            let (reader, writer) = full_pipe().expect("a pipe");
            command.stderr(writer);
            reader
        });
        let started = Instant::now();
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.plugin.display()));
        let stdout = child.stdout.take().expect("piped");
        let stdout = if self.nobody_listens { closed() } else { collect(stdout) };
        let stderr = child.stderr.take().map_or_else(closed, collect);
        let mut stdin = child.stdin.take().expect("piped");
        // A plugin that fails early leaves its input unread.
        let text = self.stdin;
        thread::spawn(move || stdin.write_all(&text));
        let verb = self.environment.get(OsStr::new("CNI_COMMAND")).cloned().unwrap_or_default();
        let verb = verb.to_string_lossy().into_owned();
        Running { verb, child, stdout, stderr, started, _unread: unread }
    }
}

/// A call that is under way.
#[derive(Debug)]
pub struct Running {
    verb: String,
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    started: Instant,
    _unread: Option<PipeReader>,
}

impl Running {
    /// The plugin's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL to the plugin alone.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
    }

    /// Any signal to the plugin alone.
    pub fn signal(&mut self, signal: Signal) {
        // Gone already is as good.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), signal);
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it does not end within two minutes, or somebody keeps the runtime's pipes open after its end: a
    /// runtime would wait as long.
    pub fn wait(mut self) -> Answer {
        let deadline = self.started + PATIENCE;
        let stdout = self.everything(&self.stdout, deadline, "output");
        let stderr = self.everything(&self.stderr, deadline, "error");
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("one's own child") {
                break status;
            }
            if Instant::now() > deadline {
                self.kill();
            }
            thread::sleep(Duration::from_micros(200));
        };
        let took = self.started.elapsed();
        assert!(took < PATIENCE || status.signal().is_none(), "{} did not end", self.verb);
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        Answer { verb: self.verb, status, stdout, stderr, took }
    }

    fn everything(&self, pipe: &Receiver<Vec<u8>>, deadline: Instant, which: &str) -> Vec<u8> {
        let left = deadline.saturating_duration_since(Instant::now());
        pipe.recv_timeout(left).unwrap_or_else(|_| {
            let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
            panic!("{}: standard {which} was still open after {PATIENCE:?}", self.verb)
        })
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        // What came before an error is worth showing.
        let _ = pipe.read_to_end(&mut all);
        let _ = send.send(all);
    });
    receive
}

/// Whoever writes to it waits: it takes no byte more.
fn full_pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, mut writer) = io::pipe()?;
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    while writer.write(&[b'x'; 4096]).is_ok() {}
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok((reader, writer))
}

fn closed() -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    let _ = send.send(Vec::new());
    receive
}
