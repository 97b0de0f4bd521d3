//! Stories that hold at the double and at a real API server: what the double says is what a real one says.

use multus_tests::{Cluster, Credential, RealApiServer, TestApiServer, private};
use serde_json::json;

use crate::scene::{MULTUS, Scene};

macro_rules! stories {
    ($($story:ident $networks:literal;)*) => {
        mod at_the_double {
            use super::*;
            $(
                #[test]
                fn $story() {
                    let double = || TestApiServer::https().with_rbac().without_definitions();
                    private(|| super::$story(Scene::on(double(), $networks)));
                }
            )*
        }

        mod at_a_real_server {
            use super::*;
            $(
                #[test]
                fn $story() {
                    private(|| {
                        RealApiServer::start().into_iter().for_each(|api| super::$story(Scene::on(api, $networks)));
                    });
                }
            )*
        }
    };
}

stories! {
    a_pod_gets_its_networks_and_the_server_is_told "red,blue@data0";
    every_request_is_one_that_the_role_allows "red";
    what_the_role_lacks_is_named "red";
    a_pod_that_is_gone_is_an_error_and_not_a_success "red";
    another_pod_of_that_name_is_refused "red";
    the_right_uid_is_no_obstacle_and_neither_is_an_empty_one "red";
    a_static_pods_mirror_has_another_uid "red";
    a_missing_definition_is_told_to_the_pod "red,green";
    events_tell_of_each_interface "red";
    a_token_that_nobody_has_is_refused "red";
    a_server_that_goes_away_takes_no_pod_along "red";
}

fn a_pod_gets_its_networks_and_the_server_is_told<C: Cluster>(scene: Scene<C>) {
    let before = scene.node.state();
    let result = scene.attached();
    assert_eq!(result["ips"][0]["address"], "192.0.2.1/24");
    assert_eq!(scene.node.briefs(), ["ADD alpha eth0", "ADD red net1", "ADD blue data0"]);
    let status = scene.status().unwrap();
    let entries = status.as_array().unwrap().iter();
    let entries: Vec<_> =
        entries.map(|entry| [&entry["name"], &entry["interface"], &entry["default"]]).collect();
    let expected = [
        [json!("default"), json!("eth0"), json!(true)],
        [json!("shop/red"), json!("net1"), json!(false)],
        [json!("shop/blue"), json!("data0"), json!(false)],
    ];
    assert_eq!(entries, expected.each_ref().map(|row| row.each_ref()));
    let pod = scene.api.object("pods", "shop", "web").unwrap();
    assert_eq!(pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"], "red,blue@data0");
    scene.detached();
    scene.node.state().must_equal(&before);
}

/// The manifests in `deploy/` are enough, and multus does nothing that they don't allow.
fn every_request_is_one_that_the_role_allows<C: Cluster>(scene: Scene<C>) {
    scene.attached();
    assert_eq!(scene.events().len(), 2, "{:?}", scene.events());
    let stranger = scene.api.token("jane");
    scene.kubeconfig(&scene.api.kubeconfig(Credential::Token(&stranger)));
    let error = scene.node.add(&another_sandbox(&scene), &scene.conf).error();
    assert!(error.code == 11 && error.msg.contains("jane"), "{error:?}");
}

fn another_sandbox<C>(scene: &Scene<C>) -> multus_tests::Pod {
    scene.node.pod("another").named("shop", "web")
}

fn what_the_role_lacks_is_named<C: Cluster>(scene: Scene<C>) {
    let role = scene.api.object("clusterroles", "", "multus").unwrap();
    for resource in ["pods", "network-attachment-definitions", "pods/status"] {
        let mut less = role.clone();
        less["rules"].as_array_mut().unwrap().retain(|rule| rule["resources"] != json!([resource]));
        scene.api.load(&[less]);
        scene.failed(11, &[resource, MULTUS]);
    }
    scene.api.load(&[role]);
    scene.attached();
}

fn a_pod_that_is_gone_is_an_error_and_not_a_success<C: Cluster>(scene: Scene<C>) {
    scene.api.delete("pods", "shop", "web");
    scene.failed(11, &["shop/web"]);
    assert!(scene.node.briefs().is_empty());
    scene.detached();
}

fn another_pod_of_that_name_is_refused<C: Cluster>(mut scene: Scene<C>) {
    let found = scene.uid();
    scene.with_uid("uid-of-an-older-web");
    scene.failed(11, &["shop/web", "uid-of-an-older-web", &found]);
    assert!(scene.node.briefs().is_empty());
}

fn the_right_uid_is_no_obstacle_and_neither_is_an_empty_one<C: Cluster>(mut scene: Scene<C>) {
    for uid in [scene.uid(), String::new()] {
        scene.new_sandbox();
        scene.with_uid(&uid);
        scene.attached();
        scene.detached();
    }
}

fn a_static_pods_mirror_has_another_uid<C: Cluster>(mut scene: Scene<C>) {
    scene.with_uid("hash-of-the-manifest");
    scene.change_pod(|pod| pod["metadata"]["annotations"]["kubernetes.io/config.source"] = json!("file"));
    scene.attached();
    assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 2);
    scene.detached();
}

fn a_missing_definition_is_told_to_the_pod<C: Cluster>(scene: Scene<C>) {
    scene.failed(7, &["shop/web", "shop/green"]);
    assert!(scene.node.briefs().is_empty());
    let events = scene.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(
        events[0].starts_with("Warning NoNetworkFound ") && events[0].contains("shop/green"),
        "{events:?}"
    );
}

fn events_tell_of_each_interface<C: Cluster>(mut scene: Scene<C>) {
    let uid = scene.uid();
    scene.with_uid(&uid);
    scene.attached();
    assert_eq!(
        scene.events(),
        [
            "Normal AddedInterface Add eth0 [192.0.2.1/24] from default",
            "Normal AddedInterface Add net1 [192.0.2.1/24] from shop/red",
        ]
    );
    let event = &scene.api.objects("events", "shop")[0];
    assert_eq!(event["involvedObject"]["name"], "web");
    // `kubectl describe pod` shows only events of the pod's UID.
    assert_eq!(event["involvedObject"]["uid"], uid.as_str());
    assert_eq!(event["source"]["component"], "multus");
}

fn a_token_that_nobody_has_is_refused<C: Cluster>(scene: Scene<C>) {
    scene.kubeconfig(&scene.api.kubeconfig(Credential::Token("made-up")));
    scene.failed(11, &["shop/web", "token"]);
    assert!(scene.node.briefs().is_empty());
}

fn a_server_that_goes_away_takes_no_pod_along<C: Cluster>(mut scene: Scene<C>) {
    let before = scene.node.state();
    scene.attached();
    scene.api.stop();
    scene.detached();
    scene.node.state().must_equal(&before);
    scene.api.restart();
    assert!(scene.status().is_some());
    scene.attached();
    scene.detached();
}
