//! What modules say of themselves and of their settings, and what an operator gets to read before a pod does; and the whole
//! of the interface that transforms and policies have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod support;

use std::collections::BTreeSet;

use multus_compile::{Description, InstallError, NewModule};
use multus_wasm::{Attachment, LogLine, Pod, Role, Verdict};
use serde_json::{Value, json};
use support::{Node, component, object};

fn attachment() -> Attachment {
    let pairs = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    Attachment {
        container_id: "c1".into(),
        interface_name: "net1".into(),
        network: "blue/storage".into(),
        index: 3,
        default_network: true,
        pod: Some(Pod {
            namespace: "blue".into(),
            name: "web".into(),
            uid: "u1".into(),
            service_account: "robot".into(),
            labels: pairs("app", "web"),
            annotations: pairs("note", "x"),
            namespace_labels: pairs("tier", "gold"),
        }),
        context: json!({"more": [1]}),
    }
}

const LOGGED: [&str; 4] = [
    "debug: for the author",
    "info: for whoever looks",
    "warn: for the operator",
    "error: for the operator, soon",
];

fn lines(log: &[LogLine]) -> Vec<String> {
    log.iter().map(|line| format!("{}: {}", line.level, line.message)).collect()
}

#[test]
fn a_transform_uses_all_of_its_interface() {
    let members = json!({"mayChange": ["/told"], "settings": {}});
    let node = Node::with("all", Role::Transform, &component("changes_everything"), &members);
    let done = node.sandbox().transform("all", &attachment(), &object(r#"{"type":"bridge"}"#)).unwrap();
    let pod = json!(["blue", "web", "u1", "robot", [["app", "web"]], [["note", "x"]], [["tier", "gold"]]]);
    let told = json!(["c1", "net1", "blue/storage", 3, true, pod, {"more": [1]}]);
    assert_eq!(done.plugin.get("told"), Some(told));
    assert_eq!(lines(&done.log), LOGGED);
    node.edit("all", &json!({"settings": {"fail": 117}}));
    let error = node.sandbox().transform("all", &attachment(), &object("{}")).unwrap_err();
    assert_eq!(
        (error.code(), error.fault.to_string().as_str()),
        (117, "as the settings say; leave `fail` out")
    );
    assert_eq!(lines(&error.log), LOGGED);
    let nobody = Attachment { pod: None, ..attachment() };
    node.edit("all", &json!({"settings": {}}));
    let done = node.sandbox().transform("all", &nobody, &object("{}")).unwrap();
    assert_eq!(done.plugin.get("told").unwrap()[5], Value::Null);
}

#[test]
fn a_policy_uses_all_of_its_interface() {
    let reason = r#"web wants blue/storage of "bridge" and "tuning""#.to_owned();
    let rows =
        [("allow", Verdict::Allow), ("warn", Verdict::Warn(reason.clone())), ("deny", Verdict::Deny(reason))];
    for (settings, expected) in rows {
        let members = json!({"settings": {"verdict": settings}});
        let node = Node::with("all", Role::Policy, &component("judges_everything"), &members);
        let plugins = [object(r#"{"type":"bridge"}"#), object(r#"{"type":"tuning"}"#)];
        let done = node.sandbox().review("all", &attachment(), &plugins).unwrap();
        assert_eq!(done.verdict, expected);
        assert_eq!(lines(&done.log), LOGGED);
    }
}

/// Whoever adds a function that transforms or policies import or export adds it to the tests above as well.
#[test]
fn no_function_of_transforms_and_policies_is_left_out() {
    let mut resolve = wit_parser::Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/wit");
    let (package, _) = resolve.push_dir(folder).unwrap();
    let mut functions = BTreeSet::new();
    for name in ["transform-module", "policy-module", "described-part"] {
        let world = &resolve.worlds[resolve.select_world(&[package], Some(name)).unwrap()];
        for item in world.imports.values().chain(world.exports.values()) {
            let wit_parser::WorldItem::Interface { id, .. } = item else { continue };
            let interface = &resolve.interfaces[*id];
            let of = interface.name.as_deref().unwrap();
            functions.extend(interface.functions.keys().map(|function| format!("{of}.{function}")));
        }
    }
    let used = [
        "description.describe",
        "log.log",
        "policy.review",
        "settings.validate-settings",
        "transform.transform",
    ];
    assert_eq!(functions, used.map(str::to_owned).into());
}

#[test]
fn a_module_of_each_role_describes_itself_and_the_same_is_noted_in_it() {
    let rows = [
        ("changes_everything", Role::Transform, json!({"mayChange": [], "settings": {}})),
        ("judges_everything", Role::Policy, json!({"settings": {"verdict": "allow"}})),
        ("calls_everything", Role::Delegate, support_grants()),
        ("mtu", Role::Transform, json!({"mayChange": ["/mtu"], "settings": {"mtu": 9000}})),
        ("tenant_guard", Role::Policy, json!({"settings": {"tenants": {}}})),
    ];
    for (name, role, members) in rows {
        let component = component(name);
        let node = Node::with("one", role, &component, &members);
        let noted = Description::noted(&component).unwrap().unwrap();
        let said = node.sandbox().describe("one").unwrap().unwrap();
        assert_eq!(Description::parse(&said).unwrap(), noted, "{name}");
        assert_eq!(noted.version.as_deref(), Some(env!("CARGO_PKG_VERSION")), "{name}");
        assert!(noted.description.is_some_and(|text| text.len() > 10) && noted.settings.is_some(), "{name}");
        assert_eq!(node.sandbox().validate_settings("one").unwrap(), [], "{name}");
    }
    let plain = Node::with("plain", Role::Delegate, &component("looks_at_links"), &json!({}));
    assert_eq!(plain.sandbox().describe("plain").unwrap(), None);
    assert_eq!(plain.sandbox().validate_settings("plain").unwrap(), []);
}

fn support_grants() -> Value {
    json!({"grants": {
        "links": ["cni*"], "firewall": ["masquerade", "spoof-check", "port-mapping"],
        "sysctls": ["net/ipv4/ip_forward"], "ipam": ["static"], "plugins": ["bandwidth"],
        "store": ["/var/lib/cni/networks"], "sriov": ["ens1"],
    }})
}

fn add(name: &str, role: Role, settings: &Value) -> Result<Node, Box<InstallError>> {
    let node = Node::new();
    let mut entry = json!({"settings": settings});
    match role {
        Role::Transform => entry["mayChange"] = json!(["/mtu"]),
        Role::Delegate => entry["grants"] = support_grants()["grants"].take(),
        Role::Policy => {}
    }
    let bytes = component(name);
    let module = NewModule { name: "new", role, component: &bytes, entry: entry.as_object().unwrap() };
    let added = node.installation.add(&module).map(drop);
    assert_eq!(node.installation.catalog.exists(), added.is_ok(), "what is refused is in no catalog");
    assert_eq!(node.files().is_empty(), added.is_err(), "and leaves nothing: {:?}", node.files());
    added.map(|()| node).map_err(Box::new)
}

#[test]
fn settings_that_a_module_cannot_use_are_refused_by_their_names() {
    let says = "module new can't use its settings: ";
    let rows = [
        ("mtu", Role::Transform, json!({}), "/mtu: is missing"),
        ("mtu", Role::Transform, json!({"mtu": 67}), "/mtu: 67 is less than 68"),
        ("mtu", Role::Transform, json!({"mtu": 9000, "x": 1}), "/x: there is no such setting; there are mtu"),
        (
            "tenant_guard",
            Role::Policy,
            json!({"tenants": {"blue": {"networks": ["blue/*"]}}}),
            "/tenants/blue/types: is missing",
        ),
        (
            "tenant_guard",
            Role::Policy,
            json!({"tenants": {"blue": {"networks": ["blue/*", "blue/"], "types": ["bridge"]}}}),
            "/tenants/blue/networks/1: `blue/` is no network: write `namespace/name`",
        ),
        // Nothing that a schema could say: the module itself does.
        (
            "changes_everything",
            Role::Transform,
            json!({"fail": 7}),
            "/fail: 7 belongs to CNI: write 100 or more",
        ),
        ("judges_everything", Role::Policy, json!({"verdict": "maybe"}), "/verdict: maybe is none of allow"),
        (
            "calls_everything",
            Role::Delegate,
            json!({"crashAfter": 4000}),
            "/crashAfter: 4000 calls are never made: write a smaller number",
        ),
    ];
    for (name, role, settings, expected) in rows {
        let error = add(name, role, &settings).err().unwrap().to_string();
        assert!(error.starts_with(&format!("{says}{expected}")), "{name} {settings}: {error}");
    }
    assert!(add("mtu", Role::Transform, &json!({"mtu": 9000})).is_ok());
}

#[test]
fn a_module_that_says_something_else_than_is_noted_in_it_is_refused() {
    let honest = component("changes_everything");
    let forged = {
        let text = br#""fail":{"type":"integer","minimum":0}"#;
        // The last one: those before it are in the data that `describe` answers with.
        let place = honest.windows(text.len()).rposition(|window| window == text).unwrap();
        let mut forged = honest;
        forged[place + text.len() - 2] = b'9';
        forged
    };
    let node = Node::new();
    let entry = json!({"mayChange": [], "settings": {}});
    let module = NewModule {
        name: "forged",
        role: Role::Transform,
        component: &forged,
        entry: entry.as_object().unwrap(),
    };
    let error = node.installation.add(&module).unwrap_err().to_string();
    assert!(error.contains("what is noted in it is not what it says when it is asked"), "{error}");
    assert!(!node.installation.catalog.exists());
    assert!(node.files().is_empty(), "{:?}", node.files());
}
