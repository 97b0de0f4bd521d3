//! What a call says while it works: to standard error, and to a file if the conf names one.

mod file;

use std::cell::OnceCell;
use std::io::{self, Write};
use std::panic;
use std::time::Instant;

use jiff::Timestamp;
use multus_attach::conf::{LogConf, LogLevel};
use multus_attach::{Log, Severity};
use multus_cni::env::Request;
use multus_cni::{Error, Stderr};
use serde::Serialize;

use file::LogFile;

/// The lines of one call.
pub(crate) struct CallLog {
    conf: LogConf,
    subject: Subject,
    begun: Instant,
    file: OnceCell<Option<LogFile>>,
}

/// Whom a line is about: every line of one attachment has the same `id`.
#[derive(Debug, Clone, Serialize)]
struct Subject {
    /// Container id and interface; empty for verbs that are about no container.
    id: String,
    verb: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
}

/// One line of the file.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    level: &'static str,
    #[serde(flatten)]
    subject: &'a Subject,
    message: &'a str,
}

impl CallLog {
    pub(crate) fn new(conf: &LogConf, request: &Request) -> Self {
        let names = ["K8S_POD_NAMESPACE", "K8S_POD_NAME"].map(|key| request.args.get(key));
        let id = match request.container_id.as_str() {
            "" => String::new(),
            id => format!("{id}/{}", request.ifname),
        };
        let pod = if let [Some(namespace), Some(name)] = names {
            Some(format!("{namespace}/{name}"))
        } else {
            None
        };
        let subject = Subject { id, verb: request.command.as_str(), pod };
        Self { conf: conf.clone(), subject, begun: Instant::now(), file: OnceCell::new() }
    }

    /// Tells how the call ended. The runtime has it from the answer; this is for who reads the file.
    pub(crate) fn ended(&self, outcome: Result<(), &Error>) {
        let took = self.begun.elapsed().as_millis();
        match outcome {
            Ok(()) => self.to_file(LogLevel::Verbose, &format!("done in {took} ms")),
            Err(error) => {
                self.to_file(
                    LogLevel::Error,
                    &format!("failed after {took} ms: code {}: {error}", error.code),
                );
            }
        }
    }

    /// A defect of our own is written to the file, too, before it is answered.
    pub(crate) fn add_panics(&self) {
        let (conf, subject) = (self.conf.clone(), self.subject.clone());
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |defect| {
            if let Some(file) = open(&conf) {
                append(&file, LogLevel::Panic, &subject, &defect.to_string());
            }
            before(defect);
        }));
    }

    fn to_file(&self, level: LogLevel, message: &str) {
        if level <= self.conf.level
            && let Some(file) = self.file.get_or_init(|| open(&self.conf))
        {
            append(file, level, &self.subject, message);
        }
    }
}

impl Log for CallLog {
    fn log(&self, severity: Severity, line: &str) {
        let level = level(severity);
        if level <= self.conf.level && self.conf.to_stderr {
            say(line);
        }
        self.to_file(level, line);
    }
}

/// Upstream's levels know no warnings: they are written where errors are.
fn level(severity: Severity) -> LogLevel {
    match severity {
        Severity::Debug => LogLevel::Debug,
        Severity::Info => LogLevel::Verbose,
        Severity::Warning | Severity::Error => LogLevel::Error,
    }
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Panic => "panic",
        LogLevel::Error => "error",
        LogLevel::Verbose => "verbose",
        LogLevel::Debug => "debug",
    }
}

/// No pod waits for, or fails of, a log that can't be written.
fn open(conf: &LogConf) -> Option<LogFile> {
    let path = conf.file.as_ref()?;
    LogFile::open(path, conf)
        .map_err(|error| say(&format!("no lines are written to {}: {error}", path.display())))
        .ok()
}

fn append(file: &LogFile, level: LogLevel, subject: &Subject, message: &str) {
    let time = format!("{:.3}", Timestamp::now());
    let line = Line { time, level: word(level), subject, message };
    // Nobody is left to tell if neither the file nor standard error takes it.
    let _ = serde_json::to_string(&line).map_err(io::Error::from).and_then(|line| file.append(&line));
}

/// Runtimes keep standard error with the pod's events.
fn say(line: &str) {
    // Nobody is left to tell if standard error is closed, or full and not read.
    let _ = Stderr::default().write_all(format!("multus: {line}\n").as_bytes());
}
