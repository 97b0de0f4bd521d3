//! The catalog: what operators write, and what they read when it is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::time::Duration;

use multus_document::{Problem, json::locate};
use multus_wasm::{Catalog, Digest, Grants, Limits, Mode, OnFailure, Role};
use proptest::prelude::*;
use serde_json::{Value, json};

fn digest() -> String {
    Digest::of(b"").to_string()
}

fn good() -> Value {
    json!({
        "modules": {
            "jumbo": { "role": "transform", "digest": digest(), "match": {"types": ["macvlan"]},
                       "mayChange": ["/mtu", "/ipam/**"], "settings": {"mtu": 9000}, "grants": {} },
            "tag": { "role": "transform", "digest": digest(), "mayChange": ["/vlan"],
                     "inputs": {"zone": "/run/zone", "subnet": {"file": ["/run/a.env", "/run/*.env"], "from": "/f"}},
                     "limits": {"memory": "32Mi", "timeout": "1s"} },
            "guard": { "role": "policy", "digest": digest(), "mode": "monitor", "onFailure": "allow" },
            "bridge": { "role": "delegate", "digest": digest(), "settings": {},
                        "grants": {"links": ["cni*"], "ipam": ["host-local"]} },
            "ptp": { "role": "delegate", "digest": digest(), "limits": {"timeout": "5s"} },
        },
        "transforms": ["tag", "jumbo"],
        "policies": ["guard"],
    })
}

#[test]
fn a_catalog_says_what_it_says() {
    let catalog = Catalog::from_value(&good()).unwrap();
    assert_eq!(catalog.order(Role::Transform), ["tag", "jumbo"], "the written order, not that of names");
    let (jumbo, tag, guard) = (&catalog.modules["jumbo"], &catalog.modules["tag"], &catalog.modules["guard"]);
    assert_eq!(jumbo.limits, Limits { memory: 16 << 20, timeout: Duration::from_millis(100) });
    assert_eq!(jumbo.types, Some(vec!["macvlan".to_owned()]));
    assert_eq!(jumbo.settings, json!({"mtu": 9000}));
    assert_eq!(
        (jumbo.mode, jumbo.on_failure),
        (Mode::Enforce, OnFailure::Deny),
        "closed unless told otherwise"
    );
    assert_eq!(tag.limits, Limits { memory: 32 << 20, timeout: Duration::from_secs(1) });
    assert_eq!(tag.inputs["zone"].files(), ["/run/zone"]);
    assert_eq!((tag.inputs["subnet"].from(), tag.inputs["subnet"].files().len()), (Some("/f"), 2));
    assert!(jumbo.inputs.is_empty(), "nothing is read unless the operator says so");
    assert_eq!((tag.settings.clone(), tag.types.clone()), (json!({}), None));
    assert_eq!((guard.mode, guard.on_failure), (Mode::Monitor, OnFailure::Allow));
    assert_eq!(jumbo.grants, Grants::default());
    assert_eq!(catalog.order(Role::Delegate), ["bridge", "ptp"], "no order is written down for delegates");
    let (bridge, ptp) = (&catalog.modules["bridge"], &catalog.modules["ptp"]);
    assert_eq!(bridge.limits, Limits { memory: 16 << 20, timeout: Duration::from_secs(2) });
    assert_eq!(ptp.limits, Limits { memory: 16 << 20, timeout: Duration::from_secs(5) });
    assert!(bridge.grants.links_match("cni0") && bridge.grants.allows_ipam("host-local"));
    assert_eq!(ptp.grants, Grants::default());
    assert!(Catalog::from_value(&json!({})).unwrap().modules.is_empty());
}

