//! CNI-17 to CNI-19: calling other plugins.

use multus_tests::{Pod, RECORDING, Recorded};
use serde_json::{Value, json};

use crate::row::{Case, Row, with};

pub(crate) fn delegates(row: &mut Row<'_>) {
    let not = !row.subject().calls_ipam() && !row.subject().is_multus();
    let why = "it calls no other plugin";
    row.unless(not, why, "a plugin that is called gets environment and configuration", |case| {
        let conf = calling(case, &json!({}));
        let pod = case.pod().named("default", "web");
        case.node.add(&pod, &conf).succeeded();
        case.node.del(&pod, &conf).succeeded();
        let calls = case.node.recorded();
        let verbs: Vec<_> = calls.iter().map(|call| call.verb.as_str()).collect();
        assert_eq!(verbs, ["ADD", "DEL"]);
        for call in &calls {
            same_environment(call, &pod);
        }
        if case.subject.calls_ipam() {
            assert_eq!(calls[0].conf()["type"], conf["type"], "the whole configuration: {}", calls[0].stdin);
        }
    });
    row.unless(not, why, "what it says for people is passed on", |case| {
        let conf = calling(case, &json!({ "misbehave": { "ADD": { "stderr": "a word for people" } } }));
        let answer = case.node.add(&case.pod(), &conf);
        assert!(answer.succeeded().stderr.contains("a word for people"), "{answer}");
    });
    row.unless(not, why, "its error is the caller's", |case| {
        let conf = calling(
            case,
            &json!({ "misbehave": { "ADD": { "fail": { "code": 111, "msg": "none free" } } } }),
        );
        let answer = case.node.add(&case.pod(), &conf);
        let error = answer.error();
        assert!(error.msg.contains("none free") && error.code == 111, "{answer}");
    });
    row.unless(not, why, "an ADD that fails later is followed by its DEL", |case| {
        let conf = if case.subject.is_multus() {
            let fail = json!({ "misbehave": { "ADD": { "when": "after", "fail": {} } } });
            case.recording(&[("a", json!({})), ("b", fail)])
        } else {
            calling(case, &json!({ "result": { "cniVersion": case.subject.newest(), "ips": [] } }))
        };
        case.node.add(&case.pod(), &conf).error();
        assert!(case.node.recorded().iter().any(|call| call.verb == "DEL"), "{:?}", case.node.recorded());
        assert!(!case.node.dump().has(&["state/leases/"]), "{}", case.node.dump());
    });
    row.unless(not, why, "CHECK is forwarded", |case| {
        let conf = calling(case, &json!({}));
        let pod = case.pod();
        let result = case.node.add(&pod, &conf).result();
        // Whether the link fits is another row's question.
        case.node.check(&pod, &with(&conf, &json!({ "prevResult": result })));
        assert!(case.node.recorded().iter().any(|call| call.verb == "CHECK"), "{:?}", case.node.recorded());
    });
}

/// A conf whose plugin calls the recording delegate: as its IPAM, or as multus does.
fn calling(case: &Case<'_>, further: &Value) -> Value {
    if case.subject.is_multus() {
        return case.recording(&[("a", further.clone())]);
    }
    let ipam = json!({ "type": RECORDING });
    let address = json!({ "address": "192.0.2.5/24", "gateway": "192.0.2.1" });
    let result = json!({ "cniVersion": case.subject.newest(), "ips": [address] });
    let called = json!({ "ipam": ipam, "recording": case.node.recording(), "result": result });
    let called = with(&called, further);
    with(&case.conf(), &called)
}

fn same_environment(call: &Recorded, pod: &Pod) {
    let netns = pod.netns.to_str().expect("a path");
    for (name, expected) in [
        ("CNI_CONTAINERID", pod.container_id.as_str()),
        ("CNI_NETNS", netns),
        ("CNI_IFNAME", pod.ifname.as_str()),
    ] {
        assert_eq!(call.variable(name), expected, "{name} at {}", call.verb);
    }
    let args = call.variable("CNI_ARGS");
    for arg in pod.args.split(';') {
        assert!(args.split(';').any(|given| given == arg), "{arg} is not in {args:?}");
    }
    assert!(!call.variable("CNI_PATH").is_empty());
}

pub(crate) fn conventions(row: &mut Row<'_>) {
    row.of_multus("each conventional capability reaches the plugin that declares it", |case| {
        let given = json!({
            "ips": ["192.0.2.9/24"], "mac": "02:00:00:00:00:07",
            "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }],
            "bandwidth": { "ingressRate": 2048, "ingressBurst": 1600, "egressRate": 4096, "egressBurst": 1600 },
            "ipRanges": [[{ "subnet": "192.0.2.0/24" }]], "dns": { "searches": ["example.org"], "servers": ["192.0.2.53"] },
            "infinibandGUID": "c2:11:22:33:44:55:66:77", "deviceID": "0000:04:00.5", "aliases": ["web"],
            "cgroupPath": "/kubelet/pod",
        });
        let names = given.as_object().expect("an object").keys();
        let declared: Value = names.map(|name| (name.clone(), json!(true))).collect::<serde_json::Map<_, _>>().into();
        let conf = case.recording(&[("a", json!({ "capabilities": declared }))]);
        case.node.add(&case.pod(), &with(&conf, &json!({ "runtimeConfig": given }))).succeeded();
        assert_eq!(case.node.recorded()[0].conf()["runtimeConfig"], given);
    });
    row.of_multus("args of the configuration pass unchanged", |case| {
        let args = json!({ "args": { "cni": { "labels": [{ "key": "app", "value": "web" }], "ips": ["192.0.2.9"] } } });
        case.node.add(&case.pod(), &case.recording(&[("a", args.clone())])).succeeded();
        assert_eq!(case.node.recorded()[0].conf()["args"], args["args"]);
    });
    row.check("CNI_ARGS that it does not know, if it may ignore them", |case| {
        let call = case.node.calling("ADD", &case.pod(), &case.conf());
        call.with("CNI_ARGS", "IgnoreUnknown=1;STRANGE=thing").answer().succeeded();
    });
    row.check("CNI_ARGS that are none", |case| {
        for args in ["strange", "A=B;strange"] {
            let call = case.node.calling("ADD", &case.pod(), &case.conf()).with("CNI_ARGS", args);
            let answer = call.answer();
            assert!(answer.is_success() || answer.error().code == 4, "{args:?}: {answer}");
        }
    });
}

pub(crate) fn tracing(row: &mut Row<'_>) {
    row.of_multus("TRACEPARENT, TRACESTATE and BAGGAGE reach the delegate", |case| {
        let conf = case.recording(&[("a", json!({}))]);
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let call = case.node.calling("ADD", &case.pod(), &conf).with("TRACEPARENT", parent);
        call.with("TRACESTATE", "a=1").with("BAGGAGE", "b=2").answer().succeeded();
        let call = case.node.recorded().remove(0);
        let words = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"].map(|name| call.variable(name).to_owned());
        assert_eq!(words, [parent, "a=1", "b=2"]);
    });
}
