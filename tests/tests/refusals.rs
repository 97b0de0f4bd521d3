//! Bad input: one CNI error object on standard output with the right code, exit status not zero, a message that names
//! what is wrong and where, no panic, no delegate called, nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use multus_tests::{Answer, Calling, Node, Pod, network_object, pod_object, private};
use serde_json::{Value, json};

/// A node with a pod `ns/web` that would be attached, if the call were right.
fn willing() -> (Node, Pod, Value) {
    let node = Node::new();
    let mut conf = node.conf(json!([node.network("default", "alpha")]));
    let objects = [pod_object("ns", "web", "red"), network_object("ns", "red", &node.network("red", "beta"))];
    conf["manifests"] = json!(node.manifests(&objects));
    let pod = node.pod("web").named("ns", "web");
    (node, pod, conf)
}

/// One error object with this code and these words, and nothing else anywhere.
fn refused(what: &str, node: &Node, answer: &Answer, code: u32, words: &[&str]) {
    let error = answer.try_error().unwrap_or_else(|problem| panic!("{what}: {problem}: {answer}"));
    assert_eq!(error.code, code, "{what}: {answer}");
    assert!(!error.cni_version.is_empty(), "{what}: {answer}");
    let said = format!("{} {}", error.msg, error.details);
    for word in words {
        assert!(said.contains(word), "{what}: {word:?} is not in {said}");
    }
    assert_eq!(answer.stdout.iter().filter(|byte| **byte == b'\n').count(), 1, "{what}: one line: {answer}");
    for word in ["panicked", "defect", "src/"] {
        assert!(!said.contains(word) && !answer.stderr.contains(word), "{what}: {answer}");
    }
    assert!(node.briefs().is_empty(), "{what}: {:?}", node.briefs());
}

