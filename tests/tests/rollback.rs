//! ADDs that fail are taken back: in reverse, all of it, and the first error is the one that is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::time::Duration;

use multus_tests::{Node, pod_object, private, wait_for};
use serde_json::{Value, json};

/// Three networks; the one in the middle misbehaves at ADD.
fn three(node: &Node, order: &Value) -> Value {
    let mut networks = ["a", "b", "c"].map(|name| node.network(name, name));
    networks[1]["misbehave"] = json!({ "ADD": order });
    node.conf(json!(networks))
}

#[test]
fn the_second_network_fails_and_both_are_taken_back_in_reverse() {
    private(|| {
        let node = Node::new();
        let failure = json!({ "when": "after", "fail": { "code": 4711, "msg": "no more ports" } });
        let (pod, conf) = (node.pod("web").named("ns", "web"), three(&node, &failure));
        let before = node.state();
        let error = node.add(&pod, &conf).error();
        assert_eq!((error.code, error.cni_version.as_str()), (4711, "1.1.0"));
        assert_eq!(error.msg, "pod ns/web: network b (net1): plugin b: no more ports");
        assert_eq!(node.briefs(), ["ADD a eth0", "ADD b net1", "DEL b net1", "DEL a eth0"]);
        assert_eq!(node.recorded()[3].conf()["prevResult"]["ips"][0]["address"], "192.0.2.1/24");
        assert!(node.recorded()[2].conf()["prevResult"].is_null(), "there is no result of what failed");
        node.state().must_equal(&before);
    });
}

#[test]
fn a_chain_that_breaks_in_the_middle_is_taken_back_from_there() {
    private(|| {
        let node = Node::new();
        let mut plugins = ["a", "b", "c"].map(|kind| {
            let mut plugin = node.plugin(kind);
            plugin["recording"]["leases"] = json!(node.path(kind));
            plugin
        });
        plugins[1]["misbehave"] =
            json!({ "ADD": { "when": "after", "fail": { "code": 11, "msg": "later" } } });
        let list = json!({ "cniVersion": "1.1.0", "name": "list", "plugins": plugins });
        let (pod, conf) = (node.pod("web"), node.conf(json!([list])));
        let before = node.state();
        let error = node.add(&pod, &conf).error();
        assert_eq!(
            (error.code, error.msg.as_str()),
            (11, "container web: network list (eth0): plugin b: later")
        );
        assert_eq!(node.briefs(), ["ADD a eth0", "ADD b eth0", "DEL b eth0", "DEL a eth0"]);
        let given = node.recorded()[3].conf()["prevResult"]["ips"].clone();
        assert_eq!(given[0]["address"], "192.0.2.1/24", "as far as the list came");
        node.state().must_equal(&before);
    });
}

/// What the delegate does after it took its lease, the code that is told, and a word of the message.
fn endings() -> Vec<(Value, u32, &'static str)> {
    vec![
        (json!({ "fail": { "code": 11, "msg": "told to" } }), 11, "told to"),
        (json!({ "fail": { "code": 50, "msg": "told to" } }), 50, "told to"),
        (json!({ "signal": 9 }), 999, "signal"),
        (json!({ "signal": 15 }), 999, "signal"),
        (json!({ "print": "" }), 6, "no result"),
        (json!({ "print": "garbage" }), 6, "can't be read"),
        (json!({ "print": "[]" }), 6, "can't be read"),
        (json!({ "print": "{}{}" }), 6, "can't be read"),
        (json!({ "exit": 3, "print": "what?" }), 999, "3"),
        (json!({ "exit": 3, "print": "" }), 999, "3"),
        (json!({ "flood": 5_000_000 }), 6, "4"),
        (json!({ "hang": true }), 11, "1.0 s"),
    ]
}

#[test]
fn however_a_delegate_ends_its_lease_is_given_back() {
    private(|| {
        let node = Node::new();
        let pod = node.pod("web");
        let before = node.state();
        for (mut order, code, word) in endings() {
            order["when"] = json!("after");
            let mut conf = three(&node, &order);
            conf["exec"] = json!({ "timeout": "1s" });
            let error = node.add(&pod, &conf).error();
            assert_eq!(error.code, code, "{order}: {error:?}");
            let told = format!("{} {}", error.msg, error.details);
            assert!(
                error.msg.contains("network b (net1): plugin b") && told.contains(word),
                "{order}: {error:?}"
            );
            node.state().must_equal(&before);
        }
    });
}

#[test]
fn a_result_that_nobody_takes_is_a_failed_add() {
    private(|| {
        let node = Node::new();
        let (pod, mut conf) = (node.pod("web").named("ns", "web"), three(&node, &Value::Null));
        conf["manifests"] = json!(node.manifests(&[pod_object("ns", "web", "")]));
        let before = node.state();
        let answer = node.calling("ADD", &pod, &conf).nobody_listens().answer();
        assert!(!answer.is_success(), "{answer}");
        assert!(!answer.stderr.contains("panicked"), "{answer}");
        let last: Vec<_> = node.briefs().split_off(3);
        assert_eq!(last, ["DEL c net2", "DEL b net1", "DEL a eth0"]);
        node.state().must_equal(&before);
    });
}

