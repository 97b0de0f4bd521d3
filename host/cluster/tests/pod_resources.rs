//! What the kubelet tells of a pod's devices, asked over a real socket of a gRPC server that is not ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::{Duration, Instant};

use multus_cluster::PodRef;
use multus_cluster::devices::{Demand, DeviceError, DevicePaths, Devices, ExtendedClaim, of_kubelet};
use multus_tests::{Kubelet, Manners, checkpoint};
use serde_json::json;
use tempfile::TempDir;

/// Longer than any answer takes, and nobody waits for it.
const LONG: Duration = Duration::from_secs(60);
/// Where the point is that no answer comes.
const SHORT: Duration = Duration::from_millis(300);

struct Scene {
    folder: TempDir,
    paths: DevicePaths,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = DevicePaths {
            pod_resources: folder.path().join("pod-resources/kubelet.sock"),
            checkpoint: folder.path().join("checkpoint"),
            ..DevicePaths::default()
        };
        Self { folder, paths }
    }

    fn kubelet(&self) -> Kubelet {
        Kubelet::listen(&self.paths.pod_resources)
    }

    fn listener(&self) -> UnixListener {
        fs::create_dir_all(self.folder.path().join("pod-resources")).unwrap();
        UnixListener::bind(&self.paths.pod_resources).unwrap()
    }

    fn ask(&self, patience: Duration) -> Result<Devices, DeviceError> {
        self.ask_for(&Demand::default(), patience)
    }

    fn ask_for(&self, demand: &Demand, patience: Duration) -> Result<Devices, DeviceError> {
        let uid = Some("u-1".to_owned());
        let pod = PodRef { namespace: "shop".to_owned(), name: "web".to_owned(), uid };
        of_kubelet(&self.paths, &pod, demand, Instant::now() + patience)
    }

    fn told(&self, patience: Duration) -> String {
        self.ask(patience).unwrap_err().to_string()
    }
}

fn listed(devices: &Devices) -> Vec<String> {
    let resources = devices.resources().into_iter();
    resources.flat_map(|resource| devices.of(resource).map(move |id| format!("{resource}={id}"))).collect()
}

fn give_two_containers(kubelet: &Kubelet) {
    kubelet.give("shop", "cache", "app", "a/vf", &["9"]);
    kubelet.give("other", "web", "app", "a/vf", &["8"]);
    kubelet.give("shop", "web", "app", "a/vf", &["3", "1"]);
    kubelet.give("shop", "web", "log", "a/vf", &["2"]);
    kubelet.give("shop", "web", "log", "b/nic", &["0"]);
}

#[test]
fn a_modern_kubelet_is_asked_for_the_pod_alone() {
    let scene = Scene::new();
    let kubelet = scene.kubelet();
    give_two_containers(&kubelet);
    let devices = scene.ask(LONG).unwrap();
    assert_eq!(listed(&devices), ["a/vf=3", "a/vf=1", "a/vf=2", "b/nic=0"], "container by container");
    assert_eq!(kubelet.asked(), ["Get shop/web"]);
}

#[test]
fn an_older_kubelet_is_asked_for_all_pods() {
    for manners in [Manners::GetDisabled, Manners::ListOnly] {
        let scene = Scene::new();
        let kubelet = scene.kubelet();
        kubelet.behave(manners);
        give_two_containers(&kubelet);
        let devices = scene.ask(LONG).unwrap();
        assert_eq!(listed(&devices), ["a/vf=3", "a/vf=1", "a/vf=2", "b/nic=0"], "{manners:?}");
        assert_eq!(kubelet.asked(), ["Get shop/web", "List"], "{manners:?}");
    }
}

