//! NP-22, NP-23 and NP-33: which of a pod's networks has the default route, in the kernel, in the result and in the
//! status.

use multus_tests::{Checks, ip};
use serde_json::{Value, json};

use crate::scene::{Scene, bridge, invalid, red_with, with_links};

/// The default network on `10.80.0.0/16` with default routes of both families, and `red` on `10.81.0.0/16` without.
fn two_bridges(scene: Scene, asked: impl ToString) -> Scene {
    let [default, red] = [("default", 80, true), ("red", 81, false)]
        .map(|(name, net, gateway)| bridge(&scene.node, name, net, gateway));
    scene.default_network(&default).definition("shop", "red", &red).asking(asked)
}

/// The pod's default routes: `10.80.0.1 eth0`, IPv4 first.
fn default_routes(scene: &Scene) -> Vec<String> {
    let mut found = Vec::new();
    for family in ["-4", "-6"] {
        let rows: Vec<Value> =
            serde_json::from_str(&ip(&format!("-n {} -j {family} route show default", scene.netns())))
                .unwrap();
        for row in rows {
            let hops = row["nexthops"].as_array().cloned().unwrap_or_else(|| vec![row.clone()]);
            found.extend(hops.iter().map(|hop| {
                let device = hop["dev"].as_str().or(row["dev"].as_str()).unwrap();
                format!("{} {device}", hop["gateway"].as_str().unwrap_or("-"))
            }));
        }
    }
    found
}

/// Gateways of default routes in a result.
fn gateways(result: &Value) -> Vec<&str> {
    let routes = result["routes"].as_array().into_iter().flatten();
    let default = routes.filter(|route| matches!(route["dst"].as_str(), Some("0.0.0.0/0" | "::/0")));
    default.filter_map(|route| route["gw"].as_str()).collect()
}

/// What red asks for, the default routes of the pod, the gateways in the returned result (the default network's),
/// and red's `default-route` in the status.
type Row = (&'static str, Value, &'static [&'static str], &'static [&'static str], Value);

fn table() -> Vec<Row> {
    let both = &["10.80.0.1 eth0", "fd80::1 eth0"];
    vec![
        ("nothing asked", json!([{ "name": "red" }]), both, &["10.80.0.1", "fd80::1"], Value::Null),
        (
            "IPv4",
            red_with("default-route", &json!(["10.81.0.1"])),
            &["10.81.0.1 net1"],
            &[],
            json!(["10.81.0.1"]),
        ),
        ("IPv6", red_with("default-route", &json!(["fd81::1"])), &["fd81::1 net1"], &[], json!(["fd81::1"])),
        (
            "both families",
            red_with("default-route", &json!(["10.81.0.1", "fd81::1"])),
            &["10.81.0.1 net1", "fd81::1 net1"],
            &[],
            json!(["10.81.0.1", "fd81::1"]),
        ),
    ]
}

pub(crate) fn one_element(row: &mut Checks) {
    for (name, asked, routes, result, _) in table() {
        with_links(row, &format!("{name}: kernel and result agree"), |scene| {
            let scene = two_bridges(scene, &asked);
            let found = scene.attached();
            assert_eq!(default_routes(&scene), routes);
            assert_eq!(gateways(&found), result);
            scene.node.del(&scene.pod, &scene.conf).succeeded();
        });
    }
    with_links(row, "an empty list keeps what red's plugins make, and clears that of the others", |scene| {
        let [default, red] =
            [("default", 80), ("red", 81)].map(|(name, net)| bridge(&scene.node, name, net, true));
        let asked = red_with("default-route", &json!([]));
        let scene = scene.default_network(&default).definition("shop", "red", &red).asking(asked);
        scene.attached();
        assert_eq!(default_routes(&scene), ["10.81.0.1 net1", "fd81::1 net1"]);
    });
    let on_two = json!([
        { "name": "red", "default-route": ["10.81.0.1"] },
        { "name": "red", "default-route": ["fd81::1"] },
    ]);
    row.check("on two elements: refused", || {
        Scene::new().network("red", json!({})).asking(&on_two).refused(&["default-route"]);
    });
    row.check("on two elements: ignored if the conf says so", || {
        let scene =
            Scene::new().network("red", json!({})).asking(&on_two).set("onInvalidSelection", json!("ignore"));
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0"]);
    });
    for value in [json!(["gateway"]), json!(["10.81.0.0/16"]), json!("10.81.0.1"), json!([""])] {
        invalid(row, "default-route", "none", &value);
    }
}

pub(crate) fn several_gateways(row: &mut Checks) {
    with_links(row, "two of one family: both are used, in their order", |scene| {
        let scene = two_bridges(scene, red_with("default-route", &json!(["10.81.0.1", "10.81.0.254"])));
        scene.attached();
        assert_eq!(default_routes(&scene), ["10.81.0.1 net1", "10.81.0.254 net1"]);
        assert_eq!(scene.status().unwrap()[1]["default-route"], json!(["10.81.0.1", "10.81.0.254"]));
        scene.node.del(&scene.pod, &scene.conf).succeeded();
    });
}

pub(crate) fn told(row: &mut Checks) {
    for (name, asked, _, _, told) in table() {
        with_links(row, &format!("{name}: the gateways of the element that asked"), |scene| {
            let scene = two_bridges(scene, &asked);
            scene.attached();
            let status = scene.status().unwrap();
            assert_eq!(status[1]["default-route"], told);
            assert_eq!(status[0]["default-route"], Value::Null, "the default network did not ask");
        });
    }
}
