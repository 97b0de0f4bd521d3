//! NP-02 to NP-08: the object that defines a network, and where its configuration is.

use multus_tests::{Checks, network_object};
use serde_json::{Value, json};

use crate::scene::{Scene, with};

pub(crate) fn the_object(row: &mut Checks) {
    row.check("as the specification gives it", || {
        let scene = Scene::new().asking("red").network("red", json!({}));
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD red net1"]);
        scene.detached();
    });
    row.check("what others keep in its metadata does not matter", || {
        let scene = Scene::new().asking("red");
        let mut object = network_object("shop", "red", &scene.node.network("red", "red"));
        object["metadata"]["labels"] = json!({ "team": "storage" });
        object["metadata"]["annotations"] = json!({ "example.com/owner": "jane" });
        let scene = scene.object(object);
        scene.attached();
    });
    row.check("metadata.name is mandatory", || {
        let mut object = network_object("shop", "red", &json!({ "type": "red" }));
        object["metadata"].as_object_mut().unwrap().remove("name");
        Scene::new().asking("red").object(object).failed(&["name"]);
    });
    row.check("one that is not there fails the pod, and the others are named", || {
        Scene::new().asking("gone").network("red", json!({})).refused(&["shop/gone", "red"]);
    });
}

/// A definition without a configuration of its own.
fn empty(spec: Option<Value>) -> Value {
    let mut object = network_object("shop", "red", &json!({}));
    match spec {
        Some(spec) => object["spec"] = spec,
        None => drop(object.as_object_mut().unwrap().remove("spec")),
    }
    object
}

pub(crate) fn empty_spec(row: &mut Checks) {
    for spec in [None, Some(json!({})), Some(json!({ "config": "" }))] {
        let shown = spec.as_ref().map_or_else(|| "no spec".to_owned(), ToString::to_string);
        row.check(format!("{shown}: the network of that name on the node"), || {
            let scene = Scene::new().asking("red").object(empty(spec));
            let conf = scene.node.network("red", "disk");
            let scene = scene.file("10-red.conf", conf);
            scene.attached();
            assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD disk net1"]);
            scene.detached();
        });
    }
    row.check("the files are found by their JSON name, not their own", || {
        let scene = Scene::new().asking("red").object(empty(None));
        let conf = scene.node.network("blue", "disk");
        scene.file("red.conf", conf).refused(&["shop/red", "`red`", "net.d"]);
    });
}

pub(crate) fn other_plugins(row: &mut Checks) {
    row.leave_out("not for multus", "about plugins that do not delegate; multus does");
}

pub(crate) fn order(row: &mut Checks) {
    let scene = |object: Value| {
        let scene = Scene::new().asking("red").object(object);
        let [list, single] = ["list", "single"].map(|plugin| scene.node.plugin(plugin));
        let list = json!({ "cniVersion": "1.0.0", "name": "red", "plugins": [list] });
        // In the order of their names the single conf would come first.
        let single = with(&single, &json!({ "cniVersion": "1.0.0", "name": "red" }));
        scene.file("00-red.conf", single).file("10-red.conflist", list)
    };
    row.check("the object's own configuration counts first", || {
        let node = multus_tests::Node::new();
        let mut inline = node.network("red", "inline");
        inline.as_object_mut().unwrap().remove("recording");
        let scene = scene(network_object("shop", "red", &inline));
        scene.node.install("inline", multus_tests::RECORDING);
        scene.attached();
        // The inline conf has no log; the others would have been seen.
        assert_eq!(scene.calls(), ["ADD alpha eth0"]);
        assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 2);
    });
    row.check("then a list on the node", || {
        let scene = scene(empty(None));
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD list net1"]);
    });
    row.check("then a single configuration", || {
        let scene = scene(empty(None))
            .file("10-red.conflist", json!({ "name": "blue", "plugins": [{ "type": "x" }] }));
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD single net1"]);
    });
    row.check("a file that can't be read does not hide the others", || {
        let scene = scene(empty(None)).file("00-broken.conflist", "{");
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0", "ADD list net1"]);
    });
    row.check("else the attachment fails", || {
        Scene::new().asking("red").object(empty(None)).refused(&["shop/red", "net.d"]);
    });
}

pub(crate) fn missing_name(row: &mut Checks) {
    row.check("of a single configuration", || {
        let scene = Scene::new().asking("red");
        let scene = {
            let conf = scene.node.plugin("red");
            scene.definition("shop", "red", &conf)
        };
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["name"], "red");
    });
    row.check("of a list", || {
        let scene = Scene::new().asking("red");
        let list = json!({ "cniVersion": "1.0.0", "plugins": [scene.node.plugin("red")] });
        let scene = scene.definition("shop", "red", &list);
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["name"], "red");
        assert_eq!(scene.add_of("red").conf()["cniVersion"], "1.0.0");
    });
    row.check("an empty one counts as missing", || {
        let scene = Scene::new().asking("red").network("red", json!({ "name": "" }));
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["name"], "red");
    });
}

pub(crate) fn two_names(row: &mut Checks) {
    row.check("plugins see the configuration's, the status the object's", || {
        let scene = Scene::new().asking("red").network("red", json!({ "name": "storage" }));
        scene.attached();
        assert_eq!(scene.add_of("red").conf()["name"], "storage");
        assert_eq!(scene.status().unwrap()[1]["name"], "shop/red");
        scene.detached();
    });
}
