//! Locks between real processes. Some of them are this test binary, started again for one of the parts in
//! `part`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod sample;

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use multus_journal::{ContainerLock, LockError, Locks, Wait};

const SOON: Duration = Duration::from_millis(60);
const LONG: Duration = Duration::from_secs(20);

fn take(locks: &Locks, id: &str, patience: Duration) -> Result<ContainerLock, LockError> {
    locks.container(id, Wait::Plain, Instant::now() + patience)
}

fn is_busy<T>(taken: &Result<T, LockError>) -> bool {
    matches!(taken, Err(LockError::Busy { .. }))
}

/// Another process that plays a part; its standard output is read up to `part`'s first word.
struct Other(Child);

impl Other {
    fn start(part: &str, dir: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "part", "--nocapture"])
            .env("LOCKS_PART", part)
            .env("LOCKS_DIR", dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn says(&mut self, word: &str) {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.ends_with(word)), "it never said {word}");
    }

    /// SIGKILL, as a runtime out of patience does.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
#[ignore = "a process that the other tests start"]
fn part() {
    let dir = std::env::var_os("LOCKS_DIR").expect("started by another test");
    let dir = Path::new(&dir);
    let locks = Locks::new(dir);
    match std::env::var("LOCKS_PART").unwrap().as_str() {
        "hold" => {
            let _lock = take(&locks, "c1", LONG).unwrap();
            println!("held");
            wait_for_eof();
        }
        "run-delegate" => {
            let lock = take(&locks, "c1", LONG).unwrap();
            let [container, node] = lock.descriptors().map(|d| Stdio::from(d.try_clone_to_owned().unwrap()));
            let mut delegate =
                Command::new("sh").args(["-c", "sleep 0.5"]).stdin(container).stderr(node).spawn().unwrap();
            println!("held");
            delegate.wait().unwrap();
        }
        "leave-something-running" => {
            let lock = take(&locks, "c1", LONG).unwrap();
            let [container, node] = lock.descriptors().map(|d| Stdio::from(d.try_clone_to_owned().unwrap()));
            let script = "sleep 5 >/dev/null & echo $!";
            let mut delegate = Command::new("sh");
            delegate.args(["-c", script]).stdin(container).stderr(node).stdout(Stdio::piped());
            let output = delegate.spawn().unwrap().wait_with_output().unwrap();
            drop(lock);
            println!("released {}", String::from_utf8(output.stdout).unwrap().trim());
        }
        "del" => {
            println!("waiting");
            let _lock = locks.container("c1", Wait::Announced, Instant::now() + LONG).unwrap();
            println!("held");
        }
        "crowd" => crowd(&locks, dir),
        part => panic!("no part {part}"),
    }
}

fn wait_for_eof() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Takes and drops locks in a hurry, and makes sure to be alone each time.
fn crowd(locks: &Locks, dir: &Path) {
    for round in 0..60 {
        let alone = |name: &str| OpenOptions::new().write(true).create_new(true).open(dir.join(name));
        if round % 20 == 19 {
            let lock = locks.global_exclusive(Instant::now() + LONG).unwrap();
            for id in ["a", "b"] {
                drop(alone(id).expect("GC is alone"));
                fs::remove_file(dir.join(id)).unwrap();
            }
            drop(lock);
        } else {
            let id = if round % 2 == 0 { "a" } else { "b" };
            let wait = if round % 3 == 0 { Wait::Announced } else { Wait::Plain };
            let lock = locks.container(id, wait, Instant::now() + LONG).unwrap();
            drop(alone(id).expect("alone in the container"));
            lock.del_waiting();
            fs::remove_file(dir.join(id)).unwrap();
            drop(lock);
        }
    }
}

#[test]
fn one_call_a_container_and_any_number_of_containers() {
    let dir = sample::folder();
    let locks = Locks::new(&dir.path().join("run"));
    let first = take(&locks, "c1", SOON).unwrap();
    let began = Instant::now();
    assert!(is_busy(&take(&locks, "c1", SOON)));
    assert!(began.elapsed() >= SOON);
    let _other = take(&locks, "c2", SOON).unwrap();
    drop(first);
    take(&locks, "c1", Duration::ZERO).unwrap();
}

#[test]
fn nothing_but_the_nodes_lock_file_is_left() {
    use std::os::unix::fs::PermissionsExt;
    let dir = sample::folder();
    let locks = Locks::new(&dir.path().join("run"));
    let lock = take(&locks, "c1", SOON).unwrap();
    let mode = |path: &str| dir.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("run"), mode("run/containers"), mode("run/containers/c1.lock")), (0o700, 0o700, 0o600));
    drop(lock);
    assert_eq!(fs::read_dir(dir.path().join("run/containers")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(dir.path().join("run")).unwrap().count(), 2);
}

#[test]
fn gc_is_alone() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let call = take(&locks, "c1", SOON).unwrap();
    assert!(is_busy(&locks.global_exclusive(Instant::now() + SOON)));
    drop(call);
    let gc = locks.global_exclusive(Instant::now() + SOON).unwrap();
    assert_eq!(gc.descriptors().len(), 1);
    let Err(LockError::Busy { what, .. }) = take(&locks, "c1", SOON) else { panic!("beside a GC") };
    assert!(what.starts_with("the node"), "{what}");
    assert!(is_busy(&locks.global_exclusive(Instant::now() + SOON)));
    drop(gc);
    take(&locks, "c1", Duration::ZERO).unwrap();
}