#[test]
fn a_list_of_a_crowded_node_is_read_whole() {
    let scene = Scene::new();
    let kubelet = scene.kubelet();
    kubelet.behave(Manners::ListOnly);
    for pod in 0..500 {
        let ids: Vec<String> = (0..64).map(|id| format!("0000:{id:02x}:{pod:04}.7")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        kubelet.give("crowd", &format!("pod-{pod}"), "app", "vendor.example/a-long-resource-name", &ids);
    }
    kubelet.give("shop", "web", "app", "a/vf", &["1"]);
    assert_eq!(listed(&scene.ask(LONG).unwrap()), ["a/vf=1"], "more than two MiB before it");
}

#[test]
fn a_pod_that_the_kubelet_does_not_know_has_no_devices() {
    for manners in [Manners::Modern, Manners::ListOnly] {
        let scene = Scene::new();
        let kubelet = scene.kubelet();
        kubelet.behave(manners);
        kubelet.give("shop", "cache", "app", "a/vf", &["9"]);
        let devices = scene.ask(LONG).unwrap();
        assert_eq!(listed(&devices), [""; 0], "{manners:?}");
        assert!(devices.account().contains("kubelet.sock"), "{}", devices.account());
    }
}

#[test]
fn a_device_of_two_numa_nodes_counts_once() {
    let scene = Scene::new();
    let kubelet = scene.kubelet();
    kubelet.give_across(["shop", "web", "app"], "a/vf", "1", &[0, 1]);
    kubelet.give("shop", "web", "app", "a/vf", &["0"]);
    assert_eq!(listed(&scene.ask(LONG).unwrap()), ["a/vf=1", "a/vf=0"]);
}

#[test]
fn a_kubelet_with_too_much_to_do_is_asked_again() {
    let scene = Scene::new();
    let kubelet = scene.kubelet();
    kubelet.behave(Manners::GetDisabled);
    give_two_containers(&kubelet);
    kubelet.turn_away(3);
    assert_eq!(listed(&scene.ask(LONG).unwrap()).len(), 4);
    let get = "Get shop/web";
    assert_eq!(kubelet.asked(), [get, get, get, get, "List"]);
}

#[test]
fn without_an_answer_the_call_ends_at_its_deadline() {
    let scene = Scene::new();
    let kubelet = scene.kubelet();
    for (manners, turned_away) in [(Manners::Silent, 0), (Manners::Modern, usize::MAX)] {
        kubelet.behave(manners);
        kubelet.turn_away(turned_away);
        let started = Instant::now();
        let told = scene.told(SHORT);
        assert!(started.elapsed() < LONG, "it came back");
        assert!(told.contains("kubelet.sock: no answer within "), "{told}");
    }
}

#[test]
fn what_listens_there_may_be_anything() {
    let rows: &[(&[u8], &str)] = &[
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "does not speak gRPC"),
        (&[0xff; 64], "does not speak gRPC"),
        (b"", "does not speak gRPC"),
    ];
    for (answer, words) in rows {
        let scene = Scene::new();
        let listener = scene.listener();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
        });
        let told = scene.told(LONG);
        assert!(told.contains(words) && told.contains("kubelet's own socket"), "{answer:?}: {told}");
        server.join().unwrap();
    }
}

#[test]
fn who_accepts_and_says_nothing_is_not_waited_for_longer_than_that() {
    let scene = Scene::new();
    let _listener = scene.listener();
    let told = scene.told(SHORT);
    assert!(told.contains("no answer within"), "{told}");
}

#[test]
fn without_a_socket_the_checkpoint_counts() {
    let scene = Scene::new();
    let text = checkpoint(&[
        ("u-1", "log", "a/vf", json!({ "0": ["2"] })),
        ("u-2", "app", "a/vf", json!(["8"])),
        ("u-1", "app", "a/vf", json!(["3", "1"])),
    ]);
    fs::write(&scene.paths.checkpoint, text).unwrap();
    let containers = vec!["app".to_owned(), "log".to_owned()];
    let demand = Demand { containers, ..Demand::default() };
    let expected = ["a/vf=3", "a/vf=1", "a/vf=2"];
    assert_eq!(listed(&scene.ask_for(&demand, LONG).unwrap()), expected, "there is no socket");

    drop(scene.kubelet());
    assert!(scene.paths.pod_resources.exists());
    assert_eq!(listed(&scene.ask_for(&demand, LONG).unwrap()), expected, "nobody listens at the socket");

    fs::write(&scene.paths.checkpoint, "{").unwrap();
    let told = scene.told(LONG);
    assert!(told.contains("checkpoint: not what a kubelet writes"), "{told}");
}

#[test]
fn without_both_only_a_pod_with_claims_may_go_on() {
    let scene = Scene::new();
    let told = scene.told(LONG);
    for place in [&scene.paths.pod_resources, &scene.paths.checkpoint] {
        assert!(told.contains(&place.display().to_string()), "{told}");
    }
    assert!(told.contains("`devices` in the multus conf"), "{told}");
    let extended = Some(ExtendedClaim { name: "web-extended".to_owned(), ..ExtendedClaim::default() });
    let devices = scene.ask_for(&Demand { extended, ..Demand::default() }, LONG).unwrap();
    assert_eq!(listed(&devices), [""; 0]);
}
