//! CNI-01 and CNI-02: what a runtime may pass.

use multus_tests::{Answer, CniError};
use serde_json::json;

use crate::row::{Row, with};
use crate::subject::nobody;

/// What each verb can't do without.
const NEEDED: [(&str, &[&str]); 3] = [
    ("ADD", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]),
    ("CHECK", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]),
    ("DEL", &["CNI_CONTAINERID", "CNI_IFNAME"]),
];

pub(crate) fn variables(row: &mut Row<'_>) {
    for (verb, variables) in NEEDED {
        for variable in variables {
            row.check(format!("{verb} without {variable}"), |case| {
                let call = case.node.calling(verb, &case.pod(), &case.conf());
                for call in [call.clone().without(variable), call.with(variable, "")] {
                    refused(&call.answer(), 4, variable);
                }
            });
        }
    }
    row.check("all that is missing is named at once", |case| {
        let mut call = case.node.calling("ADD", &case.pod(), &case.conf());
        for variable in NEEDED[0].1 {
            call = call.without(variable);
        }
        let answer = call.answer();
        for variable in NEEDED[0].1 {
            refused(&answer, 4, variable);
        }
    });
    row.check("no CNI_COMMAND", |case| {
        let call = case.node.calling("ADD", &case.pod(), &case.conf());
        refused(&call.without("CNI_COMMAND").answer(), 4, "CNI_COMMAND");
    });
    row.check("a CNI_COMMAND that is no verb", |case| {
        let call = case.node.calling("ADD", &case.pod(), &case.conf());
        refused(&call.clone().with("CNI_COMMAND", "add").answer(), 4, "CNI_COMMAND");
        refused(&call.with("CNI_COMMAND", "DESTROY").answer(), 4, "CNI_COMMAND");
    });
    row.check("DEL needs no CNI_NETNS", |case| {
        let call = case.node.calling("DEL", &case.pod(), &case.conf());
        call.clone().without("CNI_NETNS").answer().succeeded();
        call.clone().with("CNI_NETNS", "").answer().succeeded();
        call.with("CNI_NETNS", "/run/netns/gone").answer().succeeded();
    });
    row.check("VERSION needs nothing else", |case| {
        let call = case.node.calling("VERSION", &nobody(), &json!({ "cniVersion": "1.0.0" }));
        call.without("CNI_PATH").answer().succeeded();
    });
    row.from("1.1.0", "STATUS needs nothing else", |case| {
        case.node.calling("STATUS", &nobody(), &case.conf()).without("CNI_PATH").answer().succeeded();
    });
    row.from("1.1.0", "GC without CNI_PATH", |case| {
        refused(
            &case.node.calling("GC", &nobody(), &case.conf()).without("CNI_PATH").answer(),
            4,
            "CNI_PATH",
        );
    });
}

pub(crate) fn names(row: &mut Row<'_>) {
    row.check("container ids that are valid", |case| {
        let long = "a".repeat(128);
        for id in ["a", "7", "A.b_c-9", "0-", &long] {
            let call = case.node.calling("ADD", &case.pod(), &case.conf()).with("CNI_CONTAINERID", id);
            assert!(call.clone().answer().is_success(), "{id:?}: {}", call.answer());
        }
    });
    row.check("container ids that are not", |case| {
        for id in ["-a", ".a", "_a", "a/b", "../../etc", "a b", "a\n", "ä", "a;b", "a:b"] {
            for verb in ["ADD", "DEL"] {
                let call = case.node.calling(verb, &case.pod(), &case.conf()).with("CNI_CONTAINERID", id);
                code(&call.answer(), 4, id);
            }
        }
    });
    row.check("network names that are not valid", |case| {
        for name in ["", "-a", ".a", "a/b", "../a", "a b", "a\n", "ä"] {
            let conf = with(&case.conf(), &json!({ "name": name }));
            code(&case.node.add(&case.pod(), &conf), 7, name);
        }
    });
    row.check("interface names that are valid", |case| {
        for name in ["e", "fifteen-bytes-x", "net1.100", "a_b-c"] {
            let call = case.node.calling("ADD", &case.pod(), &case.conf()).with("CNI_IFNAME", name);
            assert!(call.clone().answer().is_success(), "{name:?}: {}", call.answer());
        }
    });
    row.check("interface names that are not", |case| {
        for name in [".", "..", "a/b", "a:b", "a b", "a\tb", "sixteen-bytes-xy"] {
            let call = case.node.calling("ADD", &case.pod(), &case.conf()).with("CNI_IFNAME", name);
            code(&call.answer(), 4, name);
        }
    });
}

/// Refused with this code, naming this word.
fn refused(answer: &Answer, expected: u32, word: &str) {
    let error = code(answer, expected, word);
    assert!(format!("{} {}", error.msg, error.details).contains(word), "{word} is not named: {answer}");
}

fn code(answer: &Answer, expected: u32, what: &str) -> CniError {
    let error = answer.error();
    assert_eq!(error.code, expected, "{what:?}: {answer}");
    error
}