#[test]
fn what_could_not_be_taken_back_stays_recorded_for_the_next_del() {
    private(|| {
        let node = Node::new();
        let (pod, stuck) = (node.pod("web"), node.scratch("stuck"));
        let mut conf = three(&node, &json!({ "fail": { "code": 11, "msg": "no" } }));
        let refusal = json!({ "while": stuck, "fail": { "code": 101, "msg": "the switch does not answer" } });
        conf["delegates"][0]["misbehave"] = json!({ "DEL": refusal });
        let before = node.state();
        fs::write(&stuck, "").unwrap();
        let error = node.add(&pod, &conf).error();
        assert_eq!(error.code, 11, "what failed first is told first: {error:?}");
        assert!(error.details.contains("the switch does not answer"), "{error:?}");
        assert!(node.record(&pod).exists());

        node.forget_recorded();
        let error = node.del(&pod, &conf).error();
        assert_eq!(error.code, 101, "{error:?}");
        assert!(error.msg.contains("network a (eth0), plugin a"), "{error:?}");
        assert_eq!(node.briefs(), ["DEL a eth0"], "what is undone is not undone again");

        fs::remove_file(&stuck).unwrap();
        node.del(&pod, &conf).succeeded();
        node.state().must_equal(&before);
    });
}

#[test]
fn the_next_add_finishes_what_an_earlier_one_left() {
    private(|| {
        let node = Node::new();
        let (pod, here) = (node.pod("web"), node.scratch("here"));
        let conf = three(
            &node,
            &json!({ "while": node.scratch("first"), "when": "after", "touch": here, "hang": true }),
        );
        let before = node.state();
        fs::write(node.scratch("first"), "").unwrap();
        let mut call = node.calling("ADD", &pod, &conf).start();
        wait_for(&here);
        call.kill();
        call.wait();
        fs::remove_file(node.scratch("first")).unwrap();
        node.forget_recorded();
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["DEL b net1", "DEL a eth0", "ADD a eth0", "ADD b net1", "ADD c net2"]);
        node.del(&pod, &conf).succeeded();
        node.state().must_equal(&before);
    });
}

#[test]
fn a_second_add_is_refused_and_the_first_stays() {
    private(|| {
        let node = Node::new();
        let (pod, conf) = (node.pod("web"), three(&node, &Value::Null));
        node.add(&pod, &conf).succeeded();
        let attached = node.state();
        let error = node.add(&pod, &conf).error();
        assert_eq!(error.code, 4, "{error:?}");
        assert!(error.msg.contains("eth0") && error.msg.contains("DEL"), "{error:?}");
        node.state().must_equal(&attached);
    });
}

#[test]
fn an_add_makes_way_for_a_del_between_two_steps() {
    private(|| {
        let node = Node::new();
        let (pod, here, on) = (node.pod("web"), node.scratch("here"), node.scratch("on"));
        let conf = three(&node, &json!({ "touch": here, "waitFor": on }));
        let before = node.state();
        let adding = node.calling("ADD", &pod, &conf).start();
        wait_for(&here);
        let deleting = node.calling("DEL", &pod, &conf).start();
        // Long enough for it to leave its mark; a slow machine only makes the test say less.
        std::thread::sleep(Duration::from_millis(300));
        fs::write(&on, "").unwrap();
        let error = adding.wait().error();
        assert_eq!(error.code, 11, "{error:?}");
        assert!(error.msg.contains("DEL"), "{error:?}");
        deleting.wait().succeeded();
        assert!(!node.briefs().contains(&"ADD c net2".to_owned()), "{:?}", node.briefs());
        node.state().must_equal(&before);
    });
}

/// Something in the way of what is written; by then delegates were called so often, the DELs counted.
fn obstructed(obstacle: &str, word: &str, calls: usize) {
    let node = Node::new();
    let (pod, mut conf) = (node.pod("web").named("ns", "web"), three(&node, &Value::Null));
    conf["manifests"] = json!(node.manifests(&[pod_object("ns", "web", "")]));
    let path = node.path(obstacle);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "in the way").unwrap();
    let before = node.state();
    let error = node.add(&pod, &conf).error();
    assert!(error.msg.contains("pod ns/web") && error.msg.contains(word), "{error:?}");
    assert_eq!(node.briefs().len(), calls, "{:?}", node.briefs());
    node.state().must_equal(&before);
}

#[test]
fn without_libcnis_cache_the_pod_is_taken_back() {
    private(|| obstructed("cni/results", "results", 1));
}

#[test]
fn without_its_network_status_the_pod_is_taken_back() {
    private(|| obstructed("manifests/network-status", "network-status", 6));
}

/// It was asked in a version that it does not know, and would say so to every DEL: it has done nothing.
#[test]
fn a_binary_that_refuses_the_version_keeps_no_record() {
    private(|| {
        let node = Node::new();
        let refusal = json!({ "fail": { "code": 1, "msg": "incompatible CNI versions" } });
        let mut old = node.network("b", "beta");
        old["misbehave"] = json!({ "ADD": refusal, "DEL": refusal });
        let conf = node.conf(json!([node.network("a", "alpha"), old]));
        let pod = node.pod("web");
        let error = node.add(&pod, &conf).error();
        assert_eq!(error.code, 1, "{error:?}");
        assert!(!error.details.contains("Not everything could be taken back"), "{error:?}");
        assert!(!node.record(&pod).exists());
        node.del(&pod, &conf).succeeded();
    });
}
