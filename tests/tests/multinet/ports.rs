//! NP-20 and NP-21: what a pod asks of the traffic of an interface.

use multus_tests::Checks;
use serde_json::{Value, json};

use crate::scene::{Scene, capabilities, invalid, needs_capability, red_with};

/// What is asked for, and what the plugin gets.
fn arrives(row: &mut Checks, field: &str, asked: &Value, expected: &Value) {
    row.check(format!("{field}: {asked} is passed on"), || {
        let scene = Scene::new().network("red", capabilities(&[field])).asking(red_with(field, asked));
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["runtimeConfig"], json!({ field: expected }));
        scene.detached();
    });
}

pub(crate) fn mappings(row: &mut Checks) {
    let field = "portMappings";
    let plain = json!({ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" });
    let protocol = |name: &str| json!([{ "hostPort": 8080, "containerPort": 80, "protocol": name }]);
    arrives(row, field, &json!([{ "hostPort": 8080, "containerPort": 80 }]), &json!([plain]));
    for (asked, passed) in [("TCP", "tcp"), ("Udp", "udp"), ("sctp", "sctp")] {
        arrives(row, field, &protocol(asked), &protocol(passed));
    }
    let on_address =
        json!([{ "hostPort": 1, "containerPort": 65535, "protocol": "udp", "hostIP": "192.0.2.7" }]);
    arrives(row, field, &on_address, &on_address);
    let wrong = [
        json!([]),
        json!([{}]),
        json!([{ "hostPort": 8080 }]),
        json!([{ "containerPort": 80 }]),
        json!([{ "hostPort": 0, "containerPort": 80 }]),
        json!([{ "hostPort": 8080, "containerPort": 65536 }]),
        json!([{ "hostPort": "8080", "containerPort": 80 }]),
        json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "icmp" }]),
        json!({ "hostPort": 8080, "containerPort": 80 }),
    ];
    for value in wrong {
        invalid(row, field, field, &value);
    }
    needs_capability(row, field, field, &json!([plain]));
}

pub(crate) fn bandwidth(row: &mut Checks) {
    let field = "bandwidth";
    let all = json!({ "ingressRate": 1000, "ingressBurst": 2000, "egressRate": 3000, "egressBurst": 4000 });
    arrives(row, field, &all, &all);
    row.check("a rate alone: bursts may be supplied", || {
        let asked = red_with(field, &json!({ "egressRate": 3000 }));
        let scene = Scene::new().network("red", capabilities(&[field])).asking(asked);
        scene.attached();
        let passed = scene.add_of("red").conf()["runtimeConfig"][field].clone();
        assert_eq!(passed["egressRate"], 3000);
        assert!(passed["egressBurst"].is_null() || passed["egressBurst"].as_u64() > Some(0), "{passed}");
        assert_eq!(passed["ingressRate"], Value::Null);
    });
    let wrong = [
        json!({}),
        json!({ "ingressRate": 0 }),
        json!({ "ingressRate": -1 }),
        json!({ "ingressRate": "1M" }),
        json!({ "ingressBurst": 2000 }),
        json!({ "ingressRate": 1000, "egressBurst": 4000 }),
        json!([]),
    ];
    for value in wrong {
        invalid(row, field, field, &value);
    }
    needs_capability(row, field, field, &json!({ "ingressRate": 1000 }));
}
