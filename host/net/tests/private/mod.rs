//! Runs a test again as root of a user, network and mount namespace of its own, where `ip netns` can make
//! and delete namespaces without anybody noticing, root or not.

use std::process::Command;

const INSIDE: &str = "MULTUS_NET_PRIVATE";

/// True inside. Outside, the test named `test` runs inside and has passed when this returns false.
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let script = r#"mount -t tmpfs none /run && exec "$0" --exact "$1" --nocapture"#;
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(INSIDE, "1")
        .status()
        .expect("unshare (util-linux) is needed to run this test");
    assert!(status.success(), "{test} failed inside its namespaces");
    false
}

/// Runs `ip` (iproute2) with these words and returns what it printed.
pub(crate) fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().expect("ip (iproute2) is needed");
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
