//! Plugins that don't end, and ours that ends before them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use multus_cni::exec::{self, ExecFailure};
use multus_cni::{Code, Error};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Bench, add, is_alive, wait_until};
use crate::starting::in_process;

#[test]
fn a_plugin_that_hangs_is_killed_with_what_it_started() {
    let body =
        "sleep 1000 & echo $! > $DIR/grandchild; echo $$ > $DIR/child; echo waiting for a lease >&2; wait";
    let bench = Bench { timeout: Duration::from_millis(400), ..Bench::new(body) };
    let started = Instant::now();
    let failure = bench.run().unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(matches!(failure, ExecFailure::Deadline { .. }), "{failure}");
    let error = Error::from(failure);
    assert!(error.is(Code::TryAgainLater), "{error}");
    assert!(
        error.msg.contains("did not finish in 0.4 s") && error.msg.contains("waiting for a lease"),
        "{error}"
    );
    assert!(!is_alive(bench.pid("child")));
    let grandchild = bench.pid("grandchild");
    wait_until("the grandchild is dead", || !is_alive(grandchild));
}

#[test]
fn a_plugin_that_shuts_its_streams_and_ignores_signals_is_killed_too() {
    let body = "trap '' TERM INT HUP; exec <&- >&- 2>&-; while :; do sleep 0.05; done";
    let bench = Bench { timeout: Duration::from_millis(200), ..Bench::new(body) };
    assert!(matches!(bench.run().unwrap_err(), ExecFailure::Deadline { .. }));
}

#[test]
fn a_daemon_that_keeps_the_streams_open_is_not_waited_for() {
    let bench = Bench::new("sleep 1000 & echo $! > $DIR/daemon; echo '{\"ips\":[]}'; echo started >&2");
    let started = Instant::now();
    let output = bench.run().unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(
        (output.stdout.as_slice(), output.stderr_tail.as_str()),
        (b"{\"ips\":[]}\n".as_slice(), "started")
    );
    let daemon = bench.pid("daemon");
    assert!(is_alive(daemon), "a plugin may leave a daemon behind");
    kill(Pid::from_raw(daemon), Signal::SIGKILL).unwrap();
}

#[test]
fn a_plugin_does_not_outlive_the_one_who_runs_it() {
    let bench = Bench::new("echo $$ > $DIR/child; exec sleep 1000");
    let binary = bench.binary();
    let mut runner =
        in_process("ending::runs_a_plugin", &[("BINARY", binary.to_str().unwrap())]).spawn().unwrap();
    let child = bench.pid("child");
    assert!(is_alive(child));
    runner.kill().unwrap();
    runner.wait().unwrap();
    wait_until("the plugin is dead", || !is_alive(child));
}

#[test]
#[ignore = "runs inside of the test above it"]
fn runs_a_plugin() {
    let Some(binary) = std::env::var_os("BINARY").map(PathBuf::from) else { return };
    let deadline = Instant::now() + Duration::from_secs(60);
    let _ = exec::run(&add(&binary, &[], deadline), &mut Vec::new());
}
