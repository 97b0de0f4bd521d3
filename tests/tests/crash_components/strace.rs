//! `strace` as the hand that kills and refuses: in the place of one system call, by its name and its number.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use multus_tests::{Answer, Random, effort, is_the_machine, left_out};
use serde_json::Value;

use crate::scene::Scene;

/// What changes the node. A kill before each of these is also one after the call before it, since nothing between them
/// changes anything; the last is the process's own end. Opening a file that is not there is covered by the call after.
pub(crate) const EFFECTS: &str = "write,pwrite64,sendto,sendmsg,rename,renameat,renameat2,unlink,unlinkat,mkdir,\
    mkdirat,rmdir,symlink,symlinkat,link,linkat,fsync,fdatasync,ftruncate,flock,clone,clone3,vfork,exit_group";
/// What a disk may refuse.
pub(crate) const ON_DISK: &str = "openat,openat2,write,pwrite64,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,\
    link,linkat,fsync,fdatasync,ftruncate";

/// So many of these places, spread over all of them, from one on that chance says; a long run takes them all, and the
/// virtual machine, which is slow, few.
pub(crate) fn some<T>(places: Vec<T>, quick: usize, gate: usize) -> Vec<T> {
    let rounds = if is_the_machine() { quick.min(4) } else { effort().rounds(quick, gate, usize::MAX) };
    let every = places.len().div_ceil(rounds).max(1);
    let first = usize::try_from(Random::of_this_run().below(every as u64)).unwrap();
    println!("{} places, every {every}th from {first} on", places.len());
    places.into_iter().skip(first).step_by(every).collect()
}

pub(crate) fn is_there() -> bool {
    let there = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status();
    if there.is_ok_and(|status| status.success()) {
        return true;
    }
    left_out("there is no `strace` that may trace: install it to strike at each system call");
    false
}

/// Makes the call under `strace`, which does `what` (`signal=SIGKILL`, `error=ENOSPC`) at the system call `name` of that
/// number (`3`, or `3+` for all from there on) of each thread and child.
pub(crate) fn strike(
    scene: &Scene,
    verb: &str,
    conf: &Value,
    name: &str,
    what: &str,
    number: &str,
) -> Answer {
    let (trace, inject) = (format!("trace={name}"), format!("inject={name}:{what}:when={number}"));
    // Every call of each thread stops; with `--seccomp-bpf` only this one would, and strace 6.1 then strikes nowhere.
    let line = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    scene.node.calling(verb, &scene.pod, conf).through(&line).answer()
}

/// Makes the call without being able to open this path.
pub(crate) fn without_path(scene: &Scene, verb: &str, conf: &Value, path: &Path, errno: &str) -> Answer {
    let inject = format!("inject=openat:error={errno}");
    let line = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        path.to_str().unwrap(),
        "-e",
        "trace=openat",
        "-e",
        &inject,
    ];
    scene.node.calling(verb, &scene.pod, conf).through(&line).answer()
}

/// How often the call makes each of these system calls, in the thread that makes most of them. It has to succeed.
#[track_caller]
pub(crate) fn counted(scene: &Scene, verb: &str, conf: &Value, names: &str) -> Vec<(String, usize)> {
    let (answer, counted) = counted_in(scene, verb, conf, names);
    assert!(answer.is_success(), "counting {verb}: {answer}");
    counted
}

/// The same of a call that may be refused.
pub(crate) fn counted_in(
    scene: &Scene,
    verb: &str,
    conf: &Value,
    names: &str,
) -> (Answer, Vec<(String, usize)>) {
    let log = scene.node.scratch("strace");
    let trace = format!("trace={names}");
    let line = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", log.to_str().unwrap(), "-e", &trace];
    let answer = scene.node.calling(verb, &scene.pod, conf).through(&line).answer();
    let text = std::fs::read_to_string(&log).unwrap();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        if let Some((name, _)) = rest.trim_start().split_once('(') {
            *counts.entry((name, thread)).or_default() += 1;
        }
    }
    let times = |name: &str| counts.iter().filter(|((of, _), _)| *of == name).map(|(_, times)| *times).max();
    let counted = names.split(',').filter_map(|name| Some((name.to_owned(), times(name)?))).collect();
    (answer, counted)
}
