//! The components that we ship, run in the sandbox.

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

use multus_wasm::{Level, Role, Verdict};
use serde_json::{Value, json};
use support::{Node, attachment, component, object};

const MACVLAN: &str =
    r#"{"type": "macvlan", "master":"eth0","x":1e2, "mtu":1500,"ipam":{"type":"host-local"}}"#;

fn mtu(members: &Value) -> Node {
    let node = Node::with(
        "jumbo",
        Role::Transform,
        &component("mtu"),
        &json!({"mayChange": ["/mtu"], "settings": {"mtu": 9000}}),
    );
    node.edit("jumbo", members);
    node
}

#[test]
fn the_mtu_is_set_and_every_other_byte_stays() {
    let node = mtu(&json!({"settings": {"mtu": 9000}}));
    let sandbox = node.sandbox();
    let done = sandbox.transform("jumbo", &attachment(), &object(MACVLAN)).unwrap();
    let expected = r#"{"type":"macvlan","master":"eth0","x":1e2,"mtu":9000,"ipam":{"type":"host-local"}}"#;
    assert_eq!(done.plugin.to_string(), expected);
    let changes: Vec<String> = done.changed.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["/mtu: 1500 became 9000"]);

    let again = sandbox.transform("jumbo", &attachment(), &done.plugin).unwrap();
    assert_eq!((again.plugin, again.changed), (done.plugin, vec![]), "what is right already does not change");
}

#[test]
fn a_transform_works_on_the_types_it_was_given() {
    let node = mtu(&json!({"settings": {"mtu": 9000}, "match": {"types": ["macvlan", "bridge"]}}));
    let sandbox = node.sandbox();
    assert_eq!(sandbox.transforms(), ["jumbo"]);
    assert!(sandbox.works_on("jumbo", "bridge") && !sandbox.works_on("jumbo", "sriov"));
    assert!(sandbox.policies().is_empty());
}

#[test]
fn a_transform_says_no_to_settings_that_make_no_sense() {
    let node = mtu(&json!({"settings": {"mtu": 20}}));
    let sandbox = node.sandbox();
    let error = sandbox.transform("jumbo", &attachment(), &object(MACVLAN)).unwrap_err();
    assert_eq!(error.code(), 7);
    assert_eq!(error.to_string(), "module jumbo: settings: mtu 20 is not between 68 and 65535");
}

fn guard(members: &Value) -> Node {
    let settings = json!({"tenants": {"blue": {"networks": ["blue/*"], "types": ["bridge", "host-local"]}}});
    let node = Node::with("guard", Role::Policy, &component("tenant_guard"), &json!({"settings": settings}));
    node.edit("guard", members);
    node
}

#[test]
fn a_tenant_gets_its_own_networks_and_reads_why_not_others() {
    let node = guard(&json!({}));
    let sandbox = node.sandbox();
    let own = [object(r#"{"type":"bridge","ipam":{"type":"host-local"}}"#)];
    assert_eq!(sandbox.review("guard", &attachment(), &own).unwrap().verdict, Verdict::Allow);
    let refused = sandbox.review("guard", &attachment(), &[object(MACVLAN)]).unwrap();
    let reason = "namespace blue may not use type macvlan (allowed: bridge, host-local)";
    assert_eq!(refused.verdict, Verdict::Deny(reason.to_owned()));
}

#[test]
fn a_second_key_does_not_get_past_the_guard() {
    let node = guard(&json!({}));
    let sandbox = node.sandbox();
    let hidden =
        object(r#"{"type":"bridge","delegate":{"type":"host-device","Type":"bridge","type":"bridge"}}"#);
    let refused = sandbox.review("guard", &attachment(), &[hidden]).unwrap();
    assert!(matches!(refused.verdict, Verdict::Deny(reason) if reason.contains("delegate.type host-device")));
}

#[test]
fn a_policy_on_trial_refuses_nothing_and_shows_what_it_would_have() {
    let node = guard(&json!({"mode": "monitor"}));
    let sandbox = node.sandbox();
    let review = sandbox.review("guard", &attachment(), &[object(MACVLAN)]).unwrap();
    assert_eq!(review.verdict, Verdict::Allow);
    let let_pass = review.let_pass.unwrap();
    assert!(let_pass.starts_with("would refuse (mode: monitor): namespace blue may not use"), "{let_pass}");
}

#[test]
fn the_default_network_is_the_operators_choice() {
    let default_network =
        multus_wasm::Attachment { default_network: true, network: "cbr0".into(), ..attachment() };
    let judged = guard(&json!({})).sandbox().review("guard", &default_network, &[]).unwrap();
    assert!(matches!(judged.verdict, Verdict::Deny(_)));
    let settings = json!({"tenants": {}, "judgeDefaultNetwork": false});
    let passed =
        guard(&json!({"settings": settings})).sandbox().review("guard", &default_network, &[]).unwrap();
    assert_eq!(passed.verdict, Verdict::Allow);
    assert_eq!(passed.log[0].level, Level::Debug);
}
