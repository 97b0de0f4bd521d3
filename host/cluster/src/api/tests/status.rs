//! The network-status: one patch of one annotation, for this pod and no other.

use super::double::{Reply, Seen};
use super::*;

#[test]
fn one_patch_of_one_annotation() {
    let double = Double::http(|_, _| Reply::json(POD));
    let source = source(&double, LONG);
    source.set_network_status(&web(Some("u-1")), Some(r#"[{"name":"a"}]"#)).unwrap();
    let [seen] = double.seen().try_into().unwrap();
    assert_eq!(seen.line, "PATCH /api/v1/namespaces/red/pods/web/status");
    assert_eq!(seen.header("content-type"), "application/merge-patch+json");
    let expected = r#"{"metadata":{"uid":"u-1","annotations":{"k8s.v1.cni.cncf.io/network-status":"[{\"name\":\"a\"}]"}}}"#;
    assert_eq!(seen.body, expected);
}

#[test]
fn a_static_pod_has_no_uid_that_the_server_knows() {
    let double = Double::http(|_, _| Reply::json(POD));
    source(&double, LONG).set_network_status(&web(None), Some("[]")).unwrap();
    let [seen] = double.seen().try_into().unwrap();
    assert_eq!(seen.body, r#"{"metadata":{"annotations":{"k8s.v1.cni.cncf.io/network-status":"[]"}}}"#);
}

#[test]
fn taking_a_status_away_asks_nothing() {
    let double = Double::http(|_, _| Reply::Silence);
    source(&double, Duration::ZERO).set_network_status(&web(Some("u-1")), None).unwrap();
    assert_eq!(double.lines(), Vec::<String>::new());
}

#[test]
fn a_newer_pod_of_the_same_name_never_gets_it() {
    let immutable = r#"{"kind":"Status","code":422,"message":"Pod \"web\" is invalid: metadata.uid: Invalid value: \"u-1\": field is immutable","details":{"causes":[{"field":"metadata.uid"}]}}"#;
    let precondition = r#"{"kind":"Status","code":409,"message":"Operation cannot be fulfilled on pods \"web\": Precondition failed: UID in precondition: u-1, UID in object meta: u-2"}"#;
    let rows = [(422, immutable, "another one"), (409, precondition, "one with UID u-2")];
    for (status, body, successor) in rows {
        let double =
            Double::http(move |_, _| Reply::Answer { status, headers: vec![], body: body.to_owned() });
        let error = source(&double, LONG).set_network_status(&web(Some("u-1")), Some("[]")).unwrap_err();
        assert!(matches!(error, SourceError::Replaced { .. }), "{error}");
        let expected = format!("the pod red/web with UID u-1 was replaced by {successor}:");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(double.lines().len(), 1);
    }
}

#[test]
fn what_stays_refused_is_asked_once() {
    // Who may not patch a pod may perhaps write it; here they may not even read it.
    for (status, said, asked) in [
        (403, r#"resources: ["pods/status"], verbs: ["patch"]"#, 2),
        (404, "404, no", 1),
        (422, "422, no", 1),
    ] {
        let double = Double::http(move |_, _| Reply::refuse(status, "no"));
        let error =
            source(&double, LONG).set_network_status(&web(Some("u-1")), Some("[]")).unwrap_err().to_string();
        assert!(
            error.contains("can't write the network-status of pod red/web") && error.contains(said),
            "{error}"
        );
        assert_eq!(double.lines().len(), asked);
    }
}

#[test]
fn who_may_not_patch_a_pod_writes_it_back_as_upstream_does() {
    let double = Double::http(|seen, before| match (seen.method(), before) {
        ("PATCH", _) => Reply::refuse(403, "no"),
        // Somebody else was faster, once.
        ("PUT", 2) => Reply::refuse(409, "the object has been modified"),
        _ => Reply::json(POD),
    });
    source(&double, LONG).set_network_status(&web(Some("u-1")), Some("[]")).unwrap();
    let seen = double.seen();
    let verbs: Vec<&str> = seen.iter().map(Seen::method).collect();
    assert_eq!(verbs, ["PATCH", "GET", "PUT", "GET", "PUT"]);
}

#[test]
fn what_passes_is_patched_again_with_the_same_bytes() {
    let double = Double::http(|_, before| match before {
        0 => Reply::refuse(
            409,
            "the object has been modified; please apply your changes to the latest version",
        ),
        1 => Reply::Close,
        2 => Reply::refuse(500, "etcdserver: request timed out"),
        _ => Reply::json(POD),
    });
    source(&double, LONG).set_network_status(&web(Some("u-1")), Some("[]")).unwrap();
    let seen = double.seen();
    assert!(seen.len() >= 4);
    assert!(seen.iter().all(|again| again.body == seen[0].body && again.line == seen[0].line));
}
