//! A delegate that does nothing: the floor that a call through `multus` is measured against. Nothing but the
//! standard library, so that its start-up is a process's.

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut conf = String::new();
    if stdin().read_to_string(&mut conf).is_err() {
        return ExitCode::FAILURE;
    }
    let version = version(&conf);
    let answer = match std::env::var("CNI_COMMAND").as_deref() {
        Ok("ADD") => format!(r#"{{"cniVersion":"{version}"}}"#),
        Ok("VERSION") => format!(
            r#"{{"cniVersion":"{version}","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}}"#
        ),
        _ => return ExitCode::SUCCESS,
    };
    match stdout().write_all(answer.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The text after the first `"cniVersion":"`, blanks allowed; good enough for confs that a test wrote.
fn version(conf: &str) -> &str {
    let found = conf.split_once("\"cniVersion\"").and_then(|(_, rest)| rest.split('"').nth(1));
    found.unwrap_or("0.1.0")
}
