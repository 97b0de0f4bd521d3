//! What a plugin is started with, and when it is not (CNI-01, CNI-17, CNI-19).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::process;
use std::time::{Duration, Instant};

use multus_cni::exec::{self, ExecFailure, Invocation};
use multus_cni::{Code, Command, Error};

use crate::bench::{Bench, add};

/// Runs the `#[ignore]`d test of this name in a process of its own, with an environment of its own.
pub(crate) fn in_process(test: &str, environment: &[(&str, &str)]) -> process::Command {
    let mut command = process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).envs(environment.iter().copied());
    command.stdout(process::Stdio::null());
    command
}

#[test]
fn cni_01_and_19_the_callers_variables_are_replaced_and_others_pass_through() {
    let environment = [
        ("CNI_COMMAND", "VERSION"),
        ("CNI_CONTAINERID", "outer"),
        ("CNI_SECRET", "of another plugin"),
        ("CNI_NETNS_OVERRIDE", "1"),
        ("TRACEPARENT", "00-a-b-01"),
        ("HTTPS_PROXY", "proxy"),
    ];
    let status = in_process("starting::shows_its_environment", &environment).status().unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "runs inside of the test above it"]
fn shows_its_environment() {
    if std::env::var_os("CNI_SECRET").is_none() {
        return;
    }
    let output = Bench::new("env | grep -E '^(CNI_|TRACEPARENT|HTTPS_PROXY)'").run().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let expected = BTreeMap::from([
        ("CNI_ARGS", "K=V;L="),
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_IFNAME", "net1"),
        ("CNI_NETNS", "/run/netns/x"),
        ("CNI_NETNS_OVERRIDE", "1"),
        ("CNI_PATH", "/opt/cni/bin:/usr/lib/cni"),
        ("HTTPS_PROXY", "proxy"),
        ("TRACEPARENT", "00-a-b-01"),
    ]);
    assert_eq!(found, expected);
}

#[test]
fn cni_01_a_call_about_no_container_names_none_and_a_dead_namespace_is_empty() {
    let bench = Bench::new("env | grep ^CNI_ | sort");
    let (binary, path) = (bench.binary(), ["/opt/cni/bin".into()]);
    let add = || add(&binary, &path, Instant::now() + Duration::from_secs(20));
    let nobody = || Invocation { container_id: "", netns: "", ifname: "", args: "", ..add() };
    let rows = [
        (Invocation { verb: Command::Status, ..nobody() }, "CNI_COMMAND=STATUS\nCNI_PATH=/opt/cni/bin\n"),
        (Invocation { verb: Command::Gc, ..nobody() }, "CNI_COMMAND=GC\nCNI_PATH=/opt/cni/bin\n"),
        (
            Invocation { verb: Command::Del, netns: "", args: "", ..add() },
            "CNI_ARGS=\nCNI_COMMAND=DEL\nCNI_CONTAINERID=c1\nCNI_IFNAME=net1\nCNI_NETNS=\nCNI_PATH=/opt/cni/bin\n",
        ),
    ];
    for (invocation, expected) in rows {
        let output = exec::run(&invocation, &mut Vec::new()).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

#[test]
fn a_plugin_leads_a_process_group_of_its_own() {
    let output = Bench::new("echo $$ $(cut -d' ' -f5 /proc/$$/stat)").run().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (pid, group) = text.trim().split_once(' ').unwrap();
    assert_eq!(pid, group);
}

#[test]
fn the_lock_is_inherited_and_nothing_else() {
    let bench = Bench::new("ls /proc/$$/fd");
    let lock = File::create(bench.path("lock")).unwrap();
    let other = File::create(bench.path("other")).unwrap();
    let output = bench.run_with(&[lock.as_fd()], &mut Vec::new()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let open: Vec<i32> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(open.contains(&lock.as_raw_fd()), "{open:?}");
    assert!(!open.contains(&other.as_raw_fd()), "{open:?}");
}

#[test]
fn a_binary_that_is_being_written_is_waited_for() {
    let bench = Bench::new("echo '{}'");
    let writer = OpenOptions::new().append(true).open(bench.binary()).unwrap();
    let closing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        drop(writer);
    });
    let started = Instant::now();
    assert_eq!(bench.run().unwrap().stdout, b"{}\n");
    assert!(started.elapsed() >= Duration::from_millis(90), "it can't have run before");
    closing.join().unwrap();
}

#[test]
fn a_binary_that_stays_busy_is_given_up_at_the_deadline() {
    let bench = Bench { timeout: Duration::from_millis(200), ..Bench::new("echo '{}'") };
    let _writer = OpenOptions::new().append(true).open(bench.binary()).unwrap();
    let started = Instant::now();
    let error = Error::from(bench.run().unwrap_err());
    assert!(error.is(Code::Io) && error.msg.contains("busy"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_can_not_be_started_says_why() {
    let gone = Bench::new("");
    fs::remove_file(gone.binary()).unwrap();
    let foreign = Bench::new("");
    fs::write(foreign.binary(), "#!/no/such/interpreter\n").unwrap();
    let closed = Bench::new("");
    fs::set_permissions(closed.binary(), Permissions::from_mode(0o644)).unwrap();
    for (bench, why) in [(gone, "No such file"), (foreign, "No such file"), (closed, "Permission denied")] {
        let error = Error::from(bench.run().unwrap_err());
        assert!(error.is(Code::Io) && error.msg.contains(why), "{error}");
        assert!(error.msg.contains(bench.binary().to_str().unwrap()), "{error}");
    }
}

#[test]
fn without_time_nothing_is_started() {
    let bench = Bench { timeout: Duration::ZERO, ..Bench::new("touch $DIR/started") };
    let failure = bench.run().unwrap_err();
    assert!(matches!(failure, ExecFailure::NoTime { .. }), "{failure}");
    assert!(Error::from(failure).is(Code::TryAgainLater));
    assert!(!bench.path("started").exists());
}
