//! NP-01, NP-26 and NP-38 to NP-41: attachments come and go.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use multus_tests::Checks;
use serde_json::{Value, json};

use crate::scene::{Scene, with};

pub(crate) fn every_operation(row: &mut Checks) {
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        row.check(format!("ADD, CHECK and DEL in {version}"), || {
            let scene = Scene::new().asking("red").network("red", json!({ "cniVersion": version }));
            let default = with(&scene.node.network("default", "alpha"), &json!({ "cniVersion": version }));
            let mut scene = scene.default_network(&default).set("cniVersion", json!(version));
            let result = scene.attached();
            assert_eq!(result["cniVersion"], version);
            if version >= "0.4.0" {
                scene.conf["prevResult"] = result;
                scene.node.check(&scene.pod, &scene.conf).succeeded();
            }
            scene.detached();
            let mut expected = vec!["ADD alpha eth0", "ADD red net1", "DEL red net1", "DEL alpha eth0"];
            if version >= "0.4.0" {
                expected.splice(2..2, ["CHECK alpha eth0", "CHECK red net1"]);
            }
            assert_eq!(scene.calls(), expected);
        });
    }
    row.check("VERSION tells them", || {
        let scene = Scene::new();
        let told = scene.node.call("VERSION", &scene.pod, &scene.conf).result();
        assert!(told["supportedVersions"].as_array().unwrap().contains(&json!("0.1.0")), "{told}");
    });
}

pub(crate) fn twice(row: &mut Checks) {
    let scene = || Scene::new().asking("red,red").network("red", json!({}));
    row.check("two attachments and two entries, the same tuple in all operations", || {
        let mut scene = scene();
        scene.conf["prevResult"] = scene.attached();
        scene.node.check(&scene.pod, &scene.conf).succeeded();
        scene.detached();
        let calls = scene.node.recorded();
        let of_red: Vec<_> = calls.iter().filter(|call| call.plugin == "red").collect();
        for call in &of_red {
            assert_eq!(call.variable("CNI_CONTAINERID"), scene.pod.container_id);
            assert_eq!(call.conf()["name"], "red");
        }
        let seen: Vec<_> = of_red.iter().map(|call| call.brief()).collect();
        let expected = [
            "ADD red net1",
            "ADD red net2",
            "CHECK red net1",
            "CHECK red net2",
            "DEL red net2",
            "DEL red net1",
        ];
        assert_eq!(seen, expected);
    });
    row.check("two entries in the status", || {
        let scene = scene();
        scene.attached();
        let status = scene.status().unwrap();
        let entries = [1, 2].map(|at| [&status[at]["name"], &status[at]["interface"]]);
        assert_eq!(entries, [["shop/red", "net1"], ["shop/red", "net2"]]);
    });
    row.check("under the same interface name it is refused", || {
        Scene::new().asking("red@a,red@a").network("red", json!({})).refused(&["`a`"]);
    });
}

pub(crate) fn lists(row: &mut Checks) {
    row.check("name and version are injected, results handed on, DEL in reverse", || {
        let scene = Scene::new().asking("red");
        let mut plugins = ["one", "two"].map(|plugin| scene.node.plugin(plugin));
        plugins[0]["address"] = json!("10.1.2.3/24");
        plugins[1]["example.com/kept"] = json!({ "as": ["it", "is"] });
        let list = json!({ "cniVersion": "0.4.0", "name": "storage", "plugins": plugins });
        let scene = scene.definition("shop", "red", &list);
        scene.attached();
        scene.detached();
        assert_eq!(
            scene.calls(),
            [
                "ADD alpha eth0",
                "ADD one net1",
                "ADD two net1",
                "DEL two net1",
                "DEL one net1",
                "DEL alpha eth0"
            ]
        );
        for plugin in ["one", "two"] {
            let conf = scene.add_of(plugin).conf();
            assert_eq!([&conf["name"], &conf["cniVersion"]], ["storage", "0.4.0"]);
        }
        let second = scene.add_of("two").conf();
        assert_eq!(second["prevResult"]["ips"][0]["address"], "10.1.2.3/24");
        assert_eq!(second["example.com/kept"], json!({ "as": ["it", "is"] }));
    });
    row.check("a definition without a version gets the conf's", || {
        let scene = Scene::new().asking("red");
        let conf = with(&scene.node.plugin("red"), &json!({ "name": "red" }));
        let scene = scene.definition("shop", "red", &conf).set("cniVersion", json!("0.4.0"));
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["cniVersion"], "0.4.0");
    });
}

