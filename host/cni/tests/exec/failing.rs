//! How failures of plugins reach the caller (CNI-03, CNI-04).

use multus_cni::exec::ExecFailure;
use multus_cni::result::ResultDocument;
use multus_cni::{Code, Command, Error, Version};

use crate::bench::Bench;

#[test]
fn cni_03_and_04_a_failure_keeps_its_code_or_gets_one() {
    let rows: &[(&str, u32, &[&str])] = &[
        // The plugin's own object, code and all.
        (
            r#"echo '{"code":100,"msg":"no lease","details":"pool is full"}'; exit 1"#,
            100,
            &["no lease; pool is full"],
        ),
        (r#"echo '{"cniVersion":"1.0.0","code":11,"msg":"later"}'; exit 2"#, 11, &["later"]),
        (r#"echo '{"code":7,"msg":"bad"}'; kill -KILL $$"#, 7, &["bad"]),
        (r#"printf '\n {"msg":"no code"}\n\n'; exit 1"#, 999, &["no code"]),
        (
            r#"echo '{"code":5}'; echo because >&2; exit 1"#,
            5,
            &["/plugin exited with status 1 and gave no message", "because"],
        ),
        // No object: status, both streams.
        ("exit 1", 999, &["plugin exited with status 1 without an error object"]),
        ("echo oh no; echo because >&2; exit 3", 999, &["status 3", "stdout: oh no", "stderr: because"]),
        (r#"echo '{"code":1'; exit 1"#, 999, &["status 1", r#"stdout: {"code":1"#]),
        (r#"echo '{"cniVersion":"1.0.0","ips":[]}'; exit 1"#, 999, &["status 1"]),
        ("echo null; exit 1", 999, &["status 1"]),
        ("kill -SEGV $$", 999, &["was ended by signal 11"]),
        // Long streams: the beginning of one, the end of the other.
        (
            "echo first; seq 100000; seq 100000 >&2; echo last >&2; exit 1",
            999,
            &["stdout: first\n1\n2", "…", "100000\nlast"],
        ),
    ];
    for (body, code, words) in rows {
        let error = Error::from(Bench::new(body).run().unwrap_err());
        assert_eq!(error.code, *code, "{body}: {error}");
        for word in *words {
            assert!(error.to_string().contains(word), "{body}: {error}");
        }
        assert!(error.to_string().len() < 1500, "{body}: {} bytes", error.to_string().len());
    }
}

#[test]
fn cni_03_a_success_without_a_result_is_a_failed_add() {
    for body in ["exit 0", "echo", "echo done", "echo '[]'", "echo null"] {
        let output = Bench::new(body).run().unwrap();
        let error = ResultDocument::parse(&output.stdout, Version::V1_0_0).unwrap_err();
        assert!(error.is(Code::Decode), "{body}: {error}");
    }
}

#[test]
fn cni_06_verbs_without_a_result_may_print_what_they_like() {
    for verb in [Command::Del, Command::Check, Command::Status, Command::Gc] {
        for body in ["exit 0", "echo garbage", "head -c 9000000 /dev/zero"] {
            let bench = Bench { verb, ..Bench::new(body) };
            assert!(bench.run().is_ok(), "{verb} {body}");
        }
    }
}

#[test]
fn a_result_without_end_is_refused_and_the_plugin_killed() {
    let bench = Bench::new("echo $$ > $DIR/pid; exec yes");
    let failure = bench.run().unwrap_err();
    assert!(matches!(failure, ExecFailure::TooMuch { .. }), "{failure}");
    assert!(!crate::bench::is_alive(bench.pid("pid")));
    assert!(Error::from(failure).is(Code::Decode));
}
