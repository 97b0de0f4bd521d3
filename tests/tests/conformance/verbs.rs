//! CNI-05 to CNI-09: what each verb does.

use serde_json::{Value, json};

use multus_tests::{Pod, Recorded, ip};

use crate::row::{Case, Row, with};
use crate::subject::nobody;

/// `(verb plugin interface)` of each call, in order.
fn briefs(calls: &[Recorded]) -> Vec<String> {
    calls.iter().map(Recorded::brief).collect()
}

/// An ADD that works, and the conf with its result.
fn added(case: &Case<'_>, pod: &Pod) -> Value {
    let conf = case.conf();
    let result = case.node.add(pod, &conf).result();
    with(&conf, &json!({ "prevResult": result }))
}

pub(crate) fn add(row: &mut Row<'_>) {
    row.of_links("it makes the interface it was asked for", |case| {
        let pod = case.pod();
        added(case, &pod);
        assert!(case.node.dump().has(&[&format!("netns {}: link eth0", pod.container_id)]));
    });
    row.of_links("an interface of that name is there: refused, and left alone", |case| {
        let pod = case.pod();
        ip(&format!("-n {} link add eth0 type bridge", pod.container_id));
        let before = case.node.dump();
        case.node.add(&pod, &case.conf()).error();
        let after = case.node.dump();
        let of_pod = |line: &str| !line.contains(&format!("netns {}: ", pod.container_id));
        after.without(of_pod).must_equal(&before.without(of_pod));
    });
    row.check("a second ADD without DEL is refused and breaks nothing", |case| {
        let pod = case.pod();
        let conf = added(case, &pod);
        case.node.add(&pod, &case.conf()).error();
        case.node.check(&pod, &conf).succeeded();
    });
    row.of_multus("an earlier plugin's result is passed on, and the last one's is returned", |case| {
        let last = json!({ "cniVersion": "1.1.0", "ips": [{ "address": "198.51.100.7/24" }], "dns": {} });
        let second = with(&case.delegate("b", &json!({})), &json!({ "result": last }));
        let list = json!({ "cniVersion": "1.1.0", "name": "chain", "plugins": [case.delegate("a", &json!({})), second] });
        let result = case.node.add(&case.pod(), &case.node.conf(json!([list]))).result();
        assert_eq!(result["ips"], last["ips"]);
        let calls = case.node.recorded();
        assert_eq!(calls[0].conf().get("prevResult"), None);
        assert_eq!(calls[1].conf()["prevResult"]["ips"][0]["address"], "192.0.2.1/24");
    });
}

pub(crate) fn del(row: &mut Row<'_>) {
    row.check("repeated, and of what was never added", |case| {
        let (pod, conf) = (case.pod(), case.conf());
        case.node.del(&pod, &conf).succeeded();
        let with_result = added(case, &pod);
        for _ in 0..3 {
            case.node.del(&pod, &with_result).succeeded();
        }
    });
    row.check("without a previous result", |case| {
        let (pod, conf) = (case.pod(), case.conf());
        case.node.add(&pod, &conf).succeeded();
        case.node.del(&pod, &conf).succeeded();
        case.node.add(&pod, &conf).succeeded();
    });
    row.of_links("link and address are given back", |case| {
        added(case, &case.pod());
        let pod = case.pod();
        let before = case.node.dump();
        let conf = added(case, &pod);
        case.node.del(&pod, &conf).succeeded();
        let pointer = |line: &str| line.contains("last_reserved_ip");
        case.node.dump().without(pointer).must_equal(&before.without(pointer));
    });
    row.check("after the namespace is gone", |case| {
        let pod = case.pod();
        let conf = added(case, &pod);
        case.node.remove_netns(&pod.container_id);
        case.node.del(&pod, &conf).succeeded();
        let held = case.node.dump();
        let line =
            held.lines().find(|line| line.starts_with("file state/") && line.contains(&pod.container_id));
        assert_eq!(line, None, "still held");
    });
    row.of_multus("lists and their plugins in reverse order", |case| {
        let plugins = [case.delegate("a", &json!({})), case.delegate("b", &json!({}))];
        let list = json!({ "cniVersion": "1.1.0", "name": "chain", "plugins": plugins });
        let conf = case.node.conf(json!([list, case.delegate("c", &json!({}))]));
        let pod = case.pod();
        case.node.add(&pod, &conf).succeeded();
        case.node.forget_recorded();
        case.node.del(&pod, &conf).succeeded();
        assert_eq!(briefs(&case.node.recorded()), ["DEL c net1", "DEL b eth0", "DEL a eth0"]);
    });
    row.of_multus("each list gets its own final result, from 0.4.0 on", |case| {
        for (version, passed) in [("0.3.1", false), ("0.4.0", true), ("1.0.0", true)] {
            let address = json!({ "cniVersion": version, "address": "198.51.100.9/24" });
            let conf = case.recording(&[("a", json!({ "cniVersion": version })), ("b", address)]);
            let pod = case.pod();
            case.node.add(&pod, &conf).succeeded();
            case.node.forget_recorded();
            case.node.del(&pod, &conf).succeeded();
            let calls = case.node.recorded();
            let addresses = calls.iter().map(|call| call.conf()["prevResult"]["ips"][0]["address"].clone());
            let expected = if passed {
                ["198.51.100.9/24", "192.0.2.1/24"].map(|ip| json!(ip))
            } else {
                Default::default()
            };
            assert_eq!(addresses.collect::<Vec<_>>(), expected, "{version}");
        }
    });
    row.of_multus("one delegate's failure does not keep the others from their DEL", |case| {
        let broken = case.node.scratch("broken");
        std::fs::write(&broken, "").expect("a file");
        let fail =
            json!({ "misbehave": { "DEL": { "while": broken, "fail": { "code": 111, "msg": "stuck" } } } });
        let conf = case.recording(&[("a", json!({})), ("b", fail), ("c", json!({}))]);
        let pod = case.pod();
        case.node.add(&pod, &conf).succeeded();
        let answer = case.node.del(&pod, &conf);
        assert!(answer.error().msg.contains("stuck"), "{answer}");
        let left = case.node.dump();
        assert!(!left.has(&["leases/a,"]) && left.has(&["leases/b,"]) && !left.has(&["leases/c,"]), "{left}");
        std::fs::remove_file(&broken).expect("a moment ago it was there");
        case.node.del(&pod, &conf).succeeded();
        assert!(!case.node.dump().has(&["leases/b,"]), "{}", case.node.dump());
    });
}

