//! A network, mount and user namespace of a test's own.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::left_out;

/// Set inside, so that the re-executed test runs its body.
const INSIDE: &str = "MULTUS_TESTS_PRIVATE";

/// What is private, and what stands between `unshare` and the command.
struct Place {
    namespaces: &'static [&'static str],
    further: &'static str,
}

const NODE: Place = Place { namespaces: &["--user", "--map-root-user", "--net", "--mount"], further: "" };

const RUNTIME: Place = Place {
    namespaces: &[
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--ipc",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ],
    further: KEEP_CGROUPS,
};

/// Empty folders where plugins keep state, and a loopback. An ordinary user's search path lacks the folders where
/// `ip` is.
const PREPARE: &str = "set -e
PATH=$PATH:/usr/sbin:/sbin
mount -n -t tmpfs -o mode=755 tmpfs /run
mount -n -t tmpfs -o mode=755 tmpfs /var/lib
ip link set lo up
";

/// The machine's control groups are nobody's to change, even if root started the test. runc goes on without any.
const KEEP_CGROUPS: &str = "while read -r _ place _; do
case $place in /sys/fs/cgroup*) mount -n -o remount,bind,ro,nosuid,nodev,noexec \"$place\";; esac
done < /proc/self/mounts
";

/// Runs a test's body in a private user, network and mount namespace with empty `/run` and `/var/lib`, as root
/// of that namespace, whoever started the test. Once a test, as all of its body.
///
/// The test program starts itself again inside, with nothing but this test: which one follows from the name
/// of the function that the closure stands in. Namespaces and mounts vanish with the process.
///
/// # Panics
/// If the body panics inside, or no private namespace can be had.
pub fn private<F: FnOnce()>(body: F) {
    inside(&NODE, body);
}

/// The same for a test that starts a container runtime: processes are private, too, and whatever still runs at the
/// end ends with them. Says so and leaves the body out where that is not allowed.
///
/// # Panics
/// As [`private`].
pub fn private_runtime<F: FnOnce()>(body: F) {
    if env::var_os(INSIDE).is_none()
        && let Err(why) = allowed(&RUNTIME)
    {
        return left_out(&format!(
            "a container runtime needs a private namespace of processes with a `/proc` of its own \
             (`unshare --user --map-root-user --mount --pid --fork --mount-proc true`): {why}"
        ));
    }
    inside(&RUNTIME, body);
}

fn allowed(place: &Place) -> Result<(), String> {
    let output = enter(place, &["true".as_ref()]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("unshare does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said.trim().to_owned()) }
}

fn inside<F: FnOnce()>(place: &Place, body: F) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let name = test_name(std::any::type_name::<F>());
    let program = env::current_exe().expect("the test program's own path");
    let line = [program.as_os_str(), name.as_ref(), "--exact".as_ref(), "--nocapture".as_ref()];
    let output = enter(place, &line)
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
pub fn privately(line: &[&OsStr]) -> Command {
    enter(&NODE, line)
}

fn enter(place: &Place, line: &[&OsStr]) -> Command {
    let script = format!("{PREPARE}{}exec \"$@\"", place.further);
    let mut command = Command::new("unshare");
    command.args(place.namespaces).args(["--", "sh", "-c", &script, "sh"]).args(line);
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