type Environment = (&'static str, fn(Calling) -> Calling, u32, &'static [&'static str]);

const ENVIRONMENT: &[Environment] = &[
    ("no verb", |call| call.without("CNI_COMMAND"), 4, &["CNI_COMMAND"]),
    ("an empty verb", |call| call.with("CNI_COMMAND", ""), 4, &["CNI_COMMAND"]),
    ("an unknown verb", |call| call.with("CNI_COMMAND", "ATTACH"), 4, &["CNI_COMMAND", "ATTACH"]),
    ("a verb in small letters", |call| call.with("CNI_COMMAND", "add"), 4, &["CNI_COMMAND"]),
    ("no container", |call| call.without("CNI_CONTAINERID"), 4, &["CNI_CONTAINERID"]),
    ("a container that is a path", |call| call.with("CNI_CONTAINERID", "../../etc"), 4, &["CNI_CONTAINERID"]),
    ("a container that is a flag", |call| call.with("CNI_CONTAINERID", "-rf"), 4, &["CNI_CONTAINERID"]),
    ("no namespace", |call| call.without("CNI_NETNS"), 4, &["CNI_NETNS"]),
    ("no interface", |call| call.without("CNI_IFNAME"), 4, &["CNI_IFNAME"]),
    ("a long interface", |call| call.with("CNI_IFNAME", "sixteen-letters-"), 4, &["CNI_IFNAME"]),
    ("an interface with a slash", |call| call.with("CNI_IFNAME", "a/b"), 4, &["CNI_IFNAME"]),
    ("an interface with a blank", |call| call.with("CNI_IFNAME", "a b"), 4, &["CNI_IFNAME"]),
    ("an interface that is a folder", |call| call.with("CNI_IFNAME", ".."), 4, &["CNI_IFNAME"]),
    (
        "everything is missing",
        |call| call.without("CNI_CONTAINERID").without("CNI_NETNS").without("CNI_IFNAME"),
        4,
        &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
    ),
    ("arguments without values", |call| call.with("CNI_ARGS", "K8S_POD_NAME"), 4, &["CNI_ARGS"]),
    ("arguments without a pod", |call| call.without("CNI_ARGS"), 4, &["K8S_POD_NAMESPACE", "manifests"]),
    (
        "a pod that is not there",
        |call| call.with("CNI_ARGS", "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=gone"),
        11,
        &["ns/gone", "manifest"],
    ),
    (
        "a pod of another UID",
        |call| call.with("CNI_ARGS", "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_UID=old"),
        11,
        &["ns/web", "old", "uid-of-web"],
    ),
    (
        "a pod that is a path",
        |call| call.with("CNI_ARGS", "K8S_POD_NAMESPACE=..;K8S_POD_NAME=../web"),
        11,
        &["../web"],
    ),
    (
        "bytes that are no text",
        |call| call.with("CNI_CONTAINERID", OsStr::from_bytes(b"\xff\xfe")),
        4,
        &["CNI_CONTAINERID"],
    ),
    (
        "a namespace that is gone",
        |call| call.with("CNI_NETNS", "/run/netns/gone"),
        8,
        &["CNI_NETNS", "/run/netns/gone"],
    ),
    ("a namespace that is a file", |call| call.with("CNI_NETNS", "/etc/passwd"), 8, &["/etc/passwd"]),
    ("a namespace that is a folder", |call| call.with("CNI_NETNS", "/run"), 8, &["/run"]),
    (
        "a namespace of another kind",
        |call| call.with("CNI_NETNS", "/proc/self/ns/mnt"),
        8,
        &["/proc/self/ns/mnt"],
    ),
    (
        "our own namespace",
        |call| call.with("CNI_NETNS", "/proc/self/ns/net"),
        8,
        &["CNI_NETNS", "CNI_NETNS_OVERRIDE"],
    ),
];

#[test]
fn calls_with_a_wrong_environment() {
    private(|| {
        let (node, pod, conf) = willing();
        let before = node.state();
        for (what, change, code, words) in ENVIRONMENT {
            let answer = change(node.calling("ADD", &pod, &conf)).answer();
            refused(what, &node, &answer, *code, words);
            node.state().must_equal(&before);
        }
    });
}

/// Standard input that is no conf at all.
fn texts() -> Vec<(&'static str, Vec<u8>, u32, &'static str)> {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let huge = format!("{{\"cniVersion\": \"1.1.0\", \"x\": \"{}\"}}", "x".repeat(5 << 20));
    vec![
        ("nothing", Vec::new(), 6, "JSON"),
        ("blanks", b" \n".to_vec(), 6, "JSON"),
        ("half of it", br#"{"cniVersion": "1.1.0", "name": "#.to_vec(), 6, "line 1"),
        ("null", b"null".to_vec(), 6, "null"),
        ("a list", b"[]".to_vec(), 6, "list"),
        ("a word", b"hello".to_vec(), 6, "JSON"),
        ("two objects", b"{}{}".to_vec(), 6, "JSON"),
        ("a comment", b"{\n# as in 2018\n}".to_vec(), 6, "line 2"),
        ("no UTF-8", b"{\"name\": \"\xff\"}".to_vec(), 6, "JSON"),
        ("deep", deep.into_bytes(), 6, "recursion limit"),
        ("huge", huge.into_bytes(), 6, "4194304"),
        ("an empty object", b"{}".to_vec(), 7, "/delegates"),
    ]
}

#[test]
fn calls_without_a_conf() {
    private(|| {
        let (node, pod, conf) = willing();
        let before = node.state();
        for verb in ["ADD", "DEL", "CHECK", "STATUS", "GC"] {
            for (what, text, code, word) in texts() {
                let word = if verb == "DEL" && code == 7 { "`name`" } else { word };
                let answer = node.calling(verb, &pod, &conf).stdin(text).answer();
                refused(&format!("{verb}: {what}"), &node, &answer, code, &[word]);
            }
        }
        node.state().must_equal(&before);
    });
}

/// What is changed in the conf (a JSON merge, null removes), the code, words of the message.
fn confs() -> Vec<(Value, u32, &'static [&'static str])> {
    let delegate = |delegate: Value| json!({ "delegates": [delegate] });
    vec![
        (json!({ "cniVersion": "9.9.9" }), 1, &["/cniVersion", "9.9.9", "1.1.0"]),
        (json!({ "cniVersion": "one" }), 1, &["/cniVersion", "one"]),
        (json!({ "cniVersion": 1 }), 7, &["/cniVersion", "a string"]),
        (json!({ "name": null }), 7, &["`name`"]),
        (json!({ "name": "a/b" }), 7, &["/name", "a/b"]),
        (json!({ "name": 7 }), 7, &["/name", "a string"]),
        (json!({ "delegates": null }), 7, &["pod ns/web", "default network", "`delegates`"]),
        (json!({ "delegates": [] }), 7, &["pod ns/web", "default network", "`delegates`"]),
        (json!({ "delegates": [], "manifests": "" }), 7, &["/delegates", "default network"]),
        (json!({ "delegates": {} }), 7, &["/delegates", "a list"]),
        (json!({ "delegates": [null] }), 7, &["/delegates/0"]),
        (json!({ "delegates": ["bridge"] }), 7, &["/delegates/0"]),
        (delegate(json!({})), 7, &["/delegates/0", "type"]),
        (delegate(json!({ "type": "" })), 7, &["/delegates/0/type"]),
        (delegate(json!({ "type": 5 })), 7, &["/delegates/0/type"]),
        (delegate(json!({ "type": "../bin/sh" })), 7, &["/delegates/0/type", "../bin/sh"]),
        (delegate(json!({ "type": "/bin/sh" })), 7, &["/delegates/0/type", "/bin/sh"]),
        (delegate(json!({ "type": ".." })), 7, &["/delegates/0/type"]),
        (
            delegate(json!({ "name": "x", "type": "not-there" })),
            7,
            &["pod ns/web", "network x (eth0)", "not-there"],
        ),
        (delegate(json!({ "name": "x/y", "type": "alpha" })), 7, &["/delegates/0/name"]),
        (delegate(json!({ "name": "x", "plugins": [] })), 7, &["/delegates/0/plugins"]),
        (delegate(json!({ "name": "x", "plugins": [null] })), 7, &["/delegates/0/plugins/0"]),
        (
            delegate(json!({ "name": "x", "plugins": [{ "type": "a/b" }] })),
            7,
            &["/delegates/0/plugins/0/type"],
        ),
        (
            delegate(json!({ "name": "x", "type": "alpha", "cniVersion": "7.0.0" })),
            7,
            &["/delegates/0/cniVersion"],
        ),
        (delegate(json!({ "type": "alpha", "masterplugin": "yes" })), 7, &["/delegates/0/masterplugin"]),
        (json!({ "cniDir": "relative" }), 7, &["/cniDir", "absolute"]),
        (json!({ "cniDir": 5 }), 7, &["/cniDir"]),
        (json!({ "binDir": [] }), 7, &["/binDir"]),
        (json!({ "runtimeConfig": "x" }), 7, &["/runtimeConfig"]),
        (json!({ "exec": { "timeout": "0s" } }), 7, &["/exec/timeout"]),
        (json!({ "exec": { "allow": "bridge" } }), 7, &["/exec/allow"]),
        (
            json!({ "exec": { "allow": ["beta"] } }),
            7,
            &["pod ns/web", "`alpha` is not allowed", "exec.allow"],
        ),
        (json!({ "wasm": { "catalog": "/x" } }), 7, &["/wasm", "moduleDir", "cacheDir"]),
        (json!({ "disableGC": "perhaps" }), 7, &["/disableGC"]),
        (
            json!({ "clusterNetwork": "calico", "confDir": "/nowhere" }),
            7,
            &["pod ns/web", "`clusterNetwork`", "kube-system/calico", "/nowhere"],
        ),
        (json!({ "clusterNetwork": "net.d/calico" }), 7, &["/clusterNetwork", "absolute"]),
        (json!({ "kubeconfig": "/nowhere" }), 7, &["/manifests", "kubeconfig"]),
        (json!({ "kubeconfig": "/nowhere", "manifests": "" }), 11, &["pod ns/web", "/nowhere"]),
        (json!({ "manifests": "/nowhere" }), 11, &["pod ns/web", "/nowhere"]),
        (
            json!({ "name": null, "delegates": [null], "binDir": 1 }),
            7,
            &["`name`", "/delegates/0", "/binDir"],
        ),
    ]
}

fn merged(conf: &Value, change: &Value) -> Value {
    let mut conf = conf.clone();
    for (key, value) in change.as_object().unwrap() {
        match value {
            Value::Null if key != "delegates" => drop(conf.as_object_mut().unwrap().remove(key)),
            value => conf[key] = value.clone(),
        }
    }
    conf
}

#[test]
fn confs_with_something_wrong() {
    private(|| {
        let (node, pod, conf) = willing();
        let before = node.state();
        for (change, code, words) in confs() {
            let answer = node.add(&pod, &merged(&conf, &change));
            refused(&change.to_string(), &node, &answer, code, words);
            let made = node.state().since(&before);
            assert!(made.is_empty(), "{change}: {made}");
        }
    });
}

/// The pod's annotation, the definition `ns/red`, code, words. The default network must not have been touched.
fn wishes() -> Vec<(&'static str, Value, u32, &'static [&'static str])> {
    let red = json!({ "type": "beta" });
    let with = |key: &str, value: Value| {
        let mut red = red.clone();
        red[key] = value;
        red
    };
    vec![
        ("green", red.clone(), 7, &["ns/green"]),
        ("[null]", red.clone(), 7, &["networks", "/0"]),
        ("[{\"name\": \"red\"", red.clone(), 7, &["networks"]),
        ("[{\"namespace\": \"ns\"}]", red.clone(), 7, &["/0", "name"]),
        ("red@a@b", red.clone(), 7, &["/0/interface", "`a@b`"]),
        ("red@some interface", red.clone(), 7, &["some interface"]),
        ("[{\"name\": \"red\", \"mac\": \"zz\"}]", red.clone(), 7, &["/0/mac"]),
        ("[{\"name\": \"red\", \"ips\": [\"300.1.1.1\"]}]", red.clone(), 7, &["/0/ips/0"]),
        (
            "[{\"name\": \"red\", \"ips\": [\"10.0.0.1/24\"]}]",
            red.clone(),
            7,
            &["ns/red (net1)", "`ips`", "capabilities"],
        ),
        (
            "[{\"name\": \"red\", \"default-route\": [\"10.0.0.0/8\"]}]",
            red.clone(),
            7,
            &["/0/default-route/0"],
        ),
        ("red", json!("just text"), 6, &["ns/red", "spec.config"]),
        ("red", json!({}), 7, &["ns/red", "spec.config", "type"]),
        ("red", json!({ "plugins": [] }), 7, &["ns/red", "spec.config", "/plugins"]),
        ("red", json!({ "plugins": [null] }), 7, &["ns/red", "spec.config", "/plugins/0"]),
        ("red", json!({ "type": "../sh" }), 7, &["ns/red", "spec.config", "/type"]),
        ("red", with("cniVersion", json!("8.0.0")), 7, &["ns/red", "8.0.0"]),
        ("red", json!({ "type": "not-there" }), 7, &["ns/red (net1)", "not-there"]),
    ]
}

#[test]
fn pods_that_ask_for_what_they_cannot_have() {
    private(|| {
        let (node, pod, conf) = willing();
        for (annotation, definition, code, words) in wishes() {
            node.manifests(&[pod_object("ns", "web", annotation), network_object("ns", "red", &definition)]);
            let before = node.state();
            let what = format!("{annotation} {definition}");
            let answer = node.add(&pod, &conf);
            refused(&what, &node, &answer, code, &[&["pod ns/web"], words].concat());
            let made = node.state().since(&before);
            assert!(made.is_empty(), "{what}: {made}");
        }
    });
}

#[test]
fn what_is_meant_can_be_said() {
    private(|| {
        let (node, pod, conf) = willing();
        let call = node.calling("ADD", &pod, &conf).with("CNI_NETNS", "/proc/self/ns/net");
        call.with("CNI_NETNS_OVERRIDE", "1").answer().succeeded();
        node.del(&pod, &conf).succeeded();
    });
}
