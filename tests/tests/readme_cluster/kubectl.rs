//! `kubectl`: a double that is asked over the loopback and acts on the API server's double, and a real one where the
//! machine has it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, thread};

use multus_tests::{TestApiServer, left_out};

use crate::double::Kubectl;

/// Hands its folder and arguments over, and prints the answer: the exit status is the first line.
const DOUBLE: &str = r#"#!/bin/bash
# A double of kubectl. The test answers it.
exec 3<>"/dev/tcp/127.0.0.1/PORT"
printf '%s\0' "$#" "$PWD" "$@" >&3
read -r status <&3
if [ "$status" = 0 ]; then cat <&3; else cat <&3 >&2; fi
exit "$status"
"#;

/// It can't ask the double what fields there are, and keeps what it found out in the test's folder.
const REAL: &str = r#"#!/bin/sh
case $1 in apply) set -- "$@" --validate=false;; esac
exec PROGRAM --cache-dir FOLDER/cache "$@"
"#;

/// Tells a story in which the double is found in `folder`.
pub(crate) fn with_double<T>(api: &TestApiServer, folder: &Path, story: impl FnOnce() -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    install(folder, &DOUBLE.replace("PORT", &listener.local_addr().unwrap().port().to_string()));
    thread::scope(|threads| {
        threads.spawn(|| serve(&listener, api));
        let _end = Stop(&listener);
        story()
    })
}

/// The same with the machine's own. Says so and does nothing if it has none.
pub(crate) fn with_real(folder: &Path, story: impl FnOnce()) {
    let Some(program) = real() else {
        return left_out("there is no kubectl to follow the README with");
    };
    let program = program.display().to_string();
    install(folder, &REAL.replace("PROGRAM", &program).replace("FOLDER", &folder.display().to_string()));
    story();
}

fn install(folder: &Path, script: &str) {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join("kubectl");
    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn real() -> Option<PathBuf> {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = assets.into_iter().chain(env::split_paths(&paths)).collect();
    folders.into_iter().map(|folder| folder.join("kubectl")).find(|path| path.is_file())
}

/// Answers the double's calls until it is told `stop`.
fn serve(listener: &TcpListener, api: &TestApiServer) {
    for call in listener.incoming() {
        let mut call = call.unwrap();
        let (folder, words) = read(&call);
        if words == ["stop"] {
            return;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (status, said) = match (Kubectl { api, folder: &folder }).run(&words) {
            Ok(said) => (0, said),
            Err(said) => (1, format!("kubectl (double): {said}\n")),
        };
        // Whoever is killed meanwhile does not want to know.
        let _ = write!(call, "{status}\n{said}");
    }
}

/// Ends [`serve`] when it goes, however a story ends.
struct Stop<'a>(&'a TcpListener);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let mut call = TcpStream::connect(self.0.local_addr().unwrap()).unwrap();
        call.write_all(b"1\0/\0stop\0").unwrap();
    }
}

fn read(call: &TcpStream) -> (PathBuf, Vec<String>) {
    let mut call = BufReader::new(call);
    let mut word = || {
        let mut bytes = Vec::new();
        call.by_ref().read_until(0, &mut bytes).unwrap();
        bytes.pop();
        String::from_utf8(bytes).unwrap()
    };
    let count: usize = word().parse().unwrap();
    let folder = PathBuf::from(word());
    (folder, (0..count).map(|_| word()).collect())
}
