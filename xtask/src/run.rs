//! Running other programs, and saying so.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Announces what comes now.
pub(crate) fn say(what: &str) {
    println!("==> {what}");
}

/// Announces a command, runs it with our own output, and requires success.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<()> {
    say(what);
    quietly(command)
}

/// The same without an announcement.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{} does not start", line(command)))?;
    ensure!(status.success(), "failed ({status}): {}", line(command));
    Ok(())
}

/// What a command that succeeds prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{} does not start", line(command)))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "failed ({}): {}\n{}", output.status, line(command), error.trim_end());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
