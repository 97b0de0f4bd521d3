//! NP-35 to NP-37: the network that every pod has.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use multus_tests::Checks;
use serde_json::json;

use crate::scene::Scene;

pub(crate) fn always_first(row: &mut Checks) {
    row.check("without a selection", || {
        let scene = Scene::new();
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0"]);
    });
    row.check("before all others, in the runtime's interface, and its result is returned", || {
        let scene = Scene::new().asking("red").network("red", json!({ "address": "10.1.2.3/24" }));
        let result = scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD red net1"]);
        assert_eq!(result["ips"][0]["address"], "192.0.2.1/24");
    });
    row.check("a selection of the same network is one more attachment", || {
        let scene = Scene::new().asking("default");
        let conf = scene.node.network("default", "alpha");
        let scene = scene.definition("shop", "default", &conf);
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD alpha net1"]);
    });
    row.check("a pod that is not known gets no networks at all", || {
        let mut scene = Scene::new();
        scene.pod = scene.pod.clone().named("shop", "gone");
        scene.ready();
        assert_eq!(scene.node.add(&scene.pod, &scene.conf).error().code, 11);
        assert_eq!(scene.calls(), [""; 0]);
    });
}

pub(crate) fn conf(row: &mut Checks) {
    row.leave_out(
        "multus writes no conf",
        "the operator's conf is there from the start; NP-37 is the way taken",
    );
}

pub(crate) fn readiness(row: &mut Checks) {
    row.check("ADD waits until the default network is ready", || {
        let scene = Scene::new();
        let ready = scene.node.scratch("ready");
        let scene = scene.set("readinessindicatorfile", json!(ready));
        scene.ready();
        let call = scene.node.calling("ADD", &scene.pod, &scene.conf).start();
        // Long enough to see a call that does not wait.
        sleep(Duration::from_millis(300));
        assert_eq!(scene.calls(), [""; 0]);
        fs::write(&ready, "").unwrap();
        call.wait().succeeded();
        assert_eq!(scene.calls(), ["ADD alpha eth0"]);
    });
    row.check("STATUS says so, without waiting", || {
        let scene = Scene::new();
        let missing = scene.node.scratch("never");
        let scene = scene.set("readinessindicatorfile", json!(missing));
        assert_eq!(scene.node.call("STATUS", &scene.pod, &scene.conf).error().code, 50);
    });
    row.check("DEL does not wait: what was attached is known without the default network", || {
        let scene = Scene::new();
        let ready = scene.node.scratch("ready");
        fs::write(&ready, "").unwrap();
        let scene = scene.set("readinessindicatorfile", json!(ready));
        scene.attached();
        fs::remove_file(&ready).unwrap();
        scene.detached();
    });
}
