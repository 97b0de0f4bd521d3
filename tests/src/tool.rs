//! Programs that stand beside ours: what they say decides.

use std::process::Command;

/// Runs `ip` with these words and returns what it printed.
///
/// # Panics
/// If it fails, with what it said.
pub fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split_whitespace()).output().expect("`ip` of iproute2 starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {words}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
