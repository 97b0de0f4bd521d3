//! A CNI plugin for tests: it keeps one lease file per network, container, interface and plugin, records every call, and
//! misbehaves where its conf says so. With `link` it makes a link, too, and its result names it. Its conf:
//!
//! ```json
//! { "type": "…", "name": "…", "cniVersion": "…",
//!   "recording": { "leases": "/folder", "log": "/file" },
//!   "address": "192.0.2.1/24",
//!   "link": false,
//!   "result": { "what ADD prints instead of its own": true },
//!   "misbehave": { "ADD": { "when": "after", "fail": { "code": 100, "msg": "no" } } } }
//! ```
//!
//! Misbehaviour, per verb, every member by itself or with others: see `misbehave.rs`.

mod lease;
mod link;
mod misbehave;
mod verbs;

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

use multus_tests::Recorded;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// An error as CNI wants it.
pub(crate) struct Failure {
    code: u32,
    msg: String,
}

impl Failure {
    pub(crate) fn new(code: u32, msg: impl Into<String>) -> Failure {
        Failure { code, msg: msg.into() }
    }
}

/// What is read of the conf.
#[derive(Deserialize)]
pub(crate) struct Conf {
    #[serde(rename = "cniVersion", default)]
    pub(crate) cni_version: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) recording: Option<Recording>,
    pub(crate) address: Option<String>,
    #[serde(default)]
    pub(crate) link: bool,
    pub(crate) result: Option<Value>,
    #[serde(rename = "prevResult")]
    pub(crate) prev_result: Option<Value>,
    #[serde(rename = "cni.dev/valid-attachments", default)]
    pub(crate) valid: Vec<Valid>,
    #[serde(default)]
    misbehave: Map<String, Value>,
}

/// Where the delegate writes.
#[derive(Deserialize)]
pub(crate) struct Recording {
    pub(crate) leases: std::path::PathBuf,
    log: std::path::PathBuf,
}

/// An attachment that a GC spares.
#[derive(Deserialize)]
pub(crate) struct Valid {
    #[serde(rename = "containerID")]
    pub(crate) container_id: String,
    pub(crate) ifname: String,
}

fn main() -> ExitCode {
    let mut text = String::new();
    let read = stdin().read_to_string(&mut text);
    let verb = variable("CNI_COMMAND");
    let answer = match (read, serde_json::from_str::<Conf>(&text)) {
        (Ok(_), Ok(conf)) => {
            record(&conf, &verb, &text);
            run(&conf, &verb).map_err(|failure| (conf.cni_version, failure))
        }
        (Err(error), _) => Err((String::new(), Failure::new(5, error.to_string()))),
        (_, Err(error)) => Err((String::new(), Failure::new(6, error.to_string()))),
    };
    match answer {
        Ok(Some(answer)) => say(&answer),
        Ok(None) => ExitCode::SUCCESS,
        Err((version, Failure { code, msg })) => {
            say(&json!({ "cniVersion": version, "code": code, "msg": msg }).to_string());
            ExitCode::FAILURE
        }
    }
}

/// Does what the verb asks for; misbehaves before or after it.
fn run(conf: &Conf, verb: &str) -> Result<Option<String>, Failure> {
    let order = conf.misbehave.get(verb);
    let after = order.is_some_and(|order| order["when"] == "after");
    if let Some(order) = order.filter(|_| !after)
        && let Some(instead) = misbehave::now(order)?
    {
        return Ok(Some(instead));
    }
    let answer = verbs::run(conf, verb)?;
    if let Some(order) = order.filter(|_| after)
        && let Some(instead) = misbehave::now(order)?
    {
        return Ok(Some(instead));
    }
    Ok(answer)
}

/// One line, in one write: several delegates may share the log.
fn record(conf: &Conf, verb: &str, stdin: &str) {
    let Some(recording) = &conf.recording else { return };
    let tracing = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"];
    let kept =
        std::env::vars().filter(|(name, _)| name.starts_with("CNI_") || tracing.contains(&name.as_str()));
    let call = Recorded {
        verb: verb.to_owned(),
        plugin: plugin(),
        env: kept.collect(),
        stdin: stdin.to_owned(),
        pid: std::process::id(),
    };
    let line = format!("{}\n", serde_json::to_string(&call).unwrap_or_default());
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&recording.log);
    if let Err(error) = log.and_then(|mut log| log.write_all(line.as_bytes())) {
        eprintln!("recording-delegate: no record in {}: {error}", recording.log.display());
    }
}

fn say(answer: &str) -> ExitCode {
    if stdout().write_all(answer.as_bytes()).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// The name it was called by: its type in the conf.
pub(crate) fn plugin() -> String {
    let program = std::env::args().next().unwrap_or_default();
    program.rsplit('/').next().unwrap_or_default().to_owned()
}
