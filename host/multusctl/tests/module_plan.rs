//! What an installed module is told and may read, looked at without running it; and a module that is installed nowhere, asked
//! about each network of a pod.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod module;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use module::{Node, Said, multusctl, shipped};
use serde_json::{Value, json};

const MANIFESTS: &str = r#"
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: { name: storage, namespace: blue }
spec:
  config: '{ "cniVersion": "1.0.0", "type": "bridge", "mtu": 1500, "ipam": { "type": "host-local" } }'
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: { name: tuned, namespace: blue }
spec:
  config: '{ "cniVersion": "1.0.0", "name": "tuned", "plugins": [{ "type": "ptp" }, { "type": "tuning" }] }'
---
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: blue
  labels: { app: web }
  annotations: { k8s.v1.cni.cncf.io/networks: "storage, tuned" }
"#;

/// A node with a conf, the pod blue/web and binaries that nothing runs.
fn node() -> Node {
    let node = Node::new();
    for folder in ["manifests", "bin", "cni"] {
        fs::create_dir(node.path(folder)).unwrap();
    }
    fs::write(node.path("manifests/blue.yaml"), MANIFESTS).unwrap();
    for binary in ["bridge", "host-local", "ptp", "tuning"] {
        let path = node.path("bin").join(binary);
        fs::write(&path, "#!/bin/false\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let conf = json!({
        "cniVersion": "1.0.0", "name": "node", "type": "multus",
        "manifests": node.path("manifests"), "cniDir": node.path("cni"), "binDir": node.path("bin"),
        "exec": { "allow": ["bridge", "host-local", "ptp", "tuning"] },
        "wasm": {
            "catalog": node.path("catalog.json"), "moduleDir": node.path("modules"), "cacheDir": node.path("cache"),
        },
        "delegates": [{ "name": "cluster", "type": "bridge", "ipam": { "type": "host-local" } }],
    });
    fs::write(node.path("multus.conf"), conf.to_string()).unwrap();
    fs::write(node.path("catalog.json"), "{}").unwrap();
    node
}

