//! What goes in and what comes out (CNI-03, CNI-17).

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::bench::Bench;

#[test]
fn more_than_a_pipe_holds_goes_through_in_both_directions_at_once() {
    let mut bench = Bench::new("tee /dev/stderr");
    bench.stdin = (0..1_500_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    let mut stderr = Vec::new();
    let output = bench.run_with(&[], &mut stderr).unwrap();
    assert!(output.stdout == bench.stdin, "{} bytes came back", output.stdout.len());
    assert!(stderr == bench.stdin, "{} bytes were passed on", stderr.len());
    assert_eq!(output.stderr_tail.len(), 4096);
    assert!(bench.stdin.ends_with(output.stderr_tail.as_bytes()));
}

#[test]
fn a_plugin_need_not_read_its_input() {
    for body in ["echo '{}'", "exec <&-; sleep 0.1; echo '{}'"] {
        let bench = Bench { stdin: vec![b' '; 1 << 20], ..Bench::new(body) };
        assert_eq!(bench.run().unwrap().stdout, b"{}\n", "{body}");
    }
}

#[test]
fn input_ends() {
    let bench = Bench { stdin: Vec::new(), ..Bench::new("cat; echo end") };
    assert_eq!(bench.run().unwrap().stdout, b"end\n");
}

/// Tells the plugin, by a file, that its words were heard.
struct Listener(PathBuf);

impl Write for Listener {
    fn write(&mut self, words: &[u8]) -> io::Result<usize> {
        fs::write(&self.0, words)?;
        Ok(words.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn cni_17_standard_error_is_passed_on_as_it_comes() {
    let bench = Bench::new("echo still here >&2; while ! [ -e $DIR/heard ]; do sleep 0.01; done; echo '{}'");
    let output = bench.run_with(&[], &mut Listener(bench.path("heard"))).unwrap();
    assert_eq!(output.stderr_tail, "still here");
    assert_eq!(fs::read(bench.path("heard")).unwrap(), b"still here\n");
}

#[test]
fn a_plugin_is_not_disturbed_when_nobody_listens() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let output = Bench::new("seq 20000 >&2; echo '{}'").run_with(&[], &mut Closed).unwrap();
    assert_eq!(output.stdout, b"{}\n");
}

#[test]
fn what_is_said_last_is_not_lost() {
    for _ in 0..50 {
        let output = Bench::new("head -c 60000 /dev/zero; echo end; echo last >&2").run().unwrap();
        assert!(output.stdout.ends_with(b"end\n") && output.stdout.len() == 60004);
        assert_eq!(output.stderr_tail, "last");
    }
}
