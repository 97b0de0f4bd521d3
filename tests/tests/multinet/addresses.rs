//! NP-14 to NP-17, NP-19, NP-24 and NP-25: what a pod asks of the address of an interface.

use multus_tests::{Checks, ip};
use serde_json::{Value, json};

use crate::scene::{Scene, bridge, capabilities, invalid, needs_capability, red_with, with, with_links};

/// A selection's field arrives in `runtimeConfig`, as it is.
fn arrives(row: &mut Checks, field: &str, capability: &str, value: &Value) {
    row.check(format!("{field}: {value} is passed on"), || {
        let scene = Scene::new().network("red", capabilities(&[capability])).asking(red_with(field, value));
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["runtimeConfig"], json!({ capability: value }));
        assert_eq!(scene.add_of("alpha").conf()["runtimeConfig"], Value::Null, "not to the default network");
        scene.detached();
        assert!(
            scene
                .node
                .recorded()
                .iter()
                .all(|call| call.plugin != "red" || call.conf()["runtimeConfig"][capability] == *value)
        );
    });
}

pub(crate) fn ips(row: &mut Checks) {
    for value in [json!(["10.1.2.3"]), json!(["10.1.2.3/24", "fd00::3/64"]), json!(["fd00::3"])] {
        arrives(row, "ips", "ips", &value);
    }
    let wrong = [
        json!([]),
        json!(["10.1.2.300"]),
        json!(["10.1.2.3/33"]),
        json!(["fd00::3/129"]),
        json!(["10.1.2.3", "web"]),
        json!([""]),
        json!([1]),
        json!("10.1.2.3"),
    ];
    for value in wrong {
        invalid(row, "ips", "ips", &value);
    }
}

pub(crate) fn ips_arrive(row: &mut Checks) {
    row.check("at those plugins of a list that have the capability", || {
        let scene = Scene::new().asking(red_with("ips", &json!(["10.1.2.3/24"])));
        let [first, mut second] = ["one", "two"].map(|plugin| scene.node.plugin(plugin));
        second["capabilities"] = json!({ "ips": true });
        let list = json!({ "cniVersion": "1.0.0", "name": "red", "plugins": [first, second] });
        let scene = scene.definition("shop", "red", &list);
        scene.attached();
        assert_eq!(scene.add_of("one").conf()["runtimeConfig"], Value::Null);
        assert_eq!(scene.add_of("two").conf()["runtimeConfig"], json!({ "ips": ["10.1.2.3/24"] }));
    });
    with_links(row, "the interface has the address", |scene| {
        let scene = scene.asking(red_with("ips", &json!(["10.9.2.3/24"])));
        let red = bridge(&scene.node, "red", 9, false);
        let red = with(&red, &json!({ "capabilities": { "ips": true }, "ipam": { "type": "static" } }));
        let scene = scene.definition("shop", "red", &red);
        scene.attached();
        let shown = ip(&format!("-n {} addr show dev net1", scene.netns()));
        assert!(shown.contains("inet 10.9.2.3/24"), "{shown}");
        assert_eq!(scene.status().unwrap()[1]["ips"], json!(["10.9.2.3"]));
    });
}

pub(crate) fn ips_capability(row: &mut Checks) {
    needs_capability(row, "ips", "ips", &json!(["10.1.2.3/24"]));
    row.check("as upstream, the wish is passed over if the conf says so", || {
        let asked = red_with("ips", &json!(["10.1.2.3/24"]));
        let scene = Scene::new().network("red", json!({})).asking(asked).set("compat", json!("upstream"));
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["runtimeConfig"], Value::Null);
    });
}