fn tool(node: &Node, arguments: &[&str]) -> Said {
    multusctl(node.folder.path(), arguments)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Writes the pod's plan, and has it as well.
fn plan(node: &Node) -> Value {
    let explain = ["explain", "--conf", "multus.conf", "--pod", "blue/web", "-o", "json"];
    let said = tool(node, &explain).well();
    fs::write(node.path("plan.json"), &said.stdout).unwrap();
    said.json()
}

#[test]
fn a_policy_is_asked_about_each_network_of_a_plan() {
    let (node, guard) = (node(), shipped("tenant-guard"));
    plan(&node);
    let settings =
        json!({"tenants": {"blue": {"networks": ["blue/*", "cluster"], "types": ["bridge", "host-local"]}}});
    fs::write(node.path("guard.json"), settings.to_string()).unwrap();
    let run = ["module", "run", text(&guard), "--plan", "plan.json", "--settings", "guard.json"];
    tool(&node, &run).well().has(&[
        "plan: eth0 (cluster)\n  answer  allow",
        "plan: net1 (blue/storage)\n  answer  allow",
        "plan: net2 (blue/tuned)\n  answer  deny: namespace blue may not use",
    ]);
    let calls = tool(&node, &[&run[..], &["-o", "json"]].concat()).well().json();
    assert_eq!(calls.as_array().unwrap().len(), 3);
    assert_eq!(calls[1]["answer"], json!({"verdict": "allow"}));
    let denied = &calls[2]["answer"];
    assert_eq!(denied["verdict"], "deny");
    assert!(denied["reason"].as_str().unwrap().contains("type ptp"), "{calls}");
}

#[test]
fn a_transform_is_asked_about_each_plugin_of_a_plan() {
    let (node, mtu) = (node(), shipped("mtu"));
    plan(&node);
    fs::write(node.path("mtu.json"), r#"{"mtu": 9000}"#).unwrap();
    let run = ["module", "run", text(&mtu), "--plan", "plan.json", "--settings", "mtu.json"];
    let may = [&run[..], &["--may-change", "/mtu"]].concat();
    tool(&node, &may).well().has(&[
        "plan: eth0 (cluster), bridge\n  answer  /mtu added: 9000",
        "plan: net1 (blue/storage), bridge\n  answer  /mtu: 1500 became 9000",
        "plan: net2 (blue/tuned), ptp\n  answer  /mtu added: 9000",
        "plan: net2 (blue/tuned), tuning\n  answer  /mtu added: 9000",
    ]);
    let said = tool(&node, &run);
    assert_eq!(said.code, Some(1), "it may change nothing: {said:?}");
    said.has(&["failure 7: changed what it may not: /mtu added: 9000"]);
}

#[test]
fn a_network_of_a_plan_is_a_fixture_as_it_stands() {
    let (node, guard) = (node(), shipped("tenant-guard"));
    let mut seen = plan(&node)["attachments"][1]["seen"].take();
    assert_eq!(
        (&seen["pod"]["labels"], &seen["plugins"][0]["mtu"]),
        (&json!({"app": "web"}), &json!(1500)),
        "{seen}"
    );
    seen["settings"] = json!({"tenants": {}});
    seen["expect"] = json!({"verdict": "deny", "reason": "blue"});
    fs::create_dir(node.path("fixtures")).unwrap();
    fs::write(node.path("fixtures/kept.json"), seen.to_string()).unwrap();
    tool(&node, &["module", "test", text(&guard), "--fixtures", "fixtures"]).well().has(&["ok", "deny: "]);
    seen["expect"] = json!({"verdict": "allow"});
    fs::write(node.path("fixtures/kept.json"), seen.to_string()).unwrap();
    tool(&node, &["module", "test", text(&guard), "--fixtures", "fixtures"]).refused(&["1 failed"]);
}

#[test]
fn what_is_no_plan_and_no_question_is_said() {
    let (node, guard, mtu) = (node(), shipped("tenant-guard"), shipped("mtu"));
    plan(&node);
    let run = |arguments: &[&str]| tool(&node, &[&["module", "run"], arguments].concat());
    run(&[text(&guard), "--plan", "multus.conf"])
        .refused(&["multus.conf is no plan", "multusctl explain -o json"]);
    run(&[text(&guard), "--plan", "absent.json"]).refused(&["absent.json"]);
    run(&[text(&mtu), "--plan", "plan.json", "--settings", "absent.json"]).refused(&["absent.json"]);
    let delegate = shipped("loopback");
    run(&[text(&delegate), "--plan", "plan.json"])
        .refused(&["nothing of this plan is a question to a delegate", "multusctl attach"]);
    let both = run(&[text(&guard), "--plan", "plan.json", "--fixture", "plan.json"]);
    assert_eq!(both.code, Some(2), "one or the other: {both:?}");
}

#[test]
fn what_the_catalog_has_a_module_read_is_shown() {
    let (node, flannel) = (node(), shipped("flannel"));
    let conf = ["--conf", "multus.conf"];
    let add = [
        "module",
        "add",
        text(&flannel),
        "--yes",
        "--match-type",
        "flannel",
        "--may-change",
        "/type",
        "--input",
        "subnet=/run/flannel/subnet.env",
        "--input",
        "subnet=/run/flannel/networks/*.env",
        "--input-from",
        "subnet=/subnetFile",
    ];
    tool(&node, &[&add[..], &conf].concat()).well();
    fs::write(node.path("mtu.json"), r#"{"mtu": 9000}"#).unwrap();
    let mtu = shipped("mtu");
    let plain = ["module", "add", text(&mtu), "--yes", "--settings", "mtu.json"];
    tool(&node, &[&plain[..], &conf].concat()).well();

    let inspect = |name: &str, more: &[&str]| tool(&node, &[&["module", "inspect", name], more].concat());
    let said = inspect("flannel", &conf).well().has(&[
        "role       transform",
        "may read as its input `subnet`: /run/flannel/subnet.env, /run/flannel/networks/*.env, the one that /subnetFile names\n",
    ]);
    assert!(said.stdout.contains(text(&node.path("modules"))), "the installed file: {}", said.stdout);
    let shown = inspect("flannel", &[&conf[..], &["-o", "json"]].concat()).well().json();
    let files = ["/run/flannel/subnet.env", "/run/flannel/networks/*.env"];
    assert_eq!(shown["catalog"]["inputs"], json!({"subnet": {"file": files, "from": "/subnetFile"}}));
    assert_eq!(shown["digest"], node.catalog()["modules"]["flannel"]["digest"]);

    let plain = inspect("mtu", &[&conf[..], &["-o", "json"]].concat()).well().json();
    assert_eq!(
        (&plain["catalog"]["inputs"], &plain["catalog"]["settings"]),
        (&json!({}), &json!({"mtu": 9000}))
    );
    let file = inspect(text(&flannel), &[]).well();
    assert!(!file.stdout.contains("catalog  "), "nothing is declared for a file: {}", file.stdout);
    inspect("nobody", &conf).refused(&["no module nobody", "which has flannel, mtu"]);
    inspect("flannel", &["--conf", "absent.conf"]).refused(&["absent.conf"]);

    fs::remove_file(node.files("modules").remove(0)).unwrap();
    let left = ["flannel", "mtu"].map(|name| inspect(name, &conf).code);
    assert!(left.contains(&Some(1)) && left.contains(&Some(0)), "{left:?}");
}
