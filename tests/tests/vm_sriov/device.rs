//! `host-device` finds a device by its address on the bus, whose link has any name.

use multus_tests::{Module, Node, ip};
use serde_json::{Value, json};

use crate::{Scene, addresses, be_patient};

/// How a conf names a device.
type Named = fn(&mut Value, &str);

pub(crate) fn by_bus_address(scene: &Scene) {
    let node = Node::new();
    let grants = ["links=vf*", "ipam=static", "sysctls=net/ipv6/conf/*/disable_ipv6", "defaultRoutes=true"];
    let modules = [Module::delegate("host-device", &grants), Module::delegate("static", &[])];
    let wasm = node.modules("wasm", &modules);
    be_patient(&node);
    let address = scene.card.address(2);
    let ways: [(&str, Named); 2] = [
        ("bus", |conf, address| conf["delegates"][0]["pciBusID"] = json!(address)),
        ("kubelet", |conf, address| {
            conf["delegates"][0]["capabilities"] = json!({ "deviceID": true });
            conf["runtimeConfig"] = json!({ "deviceID": address });
        }),
    ];
    for (name, named) in ways {
        let network = json!({ "cniVersion": "1.1.0", "name": "device", "type": "host-device",
                              "ipam": addresses("10.5.0.1/24") });
        let mut conf = node.conf(json!([network]));
        conf["wasm"] = wasm.clone();
        conf["exec"] = json!({ "allow": [] });
        named(&mut conf, &address);
        let pod = node.pod(name);
        let result = node.add(&pod, &conf).result();
        assert_eq!(result["interfaces"][0]["name"], "eth0", "{result}");
        let inside = ip(&format!("-n {name} address show eth0"));
        assert!(inside.contains("10.5.0.1/24") && inside.contains(",UP"), "{inside}");

        let late = node.pod("late");
        let error = node.add(&late, &conf).error();
        assert!(error.msg.contains(&address), "it is another pod's: {error:?}");
        ip("netns del late");

        conf["prevResult"] = result;
        node.check(&pod, &conf).succeeded();
        node.del(&pod, &conf).succeeded();
        assert_eq!(scene.card.await_function(2), "vf2", "{name}");
        ip(&format!("netns del {name}"));
    }
}
