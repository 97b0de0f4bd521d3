//! A link in the pod's namespace, for tests that look at one. A bridge without ports: every kernel has that kind.

use std::process::Command;

use crate::{Failure, variable};

/// Makes the link; an error if there is one of that name.
pub(crate) fn make() -> Result<(), Failure> {
    let output = ip("add").output().map_err(|error| Failure::new(5, format!("nsenter: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(102, format!("no link: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Removes it; the namespace may be gone with it.
pub(crate) fn remove() {
    if !variable("CNI_NETNS").is_empty() {
        let _ = ip("del").output();
    }
}

fn ip(verb: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", variable("CNI_NETNS"))).args(["ip", "link", verb]);
    command.args(["name", &variable("CNI_IFNAME"), "type", "bridge"]);
    command
}