/// Each row sets one place of a good catalog and expects one problem there.
fn slips() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/modules", json!([]), "/modules: expected an object, found a list (write {…})"),
        (
            "/module",
            json!({}),
            "/module: unknown key `module` (valid are `modules`, `transforms`, `policies`)",
        ),
        (
            "/modules/tag/role",
            json!("chain"),
            "\"chain\" is no role (write one of `transform`, `policy`, `delegate`)",
        ),
        (
            "/modules/tag/digest",
            json!("sha256:00"),
            "is no digest: expected `sha256:` and 64 lower-case hex digits",
        ),
        ("/modules/tag/digest", json!(7), "expected a string, found a number"),
        (
            "/modules/tag/grants",
            json!({"devices": ["*"]}),
            "unknown grant `devices` (valid grants for transforms and policies: none",
        ),
        ("/modules/tag/grants", json!(["log"]), "expected an object, found a list"),
        (
            "/modules/bridge/grants/devices",
            json!(["*"]),
            "unknown grant `devices` (valid are `links`, `names`, `defaultRoutes`,",
        ),
        ("/modules/bridge/grants/links/0", json!("a/b"), "`a/b` is no name of an interface"),
        ("/modules/bridge/grants/store", json!(["lib"]), "`lib` is no folder (write an absolute path"),
        ("/modules/bridge/grants", json!(["links"]), "expected an object, found a list"),
        (
            "/modules/bridge/mayChange",
            json!([]),
            "`mayChange` belongs to the role transform, this is a delegate (remove it)",
        ),
        (
            "/modules/bridge/mode",
            json!("monitor"),
            "`mode` belongs to the role transform or policy, this is a delegate",
        ),
        (
            "/transforms/2",
            json!("ptp"),
            "`ptp` is a delegate, not a transform (remove it: it needs no order)",
        ),
        (
            "/modules/tag/limits/memory",
            json!("16MB"),
            "`16MB` is no size, write for example `16Mi` (between 64 KiB and 1 GiB)",
        ),
        ("/modules/tag/limits/memory", json!("8Gi"), "8 GiB is out of range"),
        ("/modules/tag/limits/memory", json!(16), "expected a string, found a number"),
        (
            "/modules/tag/limits/timeout",
            json!("100"),
            "`100` is no duration, write for example `100ms` (between 1 ms and 10 s)",
        ),
        ("/modules/tag/limits/timeout", json!("0ms"), "0 ms is out of range"),
        ("/modules/tag/limits/cpu", json!("1"), "unknown key `cpu` (valid are `memory`, `timeout`)"),
        ("/modules/tag/mayChange", json!("/vlan"), "expected a list of strings, found a string"),
        ("/modules/tag/mayChange/0", json!("vlan"), "is no place in a configuration"),
        ("/modules/tag/mayChange/0", json!("/name"), "`/name` can never be changed"),
    ]
}

/// The same of members that one role has, and of the order.
fn slips_of_roles() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/modules/tag/inputs", json!(["/run/zone"]), "expected an object, found a list"),
        ("/modules/tag/inputs/zone", json!("/run/*"), "several files, and nothing that chooses one"),
        (
            "/modules/tag/inputs/subnet/form",
            json!("/zone"),
            "unknown key `form` (valid are `file`, `from`, `default`)",
        ),
        (
            "/modules/guard/inputs",
            json!({}),
            "`inputs` belongs to the role transform, this is a policy (remove it)",
        ),
        (
            "/modules/tag/onFailure",
            json!("allow"),
            "`onFailure` belongs to the role policy, this is a transform (remove it)",
        ),
        (
            "/modules/tag/onfailure",
            json!("deny"),
            "unknown key `onfailure` (a transform has `role`, `digest`,",
        ),
        (
            "/modules/guard/mayChange",
            json!([]),
            "`mayChange` belongs to the role transform, this is a policy",
        ),
        ("/modules/guard/mode", json!("audit"), "\"audit\" is no mode (write one of `enforce`, `monitor`)"),
        ("/modules/guard/onFailure", json!(false), "false is no onFailure (write one of `deny`, `allow`)"),
        ("/modules/jumbo/match/types", json!([]), "no type at all"),
        ("/modules/jumbo/match/type", json!(["a"]), "unknown key `type` (valid are `types`)"),
        (
            "/modules/a b",
            json!({"role": "transform", "digest": digest(), "mayChange": []}),
            "`a b` is no module name",
        ),
        ("/transforms/2", json!("gone"), "no module `gone`"),
        ("/transforms/2", json!("tag"), "`tag` is listed twice"),
        ("/policies/1", json!("tag"), "`tag` is a transform, not a policy (move it to its own list)"),
        (
            "/transforms",
            json!(["jumbo"]),
            "the transform `tag` has no place in the order (add it to `transforms`)",
        ),
        ("/policies", json!([]), "the policy `guard` has no place in the order"),
    ]
}

