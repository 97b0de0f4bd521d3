//! CNI-14 and CNI-16: what a runtime, and so multus towards its delegates, has to remember.

use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::row::{Case, Row, with};

pub(crate) fn calls(row: &mut Row<'_>) {
    row.of_multus("DEL waits for the ADD of the same container", |case| {
        let (here, pod) = (case.node.scratch("here"), case.pod());
        let slow = json!({ "misbehave": { "ADD": { "touch": here, "sleepMs": 400 } } });
        let conf = case.recording(&[("a", slow), ("b", json!({}))]);
        let add = case.node.calling("ADD", &pod, &conf).start();
        appears(&here);
        case.node.del(&pod, &conf).succeeded();
        let added = add.wait();
        let order: Vec<_> = case.node.recorded().iter().map(|call| call.verb.clone()).collect();
        let first_del = order.iter().position(|verb| verb == "DEL").unwrap_or(order.len());
        assert!(order[first_del..].iter().all(|verb| verb == "DEL"), "{order:?}: {added}");
        let left = case.node.dump();
        assert!(!left.has(&["state/leases/"]) && !left.has(&["attachments", &pod.container_id]), "{left}");
    });
    row.of_multus("another container does not wait", |case| {
        let (here, pod) = (case.node.scratch("here"), case.pod());
        let go_on = case.node.scratch("go-on");
        let slow = json!({ "misbehave": { "ADD": { "touch": here, "waitFor": go_on } } });
        let add = case.node.calling("ADD", &pod, &case.recording(&[("a", slow)])).start();
        appears(&here);
        let answer = case.node.add(&case.pod(), &case.recording(&[("b", json!({}))]));
        std::fs::write(&go_on, "").expect("a file");
        add.wait().succeeded();
        answer.succeeded();
    });
    row.of_multus("DEL is good after an ADD that failed, and finds nothing left", |case| {
        let fail = json!({ "misbehave": { "ADD": { "when": "after", "fail": {} } } });
        let conf = case.recording(&[("a", json!({})), ("b", fail)]);
        let pod = case.pod();
        let before = case.node.dump();
        case.node.add(&pod, &conf).error();
        assert!(!case.node.dump().has(&["state/leases/"]), "{}", case.node.dump());
        case.node.del(&pod, &conf).succeeded();
        let folders = |line: &str| line.starts_with("folder ");
        case.node.dump().without(folders).must_equal(&before.without(folders));
    });
    row.of_multus("CHECK and DEL use what was recorded, whatever the conf says today", |case| {
        let conf = case.recording(&[("a", json!({ "mark": "then" })), ("b", json!({ "mark": "then" }))]);
        let pod = case.pod();
        let result = case.node.add(&pod, &conf).result();
        case.node.forget_recorded();
        let today = case.recording(&[("c", json!({ "mark": "now" }))]);
        case.node.check(&pod, &with(&today, &json!({ "prevResult": result }))).succeeded();
        case.node.del(&pod, &today).succeeded();
        let calls = case.node.recorded();
        assert!(calls.iter().all(|call| call.conf()["mark"] == "then"), "{calls:?}");
        assert_eq!(calls.len(), 4, "{calls:?}");
    });
}

fn appears(path: &std::path::Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} does not appear", path.display());
        sleep(Duration::from_millis(1));
    }
}

pub(crate) fn cache(row: &mut Row<'_>) {
    row.of_multus("a file per attachment, for its owner alone", |case| {
        let conf = case.recording(&[("a", json!({})), ("b", json!({}))]);
        let pod = case.pod().named("default", "web");
        let result = case.node.add(&pod, &conf).result();
        for (network, ifname) in [("a", "eth0"), ("b", "net1")] {
            let (mode, file) = entry(case, network, &pod.container_id, ifname);
            assert_eq!(mode, 0o600);
            let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
            let names = ["kind", "containerId", "ifName", "networkName", "netns"].map(text);
            let netns = pod.netns.to_str().expect("a path");
            assert_eq!(names, ["cniCacheV1", &pod.container_id, ifname, network, netns], "{file}");
            assert!(file["config"].is_string() && file["cniArgs"].is_array(), "{file}");
        }
        assert_eq!(entry(case, "a", &pod.container_id, "eth0").1["result"]["ips"], result["ips"]);
    });
    row.of_multus("it is gone after DEL", |case| {
        let conf = case.recording(&[("a", json!({}))]);
        let pod = case.pod();
        case.node.add(&pod, &conf).succeeded();
        case.node.del(&pod, &conf).succeeded();
        assert!(!case.node.dump().has(&["file state/cni/results/"]), "{}", case.node.dump());
    });
    row.of_multus("none is left by a list that failed", |case| {
        let fail = case.delegate("b", &json!({ "misbehave": { "ADD": { "fail": {} } } }));
        let list =
            json!({ "cniVersion": "1.1.0", "name": "l", "plugins": [case.delegate("a", &json!({})), fail] });
        case.node.add(&case.pod(), &case.node.conf(json!([list]))).error();
        assert!(!case.node.dump().has(&["file state/cni/results/"]), "{}", case.node.dump());
    });
    row.of_multus("one that is torn does not keep a pod from its DEL", |case| {
        let conf = case.recording(&[("a", json!({}))]);
        let pod = case.pod();
        case.node.add(&pod, &conf).succeeded();
        let path = case.node.cni_dir().join(format!("results/a-{}-eth0", pod.container_id));
        std::fs::write(path, "{\"kind\": \"cniCa").expect("it is there");
        case.node.del(&pod, &conf).succeeded();
        assert!(!case.node.dump().has(&["state/leases/"]), "{}", case.node.dump());
    });
}

fn entry(case: &Case<'_>, network: &str, container: &str, ifname: &str) -> (u32, Value) {
    let path = case.node.cni_dir().join(format!("results/{network}-{container}-{ifname}"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mode = path.metadata().expect("read a moment ago").permissions().mode() & 0o777;
    (mode, serde_json::from_str(&text).expect("the cache is JSON"))
}
