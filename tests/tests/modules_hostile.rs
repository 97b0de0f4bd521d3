//! Components that mean harm, or are broken: each is stopped and named, the pod refused, nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::time::{Duration, Instant};

use multus_tests::{Module, Node, Pod, binaries, left_out, network_object, pod_object, private};
use serde_json::{Value, json};

/// One of the tests' own broken components; `None`, said aloud, where it was not built.
fn hostile(name: &str) -> Option<std::path::PathBuf> {
    let file = binaries::components().join("hostile").join(format!("{name}.wasm"));
    if !file.is_file() {
        left_out(&format!("there is no {}: `cargo xtask test` builds it", file.display()));
        return None;
    }
    Some(file)
}

/// What ends it is not the clock, however busy the machine is, unless it loops.
fn transform(settings: Value) -> Option<Module> {
    let timeout = if settings["do"] == "loop" { "100ms" } else { "5s" };
    let module = Module::transform("mtu", settings, &["/mtu"]).from_file(hostile("hostile_transform")?);
    Some(module.named("rogue").option("--timeout", timeout))
}

fn policy(settings: Value) -> Option<Module> {
    Some(Module::policy("tenant-guard", settings).from_file(hostile("hostile_policy")?).named("judge"))
}

fn with(module: Module) -> (Node, Pod, Value) {
    let node = Node::new();
    let mut conf = node.conf(json!([node.network("red", "alpha")]));
    conf["wasm"] = node.modules("wasm", &[module]);
    let pod = node.pod("web").named("ns", "web");
    (node, pod, conf)
}

/// Settings of the transform, code, words of the message.
fn deeds() -> Vec<(Value, u32, &'static str)> {
    vec![
        (json!({ "do": "loop" }), 100, "time limit of 100 ms"),
        (json!({ "do": "grow" }), 100, "memory limit of 16 MiB"),
        (json!({ "do": "recurse" }), 100, "call stack"),
        (json!({ "do": "recurse with frames" }), 100, "crashed"),
        (json!({ "do": "panic" }), 100, "no mtu in the settings"),
        (json!({ "do": "abort" }), 100, "crashed"),
        (json!({ "do": "clear" }), 7, "changed what it may not"),
        (json!({ "do": "remove", "value": "type" }), 7, "/type"),
        (json!({ "do": "merge", "value": { "type": "sh" } }), 7, "/type"),
        (json!({ "do": "merge", "value": { "name": "blue" } }), 7, "/name"),
        (json!({ "do": "huge answer" }), 100, "too much data"),
        (json!({ "do": "huge line" }), 100, "too much data"),
        (json!({ "do": "fail", "value": 11 }), 11, "not today"),
        (json!({ "do": "something" }), 7, "cannot something"),
        (json!({ "nothing": 1 }), 7, "settings"),
    ]
}

#[test]
fn broken_transforms_are_stopped_and_named() {
    private(|| {
        for (settings, code, word) in deeds() {
            let Some(module) = transform(settings.clone()) else { return };
            let (node, pod, conf) = with(module);
            let before = node.state();
            let answer = node.add(&pod, &conf);
            let error = answer.error();
            assert_eq!(error.code, code, "{settings}: {error:?}");
            for word in ["pod ns/web", "network red (eth0)", "rogue", word] {
                assert!(error.msg.contains(word), "{settings}: {word:?} in {error:?}");
            }
            assert!(answer.took < Duration::from_secs(20), "{settings}: {answer}");
            assert!(node.briefs().is_empty(), "{settings}");
            node.state().must_equal(&before);
            node.remove_netns("web");
        }
    });
}

/// Deeds that are only noise.
#[test]
fn a_chatty_transform_is_cut_short_and_cannot_forge_a_line() {
    private(|| {
        for deed in ["flood", "long line", "forge"] {
            let Some(module) = transform(json!({ "do": deed })) else { return };
            let (node, pod, conf) = with(module);
            let answer = node.add(&pod, &conf);
            answer.succeeded();
            assert!(answer.stderr.len() < 100_000, "{deed}: {} bytes", answer.stderr.len());
            assert!(!answer.stderr.lines().any(|line| line.starts_with("error: forged")), "{answer}");
            node.remove_netns("web");
        }
    });
}

