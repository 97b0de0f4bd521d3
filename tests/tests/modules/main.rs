//! Components on the way of a pod: what a transform changes reaches the delegate, what a policy refuses never runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod trust;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::{Module, Node, Pod, binaries, network_object, pod_object, private};
use serde_json::{Value, json};

/// The transform `mtu`, which may change just that.
fn mtu(to: u32) -> Module {
    Module::transform("mtu", json!({ "mtu": to }), &["/mtu"])
}

/// The policy: `team-red` may use its own networks and these types, everybody the network `default`.
fn guard() -> Module {
    let settings = json!({
        "tenants": { "team-red": { "networks": ["default", "team-red/*"], "types": ["alpha", "beta", "ipam"] } },
        "default": { "networks": ["default"], "types": ["alpha"] },
    });
    Module::policy("tenant-guard", settings)
}

/// A pod that asks for `networks`, among them `team-red/storage` (`beta`), on a node with these modules.
fn with_modules(
    modules: &[Module],
    namespace: &str,
    networks: &str,
    storage: Option<Value>,
) -> (Node, Pod, Value) {
    let node = Node::new();
    let mut conf = node.conf(json!([node.network("default", "alpha")]));
    conf["wasm"] = node.modules("wasm", modules);
    let storage = storage.unwrap_or_else(|| node.network("storage", "beta"));
    let objects = [pod_object(namespace, "web", networks), network_object("team-red", "storage", &storage)];
    conf["manifests"] = json!(node.manifests(&objects));
    let pod = node.pod("web").named(namespace, "web");
    (node, pod, conf)
}

/// Refused with this code and these words, before any delegate ran, and without a trace.
fn refused(node: &Node, pod: &Pod, conf: &Value, code: u32, words: &[&str]) {
    let before = node.state();
    let answer = node.add(pod, conf);
    let error = answer.error();
    assert_eq!(error.code, code, "{error:?}");
    let said = format!("{} {}", error.msg, error.details);
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
    assert!(!answer.stderr.contains("panicked at src"), "{answer}");
    assert_eq!(node.briefs(), [""; 0], "refused before any delegate ran");
    node.state().must_equal(&before);
}

#[test]
fn a_delegate_sees_what_a_transform_changed_and_so_does_its_del() {
    private(|| {
        let modules = [mtu(1400).option("--match-type", "beta")];
        let (node, pod, conf) = with_modules(&modules, "team-red", "storage", None);
        let before = node.state();
        node.add(&pod, &conf).succeeded();
        // Whatever becomes of the modules: the record decides.
        fs::remove_dir_all(node.path("wasm")).unwrap();
        node.del(&pod, &conf).succeeded();
        let seen: Vec<_> = node.recorded().iter().map(|call| call.conf()["mtu"].clone()).collect();
        assert_eq!(seen, [Value::Null, json!(1400), json!(1400), Value::Null]);
        let left = node.state().since(&before);
        assert!(left.lines().all(|line| !line.starts_with('+')), "{left}");
    });
}

