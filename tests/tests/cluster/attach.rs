//! What goes well, and what it costs.

use std::time::Duration;

use multus_tests::{network_object, pod_object, private};
use serde_json::json;

use crate::scene::{GET_POD, PATCH_STATUS, Scene, get};

/// What a pod asks for, and the definitions that are fetched for it.
const COSTS: [(&str, &[&str]); 4] =
    [("", &[]), ("red", &["red"]), ("red,blue", &["blue", "red"]), ("red,red,red", &["red"])];

#[test]
fn an_add_costs_one_get_of_the_pod_one_of_each_definition_and_one_patch() {
    private(|| {
        let mut scene = Scene::asking("");
        for (networks, definitions) in COSTS {
            scene.api.load(&[pod_object("shop", "web", networks)]);
            scene.new_sandbox();
            scene.api.forget_requests();
            scene.attached();
            let mut expected: Vec<_> = definitions.iter().map(|name| get(name)).collect();
            expected.extend([GET_POD.to_owned(), PATCH_STATUS.to_owned()]);
            assert_eq!(scene.asked(), expected, "{networks}");
            scene.api.forget_requests();
            scene.detached();
            assert_eq!(scene.api.connections(), 0, "{networks}: DEL asks nothing: {:?}", scene.api.briefs());
        }
    });
}

#[test]
fn definitions_are_asked_for_side_by_side() {
    private(|| {
        let names = ["n1", "n2", "n3", "n4"];
        let scene = Scene::asking(&names.join(","));
        for name in names {
            scene.api.load(&[network_object("shop", name, &scene.node.network(name, "any"))]);
        }
        scene.api.delay("GET network-attachment-definitions", Duration::from_secs(1));
        scene.attached();
        let requests = scene.api.requests();
        let definitions =
            requests.iter().filter(|request| names.iter().any(|name| request.brief == get(name)));
        let beside = definitions.map(|request| request.beside).max();
        assert_eq!(beside, Some(3), "{requests:?}");
    });
}

#[test]
fn events_that_can_not_be_delivered_are_no_harm() {
    private(|| {
        let scene = Scene::asking("red");
        scene.api.fail("CREATE events", 100, multus_tests::Fault::Status(403));
        scene.attached();
        assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 2);
        scene.detached();
    });
}

#[test]
fn the_patch_is_of_one_key() {
    private(|| {
        let scene = Scene::asking("red");
        scene.change_pod(|pod| pod["metadata"]["annotations"]["example.com/kept"] = json!("yes"));
        scene.attached();
        let requests = scene.api.requests();
        let patch = requests.iter().find(|request| request.brief == PATCH_STATUS).unwrap();
        let body: serde_json::Value = serde_json::from_str(&patch.body).unwrap();
        let keys: Vec<_> = body["metadata"]["annotations"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["k8s.v1.cni.cncf.io/network-status"]);
        assert_eq!(body["metadata"]["uid"], "uid-of-web");
        let pod = scene.api.object("pods", "shop", "web").unwrap();
        assert_eq!(pod["metadata"]["annotations"]["example.com/kept"], "yes");
    });
}

#[test]
fn the_client_says_who_it_is() {
    private(|| {
        let scene = Scene::asking("red");
        scene.attached();
        for request in scene.api.requests() {
            assert!(request.user_agent.starts_with("multus/"), "{request:?}");
            assert_eq!(request.user, crate::scene::MULTUS);
        }
    });
}

#[test]
fn check_asks_no_more_than_add_and_changes_nothing() {
    private(|| {
        let mut scene = Scene::asking("red");
        scene.conf["prevResult"] = scene.attached();
        scene.api.forget_requests();
        scene.node.check(&scene.pod, &scene.conf).succeeded();
        let changes = ["CREATE", "UPDATE", "PATCH", "DELETE"];
        let changing = |request: &String| changes.iter().any(|verb| request.starts_with(verb));
        assert!(!scene.api.briefs().iter().any(changing), "{:?}", scene.api.briefs());
        scene.detached();
    });
}
