//! Keys of the conf about the node itself: where a call's lines go, what it waits for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use multus_tests::{Node, network_object, pod_object, private};
use serde_json::{Value, json};

#[test]
fn an_add_waits_for_the_default_network_and_a_del_does_not() {
    private(|| {
        let node = Node::new();
        let mut conf = node.conf(json!([node.network("default", "alpha")]));
        let ready = node.scratch("ready");
        conf["readinessindicatorfile"] = json!(ready);
        let pod = node.pod("sandbox");
        let answer = node.del(&pod, &conf);
        assert!(answer.stderr.contains(ready.to_str().unwrap()), "{}", answer.stderr);
        answer.succeeded();
        let running = node.calling("ADD", &pod, &conf).start();
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(node.briefs().is_empty(), "it waits: {:?}", node.briefs());
        fs::write(&ready, "").unwrap();
        running.wait().succeeded();
        assert_eq!(node.briefs(), ["ADD alpha eth0"]);
        node.del(&pod, &conf).succeeded();
    });
}

#[test]
fn what_a_call_says_goes_to_a_file_by_level() {
    private(|| {
        let node = Node::new();
        let mut conf = node.conf(json!([node.network("default", "alpha")]));
        let objects = [
            pod_object("ns", "web", "[{\"name\": \"red\", \"x\": 1}]"),
            network_object("ns", "red", &node.network("red", "beta")),
        ];
        conf["manifests"] = json!(node.manifests(&objects));
        let pod = node.pod("sandbox").named("ns", "web");
        conf["compat"] = json!("upstream");
        let log = node.scratch("deep/multus.log");
        conf["logFile"] = json!(log);
        let lines = || -> Vec<Value> {
            let text = fs::read_to_string(&log).unwrap_or_default();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        assert!(answer.stderr.contains("/0/x"), "{}", answer.stderr);
        let said = lines();
        for line in &said {
            assert_eq!(
                [&line["id"], &line["pod"], &line["verb"]],
                ["sandbox/eth0", "ns/web", "ADD"],
                "{line}"
            );
            assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        }
        assert!(
            said[0]["level"] == "error" && said[0]["message"].as_str().unwrap().contains("/0/x"),
            "{said:?}"
        );
        assert_eq!(said.last().unwrap()["level"], "verbose", "{said:?}");
        fs::remove_file(&log).unwrap();

        conf["logLevel"] = json!("error");
        conf["logToStderr"] = json!(false);
        let answer = node.add(&pod, &conf);
        assert_eq!(answer.stderr, "", "{answer}");
        let error = answer.error();
        let said = lines();
        assert!(said.last().unwrap()["message"].as_str().unwrap().contains(&error.msg), "{said:?}");
        fs::remove_file(&log).unwrap();

        conf["logLevel"] = json!("panic");
        node.del(&pod, &conf).succeeded();
        assert_eq!(lines(), [Value::Null; 0]);
        // A log that can't be written is no reason to refuse a pod.
        conf["logLevel"] = json!("debug");
        conf["logFile"] = json!("/proc/nowhere/multus.log");
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
    });
}

/// A conf that names no cluster has none, unless its process runs in a pod: that one's cluster is meant then.
#[test]
fn a_process_in_a_pod_asks_its_own_cluster() {
    private(|| {
        let node = Node::new();
        let mut conf = node.conf(json!([node.network("default", "alpha")]));
        let pod = node.pod("sandbox").named("ns", "web");
        let call = |conf: &Value, host: &str, port: &str| {
            let call = node.calling("ADD", &pod, conf);
            call.with("KUBERNETES_SERVICE_HOST", host).with("KUBERNETES_SERVICE_PORT", port).answer()
        };
        let error = call(&conf, "192.0.2.1", "443").error();
        assert_eq!(error.code, 11, "{error:?}");
        assert!(
            error.msg.contains("pod ns/web") && error.msg.contains("/serviceaccount/ca.crt"),
            "{error:?}"
        );
        assert!(node.briefs().is_empty(), "{:?}", node.briefs());
        for (host, port) in [("", "443"), ("192.0.2.1", "")] {
            call(&conf, host, port).succeeded();
            node.del(&pod, &conf).succeeded();
        }
        // What the conf names comes first.
        conf["manifests"] = json!(node.manifests(&[pod_object("ns", "web", "")]));
        call(&conf, "192.0.2.1", "443").succeeded();
        node.del(&pod, &conf).succeeded();
    });
}