pub(crate) fn check(row: &mut Row<'_>) {
    row.check("after an ADD", |case| {
        let pod = case.pod();
        let conf = added(case, &pod);
        case.node.check(&pod, &conf).succeeded();
    });
    row.check("before 0.4.0 it does not exist", |case| {
        let pod = case.pod();
        let conf = case.conf_in("0.3.1");
        let result = case.node.add(&pod, &conf).result();
        case.node.check(&pod, &with(&conf, &json!({ "prevResult": result }))).error();
    });
    row.check("without a previous result", |case| {
        let pod = case.pod();
        added(case, &pod);
        case.node.check(&pod, &case.conf()).error();
    });
    row.check("of what was never added, or is gone", |case| {
        let pod = case.pod();
        let conf = added(case, &pod);
        case.node.check(&case.pod(), &conf).error();
        case.node.del(&pod, &conf).succeeded();
        case.node.check(&pod, &conf).error();
    });
    row.of_links("a link or an address is missing", |case| {
        for harm in ["link del eth0", "addr flush dev eth0"] {
            let pod = case.pod();
            let conf = added(case, &pod);
            ip(&format!("-n {} {harm}", pod.container_id));
            case.node.check(&pod, &conf).error();
        }
    });
    row.of_multus("the same parameters as ADD, and each list's own final result", |case| {
        let conf = case.recording(&[("a", json!({})), ("b", json!({ "address": "198.51.100.9/24" }))]);
        let pod = case.pod().named("default", "web");
        let result = case.node.add(&pod, &conf).result();
        case.node.check(&pod, &with(&conf, &json!({ "prevResult": result }))).succeeded();
        let calls = case.node.recorded();
        assert_eq!(briefs(&calls), ["ADD a eth0", "ADD b net1", "CHECK a eth0", "CHECK b net1"]);
        for (add, check) in [(0, 2), (1, 3)] {
            let mut env = calls[check].env.clone();
            env.insert("CNI_COMMAND".into(), "ADD".into());
            assert_eq!(env, calls[add].env);
            let previous = calls[check].conf()["prevResult"]["ips"].clone();
            let expected = if add == 0 { "192.0.2.1/24" } else { "198.51.100.9/24" };
            assert_eq!(previous, json!([{ "address": expected }]));
        }
    });
    row.of_multus("it stops at the first error, with its code", |case| {
        let fail = json!({ "misbehave": { "CHECK": { "fail": { "code": 112, "msg": "drifted" } } } });
        let conf = case.recording(&[("a", fail), ("b", json!({}))]);
        let pod = case.pod();
        let result = case.node.add(&pod, &conf).result();
        case.node.forget_recorded();
        let error = case.node.check(&pod, &with(&conf, &json!({ "prevResult": result }))).error();
        assert!(error.code == 112 && error.msg.contains("drifted"), "{error:?}");
        assert_eq!(briefs(&case.node.recorded()), ["CHECK a eth0"]);
    });
}

