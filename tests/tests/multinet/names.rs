//! NP-05 and NP-18: names of objects, and of interfaces.

use multus_tests::{Checks, ip};
use serde_json::json;

use crate::scene::{Scene, invalid};

pub(crate) fn objects(row: &mut Checks) {
    let long = "a".repeat(63);
    row.check("63 letters, digits and inner hyphens", || {
        let scene = Scene::new().asking(format!("{long},red-1")).network("red-1", json!({}));
        let conf = scene.node.network("long", "long");
        let scene = scene.definition("shop", &long, &conf);
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD long net1", "ADD red-1 net2"]);
    });
    for name in ["Red", "red_1", "-red", "red-", "réd", "red/../blue", &"a".repeat(254)] {
        for selection in [name.to_owned(), json!([{ "name": name }]).to_string()] {
            row.check(format!("{selection:.60} is refused"), || {
                Scene::new().asking(&selection).refused(&["k8s.v1.cni.cncf.io/networks"]);
            });
        }
    }
}

pub(crate) fn interfaces(row: &mut Checks) {
    for name in ["data0", "a", "fifteen-letters", "net1", "p.100"] {
        row.check(format!("{name:?} is CNI_IFNAME"), || {
            let scene =
                Scene::new().asking(json!([{ "name": "red", "interface": name }])).network("red", json!({}));
            scene.attached();
            assert_eq!(scene.add_of("red").variable("CNI_IFNAME"), name);
            scene.detached();
        });
    }
    let wrong = ["", "sixteen-letters-", "a b", "a/b", "a:b", ".", ".."].map(|name| json!(name));
    for value in wrong.into_iter().chain([json!(1)]) {
        invalid(row, "interface", "none", &value);
    }
    row.check("a name that another attachment has is refused, before anything runs", || {
        let scene = Scene::new().network("red", json!({})).network("blue", json!({}));
        scene.asking("red@data0,blue@data0").refused(&["data0"]);
    });
    row.check("as is the default network's", || {
        Scene::new().network("red", json!({})).asking("red@eth0").refused(&["eth0"]);
    });
    row.check("and one that is in the namespace already", || {
        let scene = Scene::new().network("red", json!({})).asking("red@data0");
        ip(&format!("-n {} link add data0 type bridge", scene.netns()));
        scene.refused(&["data0"]);
    });
    row.check("automatic names keep clear of those that were asked for", || {
        let scene = Scene::new().network("red", json!({})).network("blue", json!({})).asking("blue,red@net1");
        scene.refused(&["net1"]);
    });
}
