//! Keys about what a call says: `logFile`, `logLevel`, `logToStderr`, `logOptions`.

use std::path::PathBuf;
use std::time::Duration;

use multus_document::{Object, Pointer};
use serde_json::Value;

use super::reader::Reader;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a call's lines go, and which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConf {
    /// A file that lines are appended to.
    pub file: Option<PathBuf>,
    /// What matters less is not written.
    pub level: LogLevel,
    /// Lines go to standard error, too, which runtimes keep with the pod's events.
    pub to_stderr: bool,
    /// Bytes after which the file is put aside and a new one begun.
    pub max_size: u64,
    /// How many files that were put aside are kept; `None` keeps all.
    pub max_backups: Option<usize>,
    /// How long they are kept; `None` keeps them for good.
    pub max_age: Option<Duration>,
}

/// Upstream's levels, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Defects of multus itself.
    Panic,
    /// What failed, and what a call went on without.
    Error,
    /// Decisions worth keeping.
    Verbose,
    /// For who is looking into one call.
    Debug,
}

impl Default for LogConf {
    fn default() -> Self {
        Self {
            file: None,
            level: LogLevel::Verbose,
            to_stderr: true,
            max_size: 100 << 20,
            max_backups: Some(5),
            max_age: Some(5 * DAY),
        }
    }
}

pub(super) fn read(reader: &mut Reader, source: &Object) -> LogConf {
    let levels = [
        ("debug", LogLevel::Debug),
        ("verbose", LogLevel::Verbose),
        ("error", LogLevel::Error),
        ("panic", LogLevel::Panic),
    ];
    let default = LogConf::default();
    let mut log = LogConf {
        file: reader.path(source, &Pointer::root(), "logFile"),
        level: reader.choice(source, "logLevel", &levels).unwrap_or(default.level),
        to_stderr: reader.flag(source, "logToStderr").unwrap_or(default.to_stderr),
        ..default
    };
    let at = Pointer::root().key("logOptions");
    for (key, value) in reader.object(source, "logOptions").unwrap_or_default() {
        option(reader, &at.key(&key), &key, &value, &mut log);
    }
    log
}

/// A zero stands for the default size, and for no bound of number or age, as it does to upstream.
fn option(reader: &mut Reader, at: &Pointer, key: &str, value: &Value, log: &mut LogConf) {
    match (key, value) {
        (_, Value::Null) => {}
        ("maxSize" | "maxBackups" | "maxAge", value) => {
            let Some(number) = value.as_u64().and_then(|number| u32::try_from(number).ok()) else {
                return reader.wrong_kind(at, value, "a whole number that is not negative");
            };
            match key {
                "maxSize" if number > 0 => log.max_size = u64::from(number) << 20,
                "maxBackups" => {
                    log.max_backups = (number > 0).then(|| usize::try_from(number).ok()).flatten();
                }
                "maxAge" => log.max_age = (number > 0).then(|| DAY * number),
                _ => {}
            }
        }
        ("compress", Value::Bool(false)) => {}
        ("compress", Value::Bool(true)) => reader.warn(
            at,
            "`compress` has no effect: a pod would wait while a log is compressed",
            "leave it out; files that were put aside have the time in their name",
        ),
        ("compress", other) => reader.wrong_kind(at, other, "`true` or `false`"),
        (other, _) => reader.warn(
            at,
            format!("unknown key `{other}`, it is ignored"),
            "the keys are `maxAge` (days), `maxSize` (MB), `maxBackups` and `compress`",
        ),
    }
}