#[test]
fn each_slip_is_named_where_it_is_with_what_to_write_instead() {
    let rows = slips().into_iter().chain(slips_of_roles());
    for (place, value, expected) in rows {
        let mut catalog = good();
        set(&mut catalog, place, value);
        let problems = Catalog::from_value(&catalog).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let found = problems.iter().zip(&texts).find(|(_, text)| text.contains(expected));
        let Some((problem, _)) = found else { panic!("{place}: {texts:?} lacks {expected}") };
        assert!(
            problem.pointer.starts_with(place) || problem.pointer.is_empty(),
            "{place}: {}",
            problem.pointer
        );
    }
}

fn set(catalog: &mut Value, place: &str, value: Value) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    match catalog.pointer_mut(parent).unwrap() {
        Value::Array(list) => match key.parse::<usize>().unwrap() {
            index if index < list.len() => list[index] = value,
            _ => list.push(value),
        },
        object => object[key] = value,
    }
}

#[test]
fn what_has_to_be_there_is_asked_for() {
    let rows = [("role", "no `role`"), ("digest", "no `digest`"), ("mayChange", "no `mayChange`")];
    for (key, expected) in rows {
        let mut catalog = good();
        catalog["modules"]["tag"].as_object_mut().unwrap().remove(key);
        let problems = Catalog::from_value(&catalog).unwrap_err();
        assert_eq!(problems.len(), 1, "one slip, one problem: {problems:?}");
        assert!(
            problems[0].message.contains(expected) && problems[0].pointer == "/modules/tag",
            "{problems:?}"
        );
    }
}

#[test]
fn every_problem_is_reported_at_once_and_found_in_the_text() {
    let text = r#"{
  "modules": {
    "one": { "role": "policy", "digest": 1, "mode": "x" },
    "two": { "role": "polizei", "mayChange": ["mtu"] }
  },
  "policies": ["one", "three"]
}"#;
    let problems: Vec<Problem> = Catalog::parse(text.as_bytes()).unwrap_err();
    let lines: Vec<usize> = problems.iter().map(|p| locate(text, &p.pointer).unwrap().line).collect();
    assert_eq!(lines, [3, 3, 4, 4, 4, 6], "{problems:?}");
}

#[test]
fn text_that_is_no_json_is_one_problem() {
    for text in ["", "{", "null", "{ # which modules\n}", "[]"] {
        assert_eq!(Catalog::parse(text.as_bytes()).unwrap_err().len(), 1, "{text}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = "role|digest|grants|limits|settings|match|mayChange|mode|onFailure|types|memory|timeout|policy|transform|delegate|links|store|sysctls|ipam|firewall|defaultRoutes|16Mi|/x|a";
    let leaf = prop_oneof![Just(Value::Null), any::<i8>().prop_map(Value::from), words.prop_map(Value::from)];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(words, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_stands_in_a_catalog_is_read_or_refused_with_reasons(
        modules in proptest::collection::btree_map("[ab/~]{0,2}", any_json(), 0..4),
        transforms in any_json(),
    ) {
        let catalog = json!({"modules": modules, "transforms": transforms, "policies": []});
        if let Err(problems) = Catalog::from_value(&catalog) {
            prop_assert!(!problems.is_empty());
            let text = catalog.to_string();
            prop_assert!(problems.iter().all(|problem| locate(&text, &problem.pointer).is_some()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Catalog::parse(&bytes);
    }
}