/// The pod asked for an address: it does not run without it because a transform took away who could give it.
#[test]
fn what_the_pod_asks_for_is_not_lost_on_the_way() {
    private(|| {
        let Some(component) = hostile("hostile_transform") else { return };
        let node = Node::new();
        let takes_away = json!({ "do": "remove", "value": "capabilities" });
        let module = Module::transform("mtu", takes_away, &["/capabilities/**", "/capabilities"]);
        let module = module.from_file(component).named("rogue");
        let mut conf = node.conf(json!([node.network("red", "alpha")]));
        conf["wasm"] = node.modules("wasm", &[module.option("--match-type", "beta")]);
        let mut storage = node.network("storage", "beta");
        storage["capabilities"] = json!({ "ips": true });
        let asks = r#"[{"name": "storage", "ips": ["192.0.2.9/24"]}]"#;
        conf["manifests"] = json!(
            node.manifests(&[pod_object("ns", "web", asks), network_object("ns", "storage", &storage)])
        );
        let pod = node.pod("web").named("ns", "web");
        let before = node.state();
        let error = node.add(&pod, &conf).error();
        let said = format!("{} {}", error.msg, error.details);
        let words =
            ["network ns/storage (net1)", "asks for `ips`", "after the transforms", "multusctl explain"];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        node.state().must_equal(&before);
    });
}

/// What a module, or a binary, says must not hold up whoever passes it on.
#[test]
fn nobody_who_reads_no_errors_keeps_a_pod_from_starting_or_stopping() {
    private(|| {
        let Some(module) = transform(json!({ "do": "flood" })) else { return };
        let (node, pod, conf) = with(module);
        let begun = Instant::now();
        node.calling("ADD", &pod, &conf).nobody_reads_errors().answer().succeeded();
        node.calling("DEL", &pod, &conf).nobody_reads_errors().answer().succeeded();
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_policy_without_a_verdict_refuses_unless_told_otherwise() {
    private(|| {
        for (settings, word) in [("panic", "no verdict"), ("loop", "time limit")] {
            let Some(module) = policy(json!(settings)) else { return };
            let (node, pod, conf) = with(module.clone());
            let error = node.add(&pod, &conf).error();
            assert_eq!(error.code, 100, "{error:?}");
            assert!(error.msg.contains("judge") && error.msg.contains(word), "{error:?}");
            assert!(node.briefs().is_empty());
            node.remove_netns("web");

            let (node, pod, conf) = with(module.option("--on-failure", "allow"));
            let answer = node.add(&pod, &conf);
            answer.succeeded();
            assert!(answer.stderr.contains("judge") && answer.stderr.contains(word), "{answer}");
            node.remove_netns("web");
        }
    });
}

#[test]
fn a_policys_verdict_is_told() {
    private(|| {
        for (settings, refused) in
            [(json!("allow"), false), (json!({ "warn": "soon" }), false), (json!({ "deny": "never" }), true)]
        {
            let Some(module) = policy(settings.clone()) else { return };
            let (node, pod, conf) = with(module);
            let answer = node.add(&pod, &conf);
            assert_eq!(answer.is_success(), !refused, "{settings}: {answer}");
            let word = settings
                .as_object()
                .and_then(|map| map.values().next()?.as_str())
                .unwrap_or("1 plugins for red");
            let said = format!("{}{}", answer.stderr, String::from_utf8_lossy(&answer.stdout));
            assert!(said.contains("judge") && said.contains(word), "{settings}: {answer}");
            node.remove_netns("web");
        }
    });
}

#[test]
fn a_component_that_loops_when_it_is_made_is_stopped_too() {
    private(|| {
        let Some(file) = hostile("loops_at_start") else { return };
        let (node, pod, conf) =
            with(Module::transform("mtu", json!({}), &["/mtu"]).from_file(file).named("rogue"));
        let error = node.add(&pod, &conf).error();
        assert!(error.msg.contains("rogue") && error.msg.contains("time limit of 100 ms"), "{error:?}");
    });
}
