//! NP-42 to NP-44: which networks, and which arguments, a pod does not get.

use multus_tests::Checks;
use serde_json::{Value, json};

use crate::scene::{Scene, capabilities, with};

/// A definition `gold` in namespace `bank`, and a node that keeps namespaces apart.
fn isolated() -> Scene {
    let scene = Scene::new();
    let gold = scene.node.network("gold", "gold");
    scene.definition("bank", "gold", &gold).set("namespaceIsolation", json!(true))
}

pub(crate) fn isolation(row: &mut Checks) {
    row.check("another namespace's network fails the pod", || {
        isolated().asking("bank/gold").refused(&["bank/gold", "shop"]);
    });
    row.check("as default network, too", || {
        isolated().annotated("v1.multus-cni.io/default-network", "bank/gold").refused(&["bank/gold", "shop"]);
    });
    row.check("one of the pod's own namespace, or of a global one, does not", || {
        let scene = isolated().asking("red,bank/gold").network("red", json!({}));
        let scene = scene.set("globalNamespaces", json!("default,bank"));
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD red net1", "ADD gold net2"]);
    });
    row.check("without isolation, all are allowed", || {
        let scene = isolated().asking("bank/gold").set("namespaceIsolation", json!(false));
        scene.attached();
    });
}

pub(crate) fn runtime_config(row: &mut Checks) {
    row.check("goes to the default network alone", || {
        let declared = capabilities(&["portMappings", "ips"]);
        let scene = Scene::new().asking("red").network("red", declared.clone());
        let default = with(&scene.node.network("default", "alpha"), &declared);
        let ports = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
        let scene = scene.default_network(&default).set("capabilities", declared["capabilities"].clone());
        let scene = scene.set("runtimeConfig", json!({ "portMappings": ports, "ips": ["192.0.2.9/24"] }));
        scene.attached();
        assert_eq!(scene.add_of("alpha").conf()["runtimeConfig"]["portMappings"], ports);
        assert_eq!(scene.add_of("red").conf()["runtimeConfig"], Value::Null);
        scene.detached();
    });
    row.check("what the pod asks of another network stays with that", || {
        let declared = capabilities(&["ips"]);
        let asked = json!([{ "name": "red", "ips": ["10.1.2.3/24"] }, { "name": "blue" }]);
        let scene =
            Scene::new().asking(asked).network("red", declared.clone()).network("blue", declared.clone());
        let default = with(&scene.node.network("default", "alpha"), &declared);
        let scene = scene.default_network(&default).set("runtimeConfig", json!({ "ips": ["192.0.2.9/24"] }));
        scene.attached();
        let seen =
            ["alpha", "red", "blue"].map(|plugin| scene.add_of(plugin).conf()["runtimeConfig"].clone());
        assert_eq!(
            seen,
            [json!({ "ips": ["192.0.2.9/24"] }), json!({ "ips": ["10.1.2.3/24"] }), Value::Null]
        );
    });
}

pub(crate) fn ipam_claims(row: &mut Checks) {
    row.leave_out("not for multus", "IPAM plugins keep IPAMClaims; multus passes their names on (NP-25)");
}
