//! NP-09 to NP-13: the annotation that selects networks.

use multus_tests::Checks;
use serde_json::{Value, json};

use crate::scene::Scene;

/// Networks `red` and `blue` in `shop`, `gold` in `bank`.
fn networks(selection: impl ToString) -> Scene {
    let scene = Scene::new().asking(selection).network("red", json!({})).network("blue", json!({}));
    let gold = scene.node.network("gold", "gold");
    scene.definition("bank", "gold", &gold)
}

/// The pod gets these beside its default network.
fn gets(row: &mut Checks, selection: impl ToString, expected: &[&str]) {
    let selection = selection.to_string();
    row.check(format!("{selection:?}"), || {
        let scene = networks(&selection);
        scene.attached();
        let mut seen = scene.calls();
        assert_eq!(seen.remove(0), "ADD alpha eth0");
        let expected: Vec<_> = expected.iter().map(|call| format!("ADD {call}")).collect();
        assert_eq!(seen, expected);
        scene.detached();
    });
}

/// The pod is refused, and what is wrong is named.
fn refused(row: &mut Checks, selection: impl ToString, words: &[&str]) {
    let selection = selection.to_string();
    row.check(format!("{selection:?} is refused"), || {
        networks(&selection).refused(&[&["k8s.v1.cni.cncf.io/networks"], words].concat());
    });
}

pub(crate) fn formats(row: &mut Checks) {
    gets(row, "red,blue", &["red net1", "blue net2"]);
    gets(row, json!([{ "name": "red" }, { "name": "blue" }]), &["red net1", "blue net2"]);
    gets(row, json!([{ "name": "gold", "namespace": "bank", "interface": "data0" }]), &["gold data0"]);
    gets(row, "[]", &[]);
    gets(row, "", &[]);
    refused(row, "[{\"name\": \"red\"}", &[]);
    refused(row, json!({ "name": "red" }), &["list"]);
    refused(row, "[null]", &["/0"]);
    refused(row, "[\"red\"]", &["/0"]);
}

pub(crate) fn comma_form(row: &mut Checks) {
    gets(row, "red", &["red net1"]);
    gets(row, " red , bank/gold ", &["red net1", "gold net2"]);
    gets(row, "shop/red@north,blue", &["red north", "blue net2"]);
    for wrong in ["red,,blue", "red,", "a/b/c", "/red", "bank/", "red@", "red@north@south", "red blue"] {
        refused(row, wrong, &[]);
    }
}

pub(crate) fn keys(row: &mut Checks) {
    gets(row, json!([{ "name": "red", "example.com/speed": "fast" }]), &["red net1"]);
    refused(row, json!([{ "name": "red", "speed": "fast" }]), &["speed"]);
    row.check("a key of nobody is passed over as upstream does, if the conf says so", || {
        let scene = networks(json!([{ "name": "red", "speed": "fast" }])).set("compat", json!("upstream"));
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD red net1"]);
    });
}

pub(crate) fn name(row: &mut Checks) {
    for element in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": 1 }),
        json!({ "name": null }),
        json!({ "namespace": "shop" }),
    ] {
        refused(row, Value::Array(vec![element]), &["name"]);
    }
}

pub(crate) fn namespace(row: &mut Checks) {
    gets(row, json!([{ "name": "red" }]), &["red net1"]);
    gets(row, json!([{ "name": "red", "namespace": "shop" }]), &["red net1"]);
    gets(row, json!([{ "name": "gold", "namespace": "bank" }]), &["gold net1"]);
    refused(row, json!([{ "name": "red", "namespace": "Shop" }]), &["Shop"]);
    row.check("a network of another namespace is not found in the pod's", || {
        networks(json!([{ "name": "gold" }])).refused(&["shop/gold"]);
    });
}
