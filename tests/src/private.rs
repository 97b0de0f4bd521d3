//! A network, mount and user namespace of a test's own.

use std::env;
use std::process::{Command, Stdio};

/// Set inside, so that the re-executed test runs its body.
const INSIDE: &str = "MULTUS_TESTS_PRIVATE";

/// What stands between `unshare` and the command: empty folders where plugins keep state, and a loopback.
/// An ordinary user's search path lacks the folders where `ip` is.
const PREPARE: &str = "set -e
PATH=$PATH:/usr/sbin:/sbin
mount -n -t tmpfs -o mode=755 tmpfs /run
mount -n -t tmpfs -o mode=755 tmpfs /var/lib
ip link set lo up
exec \"$@\"";

/// Runs a test's body in a private user, network and mount namespace with empty `/run` and `/var/lib`, as root
/// of that namespace, whoever started the test. Once a test, as all of its body.
///
/// The test program starts itself again inside, with nothing but this test: which one follows from the name
/// of the function that the closure stands in. Namespaces and mounts vanish with the process.
///
/// # Panics
/// If the body panics inside, or no private namespace can be had.
pub fn private<F: FnOnce()>(body: F) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let name = test_name(std::any::type_name::<F>());
    let program = env::current_exe().expect("the test program's own path");
    let output = privately(&[program.as_os_str(), name.as_ref(), "--exact".as_ref(), "--nocapture".as_ref()])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .expect("`unshare` of util-linux starts");
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} failed in its private namespace ({})", output.status);
    assert!(
        said.contains("running 1 test"),
        "{name} was not found again: `private` has to stand in the test function itself"
    );
}

/// A command line, to be run in such a namespace of its own.
pub fn privately(line: &[&std::ffi::OsStr]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount", "--", "sh", "-c", PREPARE, "sh"]);
    command.args(line);
    command
}

/// `crate::module::test::{{closure}}` is what the compiler calls the closure; test programs leave the crate out.
fn test_name(closure: &str) -> &str {
    let function = closure.split("::{{closure}}").next().unwrap_or(closure);
    function.split_once("::").map_or(function, |(_crate, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_is_found_by_its_closure() {
        assert_eq!(test_name("conformance::cni_01::{{closure}}"), "cni_01");
        assert_eq!(
            test_name("multus_tests::private::tests::x::{{closure}}::{{closure}}"),
            "private::tests::x"
        );
    }

    #[test]
    fn inside_there_is_nothing_but_a_loopback() {
        private(|| {
            let links: Vec<_> = std::fs::read_to_string("/proc/net/dev")
                .unwrap()
                .lines()
                .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim().to_owned()))
                .collect();
            assert_eq!(links, ["lo"]);
            for folder in ["/run", "/var/lib"] {
                assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "{folder}");
            }
        });
    }
}