pub(crate) fn mac(row: &mut Checks) {
    arrives(row, "mac", "mac", &json!("0a:58:0a:01:02:03"));
    let wrong = [
        json!("0a:58:0a:01:02"),
        json!("0a:58:0a:01:02:03:04:05"),
        json!("0a-58-0a-01-02"),
        json!("web"),
        json!(""),
        json!("0g:58:0a:01:02:03"),
        json!("01:00:5e:00:00:01"),
        json!("00:00:00:00:00:00"),
        json!(7),
    ];
    for value in wrong {
        invalid(row, "mac", "mac", &value);
    }
    needs_capability(row, "mac", "mac", &json!("0a:58:0a:01:02:03"));
    with_links(row, "the interface has it", |scene| {
        let scene = scene.asking(red_with("mac", &json!("0a:58:0a:01:02:03")));
        let red = with(&bridge(&scene.node, "red", 9, false), &capabilities(&["mac"]));
        let scene = scene.definition("shop", "red", &red);
        scene.attached();
        let shown = ip(&format!("-n {} link show dev net1", scene.netns()));
        assert!(shown.contains("link/ether 0a:58:0a:01:02:03"), "{shown}");
        assert_eq!(scene.status().unwrap()[1]["mac"], "0a:58:0a:01:02:03");
    });
}

pub(crate) fn infiniband_guid(row: &mut Checks) {
    let guid = json!("0c:42:a1:03:00:16:05:1c");
    row.check("passed on as infinibandGUID", || {
        let network = capabilities(&["infinibandGUID"]);
        let scene = Scene::new().network("red", network).asking(red_with("infiniband-guid", &guid));
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["runtimeConfig"], json!({ "infinibandGUID": guid }));
    });
    for value in [json!("0c:42:a1:03:00:16"), json!("0c:42:a1:03:00:16:05:1c:00"), json!("guid"), json!([])] {
        invalid(row, "infiniband-guid", "infinibandGUID", &value);
    }
    needs_capability(row, "infiniband-guid", "infinibandGUID", &guid);
}

pub(crate) fn cni_args(row: &mut Checks) {
    let asked = red_with("cni-args", &json!({ "rack": "7", "deep": { "list": [1] } }));
    row.check("passed on as args", || {
        let scene = Scene::new().network("red", json!({})).asking(&asked);
        scene.attached();
        assert_eq!(
            scene.add_of("red").conf()["args"]["cni"],
            json!({ "rack": "7", "deep": { "list": [1] } })
        );
        assert_eq!(scene.add_of("alpha").conf()["args"], Value::Null);
    });
    row.check("the pod's win over the definition's, which stay beside them", || {
        let args = json!({ "args": { "cni": { "rack": "1", "row": "2" }, "example.com": { "x": 1 } } });
        let scene = Scene::new().network("red", args).asking(&asked);
        scene.attached();
        let args = scene.add_of("red").conf()["args"].clone();
        assert_eq!(args["cni"], json!({ "rack": "7", "row": "2", "deep": { "list": [1] } }));
        assert_eq!(args["example.com"], json!({ "x": 1 }));
    });
    row.check("what is no object is refused", || {
        Scene::new()
            .network("red", json!({}))
            .asking(red_with("cni-args", &json!("rack=7")))
            .refused(&["cni-args"]);
    });
}

pub(crate) fn ipam_claim(row: &mut Checks) {
    row.check("carried to the plugin", || {
        let asked = red_with("ipam-claim-reference", &json!("vm1.red"));
        let scene = Scene::new().network("red", json!({})).asking(asked);
        scene.attached();
        assert!(scene.add_of("red").stdin.contains("\"vm1.red\""), "{}", scene.add_of("red").stdin);
        assert!(!scene.add_of("alpha").stdin.contains("vm1.red"));
        scene.detached();
    });
    row.check("together with ips it is an error", || {
        let asked = json!([{ "name": "red", "ipam-claim-reference": "vm1.red", "ips": ["10.1.2.3"] }]);
        Scene::new()
            .network("red", capabilities(&["ips"]))
            .asking(asked)
            .refused(&["ipam-claim-reference", "ips"]);
    });
    row.check("what can't be the name of a claim is refused", || {
        let asked = red_with("ipam-claim-reference", &json!("VM 1"));
        Scene::new().network("red", json!({})).asking(asked).refused(&["ipam-claim-reference"]);
    });
}