#[test]
fn transforms_run_in_the_catalogs_order() {
    private(|| {
        let modules = [mtu(9000).named("jumbo"), mtu(1400)];
        let (node, pod, conf) = with_modules(&modules, "ns", "", None);
        node.add(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        let catalog = node.path("wasm/catalog.json");
        let mut text: Value = serde_json::from_slice(&fs::read(&catalog).unwrap()).unwrap();
        assert_eq!(text["transforms"], json!(["jumbo", "mtu"]));
        text["transforms"] = json!(["mtu", "jumbo"]);
        fs::write(&catalog, text.to_string()).unwrap();
        node.add(&pod, &conf).succeeded();
        let seen: Vec<_> = node.recorded().iter().map(|call| call.conf()["mtu"].clone()).collect();
        assert_eq!(seen, [1400, 1400, 9000].map(Value::from));
    });
}

#[test]
fn a_transform_may_change_only_what_the_catalog_lets_it() {
    private(|| {
        let module = Module::transform("mtu", json!({ "mtu": 1400 }), &["/ipam/mtu"]);
        let (node, pod, conf) = with_modules(&[module], "ns", "", None);
        let words = ["pod ns/web", "network default (eth0)", "mtu", "/mtu", "1400", "/ipam/mtu"];
        refused(&node, &pod, &conf, 7, &words);
    });
}

#[test]
fn a_transforms_own_refusal_keeps_its_code() {
    private(|| {
        let (node, pod, conf) = with_modules(&[mtu(1400)], "ns", "", None);
        // It would not have been added with such settings.
        node.edit_catalog("wasm", |catalog| catalog["modules"]["mtu"]["settings"]["mtu"] = json!(1));
        refused(&node, &pod, &conf, 7, &["pod ns/web", "network default (eth0)", "mtu 1 is not between"]);
    });
}

#[test]
fn a_policy_refuses_the_pod_before_its_first_link() {
    private(|| {
        let (node, pod, conf) = with_modules(&[guard()], "team-blue", "team-red/storage", None);
        let words = [
            "pod team-blue/web",
            "network team-red/storage (net1)",
            "tenant-guard",
            "namespace team-blue may not use",
        ];
        refused(&node, &pod, &conf, 7, &words);
    });
}

#[test]
fn who_may_use_the_network_gets_it() {
    private(|| {
        let (node, pod, conf) = with_modules(&[guard()], "team-red", "storage", None);
        node.add(&pod, &conf).succeeded();
        assert_eq!(node.briefs(), ["ADD alpha eth0", "ADD beta net1"]);
    });
}

/// Networks of a tenant's own that hide something it may not use.
fn hidden() -> Vec<(Value, &'static str)> {
    vec![
        (json!({ "type": "host-device" }), "host-device"),
        (json!({ "type": "beta", "ipam": { "type": "dhcp" } }), "dhcp"),
        (json!({ "plugins": [{ "type": "beta" }, { "type": "sbr" }] }), "sbr"),
        (json!({ "type": "beta", "delegate": { "type": "macvlan" } }), "macvlan"),
        (json!({ "type": "beta", "delegates": [{ "type": "alpha" }, { "type": "vlan" }] }), "vlan"),
    ]
}

#[test]
fn a_policy_sees_every_plugin_its_ipam_and_nested_delegates() {
    private(|| {
        let (node, pod, conf) = with_modules(&[guard()], "team-red", "storage", None);
        for (network, word) in hidden() {
            node.manifests(&[
                pod_object("team-red", "web", "storage"),
                network_object("team-red", "storage", &network),
            ]);
            refused(&node, &pod, &conf, 7, &["network team-red/storage (net1)", "tenant-guard", word]);
        }
    });
}

#[test]
fn a_policy_that_only_watches_lets_pass_and_says_so() {
    private(|| {
        let modules = [guard().option("--mode", "monitor")];
        let (node, pod, conf) = with_modules(&modules, "team-blue", "team-red/storage", None);
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        for word in ["network team-red/storage (net1)", "tenant-guard", "would", "team-blue may not use"] {
            assert!(answer.stderr.contains(word), "{word} in {answer}");
        }
    });
}

#[test]
fn a_transform_that_only_watches_changes_nothing_and_says_what_it_would() {
    private(|| {
        let modules = [mtu(1400).option("--mode", "monitor").option("--match-type", "beta")];
        let (node, pod, conf) = with_modules(&modules, "team-red", "storage", None);
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        for word in [
            "network team-red/storage (net1)",
            "transform mtu: would change (mode: monitor): /mtu added: 1400",
        ] {
            assert!(answer.stderr.contains(word), "{word} in {answer}");
        }
        assert!(node.recorded().iter().all(|call| call.conf()["mtu"].is_null()));
        node.del(&pod, &conf).succeeded();

        // What fails meanwhile is no reason to keep the pod from its networks.
        node.edit_catalog("wasm", |catalog| catalog["modules"]["mtu"]["settings"]["mtu"] = json!(1));
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        assert!(
            answer.stderr.contains("failed (mode: monitor): module mtu: settings: mtu 1 is not between"),
            "{answer}"
        );
    });
}

#[test]
fn a_policy_that_fails_refuses_unless_the_operator_decided_otherwise() {
    private(|| {
        let short = |node: &Node| {
            node.edit_catalog("wasm", |catalog| {
                catalog["modules"]["tenant-guard"]["limits"] = json!({ "memory": "64Ki" });
            });
        };
        let (node, pod, conf) = with_modules(&[guard()], "team-red", "storage", None);
        short(&node);
        let words = ["pod team-red/web", "tenant-guard", "memory limit of 64 KiB", "raise `limits.memory`"];
        refused(&node, &pod, &conf, 100, &words);
        let open = guard().option("--on-failure", "allow");
        let (node, pod, conf) = {
            node.remove_netns("web");
            with_modules(&[open], "team-red", "storage", None)
        };
        short(&node);
        let answer = node.add(&pod, &conf);
        answer.succeeded();
        assert!(answer.stderr.contains("tenant-guard") && answer.stderr.contains("memory limit"), "{answer}");
    });
}

/// Files of one suffix-less folder.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn an_allowed_delegate_finds_only_allowed_ones() {
    private(|| {
        let node = Node::new();
        for name in ["ipam", "forbidden"] {
            drop(node.plugin(name));
        }
        let mut conf = node.conf(json!([node.network("default", "alpha")]));
        conf["exec"] = json!({ "allow": ["alpha", "ipam", "not-there"] });
        let pod = node.pod("web");
        node.add(&pod, &conf).succeeded();
        let path = PathBuf::from(node.recorded()[0].variable("CNI_PATH"));
        assert!(path.starts_with("/run/multus"), "{}", path.display());
        let found: Vec<_> =
            files(path.clone()).iter().map(|file| file.file_name().unwrap().to_owned()).collect();
        assert_eq!(found, ["alpha", "ipam"]);
        assert!(path.join("ipam").is_file(), "the links lead somewhere");
        node.del(&pod, &conf).succeeded();
        assert_eq!(node.recorded()[1].variable("CNI_PATH"), path.to_str().unwrap());

        conf["delegates"][0]["ipam"] = json!({ "type": "forbidden" });
        node.forget_recorded();
        refused(
            &node,
            &pod,
            &conf,
            7,
            &[
                "container web",
                "network default (eth0)",
                "`alpha` runs `forbidden`",
                "`forbidden` is not allowed",
                "exec.allow",
            ],
        );
    });
}

/// Authors, the crates' own tests and the sandbox read the same fixtures: what ships is asked here, in WebAssembly.
#[test]
fn each_shipped_component_answers_as_its_fixtures_say() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let names =
        fs::read_dir(&plugins).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut tried = 0;
    for name in names {
        let component = binaries::components().join(format!("{}.wasm", name.replace('-', "_")));
        let mut test = Command::new(binaries::multusctl());
        test.args(["module", "test"])
            .arg(component)
            .arg("--fixtures")
            .arg(plugins.join(&name).join("fixtures"));
        let output = test.args(["-o", "json"]).output().unwrap();
        let results: Vec<Value> = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{name}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        let failed: Vec<&Value> = results.iter().filter(|one| one["passed"] != true).collect();
        assert!(failed.is_empty() && output.status.success(), "{name}: {failed:#?}");
        tried += results.len();
    }
    assert!(tried > 250, "{tried} fixtures");
}