pub(crate) fn status(row: &mut Row<'_>) {
    row.from("1.1.0", "it succeeds, prints nothing and changes nothing", |case| {
        let before = case.node.dump();
        let answer = case.node.call("STATUS", &nobody(), &case.conf());
        assert!(answer.succeeded().stdout.is_empty(), "{answer}");
        case.node.dump().must_equal(&before);
    });
    row.from("1.1.0", "before 1.1.0 it does not exist", |case| {
        case.node.call("STATUS", &nobody(), &case.conf_in("1.0.0")).error();
    });
    row.of_multus("the default network's plugin decides, with its code", |case| {
        for code in [50, 51] {
            let fail = json!({ "misbehave": { "STATUS": { "fail": { "code": code, "msg": "full" } } } });
            let conf = case.recording(&[("a", fail), ("b", json!({}))]);
            let error = case.node.call("STATUS", &nobody(), &conf).error();
            assert!(error.code == code && error.msg.contains("full"), "{error:?}");
        }
    });
    row.of_multus("its IPAM is consulted", |case| {
        let ipam = case.delegate("addresses", &json!({}));
        let conf = case.recording(&[("a", json!({ "ipam": ipam }))]);
        case.node.call("STATUS", &nobody(), &conf).succeeded();
        let calls = briefs(&case.node.recorded());
        assert!(calls.iter().any(|call| call.starts_with("STATUS addresses")), "{calls:?}");
    });
    row.of_multus("a plugin that is not there: 50", |case| {
        let conf = case.node.conf(json!([{ "cniVersion": "1.1.0", "name": "x", "type": "missing-plugin" }]));
        let error = case.node.call("STATUS", &nobody(), &conf).error();
        assert!(error.code == 50 && error.msg.contains("missing-plugin"), "{error:?}");
    });
}

pub(crate) fn gc(row: &mut Row<'_>) {
    row.from("1.1.0", "what is valid stays, what is not goes, as often as one likes", |case| {
        let [kept, stale] = [case.pod(), case.pod()];
        let conf = added(case, &kept);
        added(case, &stale);
        for _ in 0..2 {
            collect(case, &case.conf(), &[&kept]).succeeded();
        }
        case.node.check(&kept, &conf).succeeded();
        let dump = case.node.dump();
        let held =
            dump.lines().find(|line| line.starts_with("file state/") && line.contains(&stale.container_id));
        assert_eq!(held, None, "still held for {}", stale.container_id);
    });
    row.from("1.1.0", "before 1.1.0 it does not exist", |case| {
        collect(case, &case.conf_in("1.0.0"), &[]).error();
    });
    row.of_multus("stale attachments get their DEL, then each delegate a list of its own", |case| {
        let conf = case.recording(&[("a", json!({})), ("b", json!({}))]);
        let [kept, stale] = [case.pod(), case.pod()];
        for pod in [&kept, &stale] {
            case.node.add(pod, &conf).succeeded();
        }
        case.node.forget_recorded();
        collect(case, &conf, &[&kept]).succeeded();
        let calls = case.node.recorded();
        let mut order = briefs(&calls);
        order[2..].sort();
        assert_eq!(order, ["DEL b net1", "DEL a eth0", "GC a ", "GC b "]);
        for call in &calls[2..] {
            let ifname = if call.plugin == "a" { "eth0" } else { "net1" };
            let valid = json!([{ "containerID": kept.container_id, "ifname": ifname }]);
            assert_eq!(call.conf()["cni.dev/valid-attachments"], valid, "{}", call.stdin);
            assert_eq!(call.conf()["cni.dev/attachments"], valid, "{}", call.stdin);
        }
    });
    row.of_multus("it goes on after an error and reports it", |case| {
        let fail = json!({ "misbehave": { "GC": { "fail": { "code": 111, "msg": "stuck" } } } });
        let conf = case.recording(&[("a", fail), ("b", json!({}))]);
        let answer = collect(case, &conf, &[]);
        assert!(answer.error().msg.contains("stuck"), "{answer}");
        assert_eq!(case.node.recorded().len(), 2, "{:?}", briefs(&case.node.recorded()));
    });
    row.of_multus("records of another outer network are not judged", |case| {
        let conf = case.recording(&[("a", json!({}))]);
        case.node.add(&case.pod(), &conf).succeeded();
        collect(case, &with(&conf, &json!({ "name": "another" })), &[]).succeeded();
        assert!(case.node.dump().has(&["leases/a,"]), "{}", case.node.dump());
    });
}

/// GC with these attachments valid.
fn collect(case: &Case<'_>, conf: &Value, valid: &[&Pod]) -> multus_tests::Answer {
    let attachment = |pod: &&Pod| json!({ "containerID": pod.container_id, "ifname": pod.ifname });
    let valid: Vec<_> = valid.iter().map(attachment).collect();
    let conf = with(conf, &json!({ "cni.dev/valid-attachments": valid, "cni.dev/attachments": valid }));
    case.node.call("GC", &nobody(), &conf)
}
