//! CNI-03 and CNI-04: what a plugin answers.

use serde_json::{Value, json};

use crate::row::{Case, Row, with};
use crate::subject::nobody;

pub(crate) fn shapes(row: &mut Row<'_>) {
    row.check("a result is one JSON object in the conf's version", |case| {
        let result = case.node.add(&case.pod(), &case.conf()).result();
        assert_eq!(result["cniVersion"], case.conf()["cniVersion"], "{result}");
    });
    row.check("verbs without a result print nothing", |case| {
        let (pod, conf) = (case.pod(), case.conf());
        let result = case.node.add(&pod, &conf).result();
        let conf = with(&conf, &json!({ "prevResult": result }));
        for answer in [case.node.check(&pod, &conf), case.node.del(&pod, &conf)] {
            assert!(answer.succeeded().stdout.is_empty(), "{answer}");
        }
    });
    row.check("an error is one JSON object on standard output", |case| {
        for answer in failures(case) {
            let error = answer.error();
            let object = answer.json().expect("read a moment ago");
            assert!(!error.msg.is_empty() && error.code > 0, "{answer}");
            assert_eq!(error.cni_version, case.subject.newest(), "{answer}");
            let known = ["cniVersion", "code", "msg", "details"];
            let strange =
                object.as_object().expect("an object").keys().find(|key| !known.contains(&key.as_str()));
            assert_eq!(strange, None, "{answer}");
        }
    });
}

/// Calls that any plugin refuses.
fn failures(case: &Case<'_>) -> Vec<multus_tests::Answer> {
    let conf = case.conf();
    let nameless = with(&conf, &json!({ "name": "a/b" }));
    let call = case.node.calling("ADD", &case.pod(), &conf);
    vec![
        case.node.add(&case.pod(), &nameless),
        call.clone().with("CNI_IFNAME", "a/b").answer(),
        call.with("CNI_NETNS", "/run/netns/gone").answer(),
    ]
}

pub(crate) fn codes(row: &mut Row<'_>) {
    for verb in ["ADD", "CHECK", "DEL"] {
        row.check(format!("1: {verb} in a version that does not exist"), |case| {
            let conf = with(&case.conf(), &json!({ "cniVersion": "99.0.0" }));
            expect(case, verb, &conf.to_string(), &[1]);
        });
        row.check(format!("6: {verb} with what is no JSON"), |case| {
            for text in ["{", "nonsense", "{\"name\": }", "{} {}", "\u{0}"] {
                expect(case, verb, text, &[6]);
            }
        });
        row.check(format!("6: {verb} with nothing"), |case| expect(case, verb, "", &[6]));
        row.check(format!("6 or 7: {verb} with JSON of the wrong kind"), |case| {
            for text in ["null", "[]", "7", "\"conf\"", "{\"cniVersion\": 1}"] {
                expect(case, verb, text, &[1, 6, 7]);
            }
            let conf = with(&case.conf(), &json!({ "name": 7 }));
            expect(case, verb, &conf.to_string(), &[6, 7]);
        });
    }
    row.check("8: the plugin's own namespace", |case| {
        for verb in ["ADD", "DEL"] {
            let call =
                case.node.calling(verb, &case.pod(), &case.conf()).with("CNI_NETNS", "/proc/self/ns/net");
            let answer = call.answer();
            assert_eq!(answer.error().code, 8, "{answer}");
        }
    });
    row.check("unless CNI_NETNS_OVERRIDE says it is meant", |case| {
        for word in ["1", "TRUE"] {
            let call =
                case.node.calling("DEL", &case.pod(), &case.conf()).with("CNI_NETNS", "/proc/self/ns/net");
            call.with("CNI_NETNS_OVERRIDE", word).answer().succeeded();
        }
    });
    row.check("a namespace that is none", |case| {
        for path in ["/run/netns/gone", "/proc/self/exe", "/"] {
            let answer = case.node.calling("ADD", &case.pod(), &case.conf()).with("CNI_NETNS", path).answer();
            answer.error();
        }
    });
    row.of_multus("a delegate's own code, message and details are kept", |case| {
        let fail = json!({ "ADD": { "fail": { "code": 111, "msg": "no free lease" } } });
        let conf = case.recording(&[("a", json!({ "misbehave": fail }))]);
        let error = case.node.add(&case.pod(), &conf).error();
        assert_eq!(error.code, 111, "{error:?}");
        assert!(error.msg.contains("no free lease"), "{error:?}");
    });
    row.of_multus("a delegate that is not there, or in a path, is named", |case| {
        for kind in ["missing-plugin", "../bin/sh", "/bin/sh", ""] {
            let conf = case.node.conf(json!([{ "cniVersion": "1.0.0", "name": "x", "type": kind }]));
            let error = case.node.add(&case.pod(), &conf).error();
            assert!(format!("{} {}", error.msg, error.details).contains(kind), "{error:?}");
        }
    });
    row.of_multus("what a delegate prints is no answer of ours", |case| {
        let orders = [json!({ "print": "garbage" }), json!({ "print": "" }), json!({ "signal": 11 })];
        let orders = orders.into_iter().chain([json!({ "exit": 3, "print": "panic: oops" })]);
        for order in orders {
            let conf = case.recording(&[("a", json!({ "misbehave": { "ADD": order } }))]);
            let answer = case.node.add(&case.pod(), &conf);
            assert!(answer.error().msg.contains('a'), "{answer}");
        }
    });
    row.from("1.1.0", "50: STATUS when ADD could not be served", |case| {
        let conf: Value = case.conf();
        let call = case.node.calling("STATUS", &nobody(), &conf);
        call.answer().succeeded();
    });
}

fn expect(case: &Case<'_>, verb: &str, stdin: &str, codes: &[u32]) {
    let answer = case.node.calling(verb, &case.pod(), &json!({})).stdin(stdin).answer();
    let error = answer.error();
    assert!(codes.contains(&error.code), "{stdin:?} got code {}, not one of {codes:?}: {answer}", error.code);
}
