//! The other half. Members of an order, in the sequence they are carried out:
//!
//! | member | effect |
//! |---|---|
//! | `"when": "after"` | after the verb's work instead of before it |
//! | `"while": "/file"` | only as long as that file exists |
//! | `"stderr": "text"` | says something |
//! | `"touch": "/file"` | makes a file: "I have come this far" |
//! | `"waitFor": "/file"` | waits until a file exists, a minute at most |
//! | `"sleepMs": 100` | sleeps |
//! | `"grandchild": 5` | leaves a process that holds our pipes for so many seconds |
//! | `"hang": true` | sleeps for ten minutes |
//! | `"signal": 9` | ends by that signal |
//! | `"flood": 5000000` | prints so many bytes instead of an answer |
//! | `"print": "text"` | prints that instead of an answer, with success (`""`: nothing) |
//! | `"exit": 3` | with `print`: ends with that status instead |
//! | `"fail": {"code": 11, "msg": "…"}` | fails |

use std::io::Write;
use std::path::Path;
use std::process::{Command, exit};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use serde_json::Value;

use crate::Failure;

/// Carries an order out. `Some` replaces the answer.
pub(crate) fn now(order: &Value) -> Result<Option<String>, Failure> {
    if order["while"].as_str().is_some_and(|path| !Path::new(path).exists()) {
        return Ok(None);
    }
    linger(order);
    if let Some(number) = order["signal"].as_i64() {
        die_by(number);
    }
    if let Some(bytes) = order["flood"].as_u64() {
        return Ok(Some("x".repeat(usize::try_from(bytes).unwrap_or(usize::MAX))));
    }
    if let Some(status) = order["exit"].as_i64() {
        end_with(order["print"].as_str().unwrap_or_default(), status);
    }
    if let Some(text) = order["print"].as_str() {
        return Ok(Some(text.to_owned()));
    }
    match &order["fail"] {
        Value::Null => Ok(None),
        fail => {
            let code = fail["code"].as_u64().and_then(|code| u32::try_from(code).ok()).unwrap_or(100);
            Err(Failure::new(code, fail["msg"].as_str().unwrap_or("told to fail")))
        }
    }
}

fn linger(order: &Value) {
    if let Some(text) = order["stderr"].as_str() {
        eprintln!("{text}");
    }
    if let Some(path) = order["touch"].as_str() {
        let _ = std::fs::write(path, "");
    }
    if let Some(path) = order["waitFor"].as_str() {
        for _ in 0..60_000 {
            if Path::new(path).exists() {
                break;
            }
            sleep(Duration::from_millis(1));
        }
    }
    if let Some(milliseconds) = order["sleepMs"].as_u64() {
        sleep(Duration::from_millis(milliseconds));
    }
    if let Some(seconds) = order["grandchild"].as_u64() {
        // Not waited for: that is the point.
        let _ = Command::new("sleep").arg(seconds.to_string()).spawn();
    }
    if order["hang"] == true {
        sleep(Duration::from_secs(600));
    }
}

fn die_by(number: i64) {
    let signal = i32::try_from(number).ok().and_then(|number| Signal::try_from(number).ok());
    // Rust's own handler takes the first SIGSEGV for a stack overflow, finds none, and leaves the next one alone.
    for _ in 0..2 {
        let _ = raise(signal.unwrap_or(Signal::SIGKILL));
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a chosen exit status in the middle of things is what is asked for"
)]
fn end_with(text: &str, status: i64) -> ! {
    let _ = std::io::stdout().write_all(text.as_bytes());
    exit(i32::try_from(status).unwrap_or(1))
}
