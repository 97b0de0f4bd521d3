//! Who gets which device, and who is refused (`multus.md` 6.9).

use std::fs;

use multus_tests::{Manners, checkpoint, private};
use serde_json::json;

use super::scene::{BLUE, RED, Scene};

#[test]
fn two_containers_and_two_definitions_get_each_device_once() {
    private(|| {
        let scene = Scene::new("red, plain, blue, red, blue");
        let kubelet = scene.kubelet();
        kubelet.give("ns", "other", "app", RED, &["taken"]);
        kubelet.give("ns", "web", "app", RED, &["r3"]);
        kubelet.give("ns", "web", "app", BLUE, &["b1"]);
        kubelet.give("ns", "web", "log", RED, &["r0"]);
        kubelet.give_across(["ns", "web", "log"], BLUE, "b9", &[0, 1]);
        let before = scene.node.state();
        scene.add().succeeded();
        let expected = ["-", "r3", "-", "b1", "r0", "b9"];
        assert_eq!(scene.devices("ADD"), expected, "container by container, not by name");
        assert_eq!(kubelet.asked(), ["Get ns/web"], "one question for all networks");

        // DEL goes by the record: the kubelet has forgotten the pod, or is gone.
        drop(kubelet);
        scene.node.del(&scene.pod, &scene.conf).succeeded();
        let mut reversed = scene.devices("DEL");
        reversed.reverse();
        assert_eq!(reversed, expected);
        scene.node.state().must_equal(&before);
    });
}

#[test]
fn plugins_with_the_capability_get_the_device_as_an_argument_too() {
    private(|| {
        let scene = Scene::changed("red", |red| red["capabilities"] = json!({ "deviceID": true }));
        scene.kubelet_with(&[(RED, "r1")], || {
            scene.add().succeeded();
            let seen = scene.node.recorded()[1].conf();
            assert_eq!(seen["runtimeConfig"], json!({ "deviceID": "r1" }));
            assert_eq!(seen["deviceID"], "r1");
        });
    });
}

#[test]
fn the_default_network_and_the_others_draw_from_one_row() {
    private(|| {
        let mut scene = Scene::new("red");
        scene.objects[0]["metadata"]["annotations"]["v1.multus-cni.io/default-network"] = json!("ns/red");
        scene.node.manifests(&scene.objects);
        scene.kubelet_with(&[(RED, "r1"), (RED, "r2")], || {
            scene.add().succeeded();
            assert_eq!(scene.node.briefs(), ["ADD beta eth0", "ADD beta net1"]);
            assert_eq!(scene.devices("ADD"), ["r1", "r2"]);
        });
    });
}

/// Annotation, the pod's devices, what is said.
type Refusal<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const REFUSALS: &[Refusal<'_>] = &[
    ("red", &[], &["ns/red", "resource `vendor.example/red`, which was not requested by the pod", "limits"]),
    ("blue", &[(RED, "r1")], &["resource `vendor.example/blue`, which was not requested by the pod"]),
    (
        "plain,red,red",
        &[(RED, "r1")],
        &["need 2 devices of resource `vendor.example/red`, the pod requests 1"],
    ),
    (
        r#"[{"name":"red","deviceID":"r2"},{"name":"red","deviceID":"r2"}]"#,
        &[(RED, "r1"), (RED, "r2")],
        &["both want device `r2`"],
    ),
    (
        r#"[{"name":"red","deviceID":"b1"}]"#,
        &[(RED, "r1"), (BLUE, "b1")],
        &["asks for device `b1` on network ns/red, its devices of resource `vendor.example/red` are r1"],
    ),
];

#[test]
fn a_pod_without_the_devices_that_it_needs_is_refused() {
    private(|| {
        for (row, (networks, devices, words)) in REFUSALS.iter().enumerate() {
            let scene = Scene::new(networks);
            scene.kubelet_with(devices, || {
                let error = scene.refused();
                assert_eq!(error.code, 7, "row {row}: {error:?}");
                for word in *words {
                    let said = format!("{} {}", error.msg, error.details);
                    assert!(said.contains(word), "row {row}: {word:?} in {said}");
                }
                assert!(error.msg.contains("pod ns/web"), "row {row}: {error:?}");
            });
            scene.node.remove_netns("sandbox");
        }
    });
}

#[test]
fn a_selection_may_choose_among_the_pods_devices() {
    private(|| {
        let scene = Scene::new(r#"[{"name":"red"},{"name":"red","deviceID":"r1"}]"#);
        scene.kubelet_with(&[(RED, "r1"), (RED, "r2")], || {
            scene.add().succeeded();
            assert_eq!(scene.devices("ADD"), ["-", "r2", "r1"]);
        });
    });
}

#[test]
fn the_kubelet_is_asked_only_if_a_definition_names_a_resource() {
    private(|| {
        let scene = Scene::new("plain");
        let kubelet = scene.kubelet();
        kubelet.behave(Manners::Silent);
        scene.add().succeeded();
        assert_eq!(kubelet.asked(), [""; 0]);
        assert!(!fs::exists(scene.info("cni/ns-plain-sandbox_net1")).unwrap());
    });
}

#[test]
fn without_a_socket_the_checkpoint_tells_by_the_pods_uid() {
    private(|| {
        let scene = Scene::new("red,red,blue");
        let text = checkpoint(&[
            ("uid-of-web", "log", RED, json!({ "-1": ["r1"] })),
            ("uid-of-web", "app", BLUE, json!(["b1"])),
            ("uid-of-other", "app", RED, json!(["taken"])),
            ("uid-of-web", "app", RED, json!({ "0": ["r2"] })),
        ]);
        fs::write(scene.node.scratch("checkpoint"), text).unwrap();
        scene.add().succeeded();
        assert_eq!(scene.devices("ADD"), ["-", "r2", "r1", "b1"], "in the order of the pod's containers");
    });
}

#[test]
fn a_kubelet_that_can_not_be_asked_keeps_the_pod_waiting() {
    private(|| {
        let scene = Scene::new("red");
        let error = scene.refused();
        assert_eq!(error.code, 7, "{error:?}");
        assert!(error.msg.contains("kubelet.sock") && error.msg.contains("`devices`"), "{error:?}");

        let listener = std::os::unix::net::UnixListener::bind(scene.node.scratch("kubelet.sock")).unwrap();
        let garbage = std::thread::spawn(move || {
            use std::io::Write;
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n");
        });
        let error = scene.refused();
        assert_eq!(error.code, 11, "{error:?}");
        assert!(error.msg.contains("does not speak gRPC"), "{error:?}");
        garbage.join().unwrap();
    });
}

#[test]
fn a_conf_that_names_the_nodes_files_wrongly_is_refused() {
    private(|| {
        let mut scene = Scene::new("plain");
        let rows = [
            (json!({ "socket": "/k.sock" }), ["unknown key `socket`", "`podResources`"]),
            (json!({ "deviceInfo": "devinfo" }), ["`devinfo` is not an absolute path", "begin it with `/`"]),
            (json!([]), ["devices", "an object"]),
        ];
        for (devices, words) in rows {
            scene.conf["devices"] = devices;
            let error = scene.refused();
            assert_eq!(error.code, 7, "{error:?}");
            assert!(words.iter().all(|word| error.msg.contains(word)), "{error:?}");
        }
    });
}