#[test]
fn gc_clears_the_lock_files_of_killed_calls() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let containers = dir.path().join("containers");
    fs::create_dir(&containers).unwrap();
    for left in ["c1.lock", "c1.del"] {
        fs::write(containers.join(left), "").unwrap();
    }
    // A call that waits for the GC holds its container already: its file stays.
    let waits = fs::File::create(containers.join("c2.lock")).unwrap();
    waits.lock().unwrap();
    drop(locks.global_exclusive(Instant::now() + SOON).unwrap());
    let left: Vec<_> = fs::read_dir(&containers).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["c2.lock"]);
}

#[test]
fn a_busy_container_names_its_holder() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let mut other = Other::start("hold", dir.path());
    other.says("held");
    let Err(error) = take(&locks, "c1", SOON) else { panic!("two processes hold it") };
    let text = error.to_string();
    assert!(text.contains("container c1 is busy"), "{text}");
    assert!(text.contains(&format!("process {} (locks-", other.0.id())), "{text}");
    other.kill();
    take(&locks, "c1", SOON).expect("a lock dies with its process");
}

#[test]
fn after_a_sigkill_the_next_call_waits_for_the_orphaned_delegate() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let mut other = Other::start("run-delegate", dir.path());
    other.says("held");
    let pid = other.0.id();
    other.kill();
    let Err(error) = take(&locks, "c1", SOON) else { panic!("the delegate still runs") };
    let text = error.to_string();
    assert!(text.contains(&format!("a delegate started by process {pid}, which is gone")), "{text}");
    assert!(is_busy(&locks.global_exclusive(Instant::now() + SOON)), "GC waits for it, too");
    take(&locks, "c1", LONG).unwrap();
    locks.global_exclusive(Instant::now() + LONG).unwrap();
}

#[test]
fn what_a_delegate_leaves_running_blocks_nobody_once_the_call_is_over() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let mut other = Other::start("leave-something-running", dir.path());
    let mut lines = BufReader::new(other.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("released ")).unwrap();
    take(&locks, "c1", SOON).unwrap();
    locks.global_exclusive(Instant::now() + SOON).unwrap();
    let pid = line.rsplit_once(' ').unwrap().1;
    assert!(Command::new("kill").arg(pid).status().unwrap().success(), "it had ended: nothing was shown");
    other.0.wait().unwrap();
}

/// Waits until `condition` holds.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} never happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn an_add_sees_that_a_del_waits() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let add = take(&locks, "c1", SOON).unwrap();
    assert!(!add.del_waiting());
    let mut first = Other::start("del", dir.path());
    let mut second = Other::start("del", dir.path());
    first.says("waiting");
    second.says("waiting");
    eventually("the mark", || add.del_waiting());
    drop(add);
    first.says("held");
    second.says("held");
    first.0.wait().unwrap();
    second.0.wait().unwrap();
    let add = take(&locks, "c1", SOON).unwrap();
    assert!(!add.del_waiting());
}

#[test]
fn the_mark_of_a_del_vanishes_with_its_process() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let add = take(&locks, "c1", SOON).unwrap();
    let mut del = Other::start("del", dir.path());
    del.says("waiting");
    eventually("the mark", || add.del_waiting());
    del.kill();
    assert!(!add.del_waiting());
    assert!(!dir.path().join("containers/c1.del").exists());
}

#[test]
fn a_plain_wait_leaves_no_mark() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    let add = take(&locks, "c1", SOON).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(is_busy(&take(&locks, "c1", SOON * 2))));
        std::thread::sleep(SOON);
        assert!(!add.del_waiting());
    });
}

#[test]
fn a_crowd_never_meets_inside() {
    let dir = sample::folder();
    let mut crowd: Vec<Other> = (0..8).map(|_| Other::start("crowd", dir.path())).collect();
    for other in &mut crowd {
        other.0.stdin.take();
        let mut output = String::new();
        other.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        assert!(other.0.wait().unwrap().success(), "{output}");
    }
    assert_eq!(fs::read_dir(dir.path().join("containers")).unwrap().count(), 0);
}

#[test]
fn no_container_id_leads_out_of_the_folder() {
    let dir = sample::folder();
    let locks = Locks::new(dir.path());
    for id in ["", "..", "../x", "a/b"] {
        assert!(matches!(take(&locks, id, SOON), Err(LockError::Failed(_))), "{id:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_attachments_share_is_one_calls_at_a_time_and_beside_their_own_locks() {
    let dir = tempfile::tempdir().unwrap();
    let locks = Locks::new(dir.path());
    let container = take(&locks, "c1", SOON).unwrap();
    let shared = locks.ensured(Instant::now() + SOON).unwrap();
    let busy = locks.ensured(Instant::now() + SOON);
    assert!(is_busy(&busy));
    let LockError::Busy { what, .. } = busy.unwrap_err() else { panic!("another error") };
    assert_eq!(what, "what the node's attachments share");
    drop(shared);
    drop(locks.ensured(Instant::now() + SOON).unwrap());
    drop(container);
}