/// Networks `red`, `blue` and `green`, of which `blue` misbehaves.
fn one_of_three(misbehaviour: &Value) -> Scene {
    let scene = Scene::new().asking("red,blue,green");
    let scene = scene.network("red", json!({})).network("green", json!({}));
    scene.network("blue", json!({ "misbehave": misbehaviour }))
}

pub(crate) fn failed_add(row: &mut Checks) {
    row.check("the rest is not attempted, the first is taken back, the plugin's own code is told", || {
        let scene = one_of_three(&json!({ "ADD": { "fail": { "code": 104, "msg": "no cable" } } }));
        scene.ready();
        let before = scene.node.state();
        let error = scene.node.add(&scene.pod, &scene.conf).error();
        assert_eq!(error.code, 104);
        assert!(
            ["shop/web", "shop/blue", "no cable"].iter().all(|word| error.msg.contains(word)),
            "{error:?}"
        );
        assert_eq!(
            scene.calls(),
            [
                "ADD alpha eth0",
                "ADD red net1",
                "ADD blue net2",
                "DEL blue net2",
                "DEL red net1",
                "DEL alpha eth0"
            ]
        );
        scene.node.state().must_equal(&before);
        assert_eq!(scene.status(), None);
    });
    row.check("of the default network, too", || {
        let scene = one_of_three(&json!({}));
        let broken = json!({ "misbehave": { "ADD": { "fail": { "code": 105, "msg": "no route" } } } });
        let default = with(&scene.node.network("default", "alpha"), &broken);
        let scene = scene.default_network(&default);
        scene.failed(&["no route"]);
        assert_eq!(scene.calls(), ["ADD alpha eth0", "DEL alpha eth0"]);
    });
}

pub(crate) fn failed_del(row: &mut Checks) {
    row.check("all are torn down in reverse, the error is told, and the next DEL finishes", || {
        let scene = Scene::new().asking("red,blue,green");
        let mark = scene.node.scratch("broken");
        fs::write(&mark, "").unwrap();
        let order = json!({ "DEL": { "while": mark, "fail": { "code": 106, "msg": "stuck" } } });
        let scene = scene.network("red", json!({})).network("green", json!({}));
        let scene = scene.network("blue", json!({ "misbehave": order }));
        scene.attached();
        scene.node.forget_recorded();
        let error = scene.node.del(&scene.pod, &scene.conf).error();
        assert!(error.msg.contains("stuck") || error.details.contains("stuck"), "{error:?}");
        assert_eq!(scene.calls(), ["DEL green net3", "DEL blue net2", "DEL red net1", "DEL alpha eth0"]);
        fs::remove_file(&mark).unwrap();
        scene.node.forget_recorded();
        scene.detached();
        assert!(scene.calls().contains(&"DEL blue net2".to_owned()), "{:?}", scene.calls());
    });
    row.check("only what was attempted", || {
        let scene = one_of_three(&json!({ "ADD": { "fail": { "code": 104, "msg": "no" } } }));
        scene.failed(&["no"]);
        assert!(!scene.calls().contains(&"DEL green net3".to_owned()), "{:?}", scene.calls());
    });
}

/// A plugin that fails if another of its kind runs at the same time.
const JEALOUS: &str = "#!/bin/sh
mkdir \"$JEALOUS\" || exit 1
sleep 0.05
rmdir \"$JEALOUS\"
[ \"$CNI_COMMAND\" = ADD ] && echo '{\"cniVersion\": \"1.0.0\"}'
exit 0
";

pub(crate) fn one_at_a_time(row: &mut Checks) {
    row.check("ADD and DEL of four networks", || {
        let scene = Scene::new().asking("red,red,red,red");
        let script = JEALOUS.replace("$JEALOUS", scene.node.scratch("running").to_str().unwrap());
        let plugin = scene.node.bin_dir().join("jealous");
        fs::write(&plugin, script).unwrap();
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
        let jealous = json!({ "cniVersion": "1.0.0", "name": "red", "type": "jealous" });
        let scene = scene.definition("shop", "red", &jealous);
        scene.attached();
        assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 5);
        scene.node.del(&scene.pod, &scene.conf).succeeded();
    });
}
