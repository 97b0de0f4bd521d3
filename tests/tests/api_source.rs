//! The host's way of asking an API server, against the server's double.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use multus_cluster::{
    ApiAccess, ApiServer, Event, NETWORK_STATUS_ANNOTATION, NetworkRef, PodRef, Source, SourceError,
};
use multus_tests::{Credential, Fault, TestApiServer, network_object, pod_object, private};
use serde_json::json;
use tempfile::TempDir;

/// Far enough away that only a test that hangs gets there.
const LONG: Duration = Duration::from_secs(60);

const USER: &str = "system:serviceaccount:kube-system:multus";

/// As little as the thin plugin needs.
const LEAST_RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: multus }
rules:
- { apiGroups: [""], resources: [pods], verbs: [get] }
- { apiGroups: [""], resources: [pods/status], verbs: [patch] }
- { apiGroups: [""], resources: [events], verbs: [create] }
- { apiGroups: [k8s.cni.cncf.io], resources: [network-attachment-definitions], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: multus }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: multus }
subjects: [{ kind: ServiceAccount, name: multus, namespace: kube-system }]
"#;

/// A cluster with a pod and two networks.
fn shop(api: TestApiServer) -> TestApiServer {
    api.load(&[
        pod_object("shop", "web", "red,blue"),
        network_object("shop", "red", &json!({ "type": "macvlan" })),
        network_object("shop", "blue", &json!({ "type": "bridge" })),
    ]);
    api
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn connect(kubeconfig: &str, patience: Duration) -> ApiServer {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = write(&folder, "kubeconfig", kubeconfig);
    let deadline = Instant::now() + patience;
    ApiServer::connect(&ApiAccess {
        kubeconfig: Some(kubeconfig),
        deadline,
        patience: LONG,
        request_timeout: LONG,
    })
    .unwrap()
}

fn web(api: &TestApiServer) -> PodRef {
    let pod = api.object("pods", "shop", "web").unwrap();
    let uid = pod["metadata"]["uid"].as_str().unwrap().to_owned();
    PodRef { namespace: "shop".into(), name: "web".into(), uid: Some(uid) }
}

fn network(name: &str) -> NetworkRef {
    NetworkRef { namespace: "shop".into(), name: name.into() }
}

fn status_of(api: &TestApiServer) -> Option<String> {
    let pod = api.object("pods", "shop", "web").unwrap();
    pod["metadata"]["annotations"][NETWORK_STATUS_ANNOTATION].as_str().map(str::to_owned)
}

#[test]
fn an_add_costs_a_get_each_and_one_patch_and_needs_no_more_rights() {
    private(|| {
        let api = shop(TestApiServer::https().with_rbac());
        api.load_yaml(LEAST_RIGHTS);
        let source = connect(&api.kubeconfig(Credential::Token(&api.token(USER))), LONG);
        assert_eq!(api.briefs(), Vec::<String>::new());

        let pod = source.pod("shop", "web").unwrap().unwrap();
        assert_eq!(pod.annotations["k8s.v1.cni.cncf.io/networks"], "red,blue");
        assert_eq!(Some(&pod.uid), web(&api).uid.as_ref());
        let found = source.networks(&[network("red"), network("blue"), network("red")]).unwrap();
        let configs: Vec<_> = found.iter().map(|found| found.as_ref().unwrap().config.as_str()).collect();
        assert!(configs[0].contains("macvlan") && configs[1].contains("bridge") && configs[2] == configs[0]);
        source
            .announce(&web(&api), Event { warning: false, reason: "AddedInterface", message: "net1".into() });
        source.set_network_status(&web(&api), Some("[1]")).unwrap();
        assert_eq!(source.settle(LONG), Vec::<String>::new());

        let mut briefs = api.briefs();
        briefs.sort();
        assert_eq!(
            briefs,
            [
                "CREATE events shop/",
                "GET network-attachment-definitions shop/blue",
                "GET network-attachment-definitions shop/red",
                "GET pods shop/web",
                "PATCH pods/status shop/web",
            ]
        );
        assert_eq!(status_of(&api).as_deref(), Some("[1]"));
        assert_eq!(api.objects("events", "shop")[0]["involvedObject"]["uid"], json!(pod.uid));
    });
}

#[test]
fn a_right_that_is_missing_is_named() {
    private(|| {
        let api = shop(TestApiServer::https().with_rbac());
        let source = connect(&api.kubeconfig(Credential::Token(&api.token(USER))), LONG);
        let pods = source.pod("shop", "web").unwrap_err().to_string();
        assert!(pods.contains("403") && pods.contains(r#"resources: ["pods"], verbs: ["get"]"#), "{pods}");
        let status = source.set_network_status(&web(&api), Some("[]")).unwrap_err().to_string();
        assert!(status.contains(r#"resources: ["pods/status"], verbs: ["patch"]"#), "{status}");
        // Who may not patch a pod may perhaps write it back whole: a look at it tells.
        assert_eq!(api.briefs().len(), 3, "a right does not appear by asking again");
    });
}

#[test]
fn what_is_not_there_is_told_apart_from_what_is_not_served() {
    private(|| {
        let api = shop(TestApiServer::http());
        let source = connect(&api.kubeconfig(Credential::None), LONG);
        assert_eq!(source.pod("shop", "gone").unwrap(), None);
        assert!(source.networks(&[network("gone")]).unwrap()[0].is_err());
        let bare = TestApiServer::http().without_definitions();
        let source = connect(&bare.kubeconfig(Credential::None), LONG);
        let error = source.networks(&[network("red")]).unwrap_err().to_string();
        assert!(error.contains("install its CustomResourceDefinition"), "{error}");
    });
}

#[test]
fn faults_that_pass_cost_time_and_nothing_else() {
    private(|| {
        let api = shop(TestApiServer::http());
        let source = connect(&api.kubeconfig(Credential::None), LONG);
        for fault in
            [Fault::Status(503), Fault::Status(429), Fault::Status(500), Fault::Reset, Fault::AnswerLost]
        {
            let status = format!("[\"{fault:?}\"]");
            api.fail("", 2, fault);
            assert!(source.pod("shop", "web").unwrap().is_some(), "{fault:?}");
            api.fail("PATCH", 2, fault);
            source.set_network_status(&web(&api), Some(&status)).unwrap();
            assert_eq!(status_of(&api), Some(status));
        }
    });
}

/// The runtime's pod is gone, and the StatefulSet has made another one of the same name.
#[test]
fn the_successor_of_a_pod_never_gets_its_status() {
    private(|| {
        let api = shop(TestApiServer::http());
        let source = connect(&api.kubeconfig(Credential::None), LONG);
        let first = web(&api);
        api.delete("pods", "shop", "web");
        let gone = source.set_network_status(&first, Some("[]")).unwrap_err().to_string();
        assert!(gone.contains("404"), "{gone}");
        let mut second = pod_object("shop", "web", "red");
        second["metadata"]["uid"] = json!("uid-of-the-second-web");
        api.load(&[second]);
        let error = source.set_network_status(&first, Some("[]")).unwrap_err();
        assert!(matches!(error, SourceError::Replaced { .. }), "{error}");
        assert_eq!(status_of(&api), None);
    });
}

#[test]
fn a_token_that_was_revoked_says_where_it_came_from_and_a_new_one_works() {
    private(|| {
        let api = shop(TestApiServer::https());
        let folder = tempfile::tempdir().unwrap();
        let old = api.token(USER);
        let file = write(&folder, "token", &old);
        let source = connect(&api.kubeconfig(Credential::TokenFile(&file)), LONG);
        assert!(source.pod("shop", "web").unwrap().is_some());
        api.revoke(&old);
        let error = source.pod("shop", "web").unwrap_err().to_string();
        assert!(error.contains("401") && error.contains(file.to_str().unwrap()), "{error}");
        assert!(error.contains("may have expired") && !error.contains(&old), "{error}");
        write(&folder, "token", &format!("{}\n", api.token(USER)));
        assert!(source.pod("shop", "web").unwrap().is_some());
    });
}

#[test]
fn every_way_to_say_who_asks_is_understood() {
    private(|| {
        let api = shop(TestApiServer::https());
        let folder = tempfile::tempdir().unwrap();
        let token = api.token(USER);
        let helper = write(
            &folder,
            "helper",
            "#!/bin/sh\nprintf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' \"$1\"\n",
        );
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        let certificate = api.client_certificate(USER);
        let arguments = [token.as_str()];
        for credential in [
            Credential::Token(&token),
            Credential::Certificate(&certificate),
            Credential::Exec(&helper, &arguments),
        ] {
            api.forget_requests();
            let source = connect(&api.kubeconfig(credential), LONG);
            assert!(source.pod("shop", "web").unwrap().is_some(), "{credential:?}");
            assert_eq!(api.requests()[0].user, USER, "{credential:?}");
        }
    });
}

#[test]
fn a_server_that_is_down_frozen_or_mute_is_given_up_in_bounded_time() {
    private(|| {
        let mut api = shop(TestApiServer::https());
        let kubeconfig = api.kubeconfig(Credential::None);
        let gives_up = |case: &str| {
            let begun = Instant::now();
            let error =
                connect(&kubeconfig, Duration::from_secs(1)).pod("shop", "web").unwrap_err().to_string();
            assert!(
                begun.elapsed() < LONG && error.contains("check that the server runs"),
                "{case}: {error}"
            );
        };
        api.fail("", 1000, Fault::Hang);
        gives_up("mute");
        api.behave();
        api.freeze();
        gives_up("frozen");
        api.stop();
        gives_up("down");
    });
}

#[test]
fn a_server_that_comes_back_in_time_is_asked_again() {
    private(|| {
        let mut api = shop(TestApiServer::https());
        let kubeconfig = api.kubeconfig(Credential::None);
        api.stop();
        let asking = thread::spawn(move || connect(&kubeconfig, LONG).pod("shop", "web").unwrap().is_some());
        thread::sleep(Duration::from_millis(400));
        api.restart();
        assert!(asking.join().unwrap());
    });
}

#[test]
fn a_server_far_away_works_with_tls() {
    private(|| {
        let api = shop(TestApiServer::https());
        api.delay("", Duration::from_millis(700));
        let source = connect(&api.kubeconfig(Credential::None), LONG);
        assert!(source.pod("shop", "web").unwrap().is_some());
        assert!(source.networks(&[network("red"), network("blue")]).unwrap().iter().all(Result::is_ok));
        source.set_network_status(&web(&api), Some("[]")).unwrap();
        assert_eq!(api.briefs().len(), 4, "none was asked twice: {:?}", api.briefs());
    });
}

/// Another file in the place of one of the node's, for this test's eyes only.
fn mount_over(place: &str, folder: &TempDir, text: &str) {
    let file = write(folder, Path::new(place).file_name().unwrap().to_str().unwrap(), text);
    let mounted = Command::new("mount").args(["-n", "--bind"]).arg(file).arg(place).status().unwrap();
    assert!(mounted.success(), "{place}");
}

#[test]
fn a_server_is_found_by_the_nodes_hosts_file() {
    private(|| {
        let api = shop(TestApiServer::https());
        let folder = tempfile::tempdir().unwrap();
        mount_over("/etc/hosts", &folder, "127.0.0.1 localhost\n127.0.0.1 api.test\n");
        let kubeconfig = api.kubeconfig_at(&api.url_by_name("api.test"), Credential::None);
        assert!(connect(&kubeconfig, LONG).pod("shop", "web").unwrap().is_some());
    });
}

/// Answers every question for an address with 127.0.0.1, and every other one with nothing.
fn name_server() -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let counted = Arc::clone(&asked);
    thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = socket.send_to(&dns_answer(&packet[..length]), from);
        }
    });
    asked
}

/// RFC 1035: the header with its counts, the question, and where it asks for an address (type A) the answer.
fn dns_answer(query: &[u8]) -> Vec<u8> {
    let name = query[12..].iter().position(|byte| *byte == 0).unwrap() + 13;
    let question = &query[12..name + 4];
    let is_address = question[question.len() - 4..][..2] == [0, 1];
    let mut answer = Vec::from(&query[..2]);
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(question);
    if is_address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    answer
}

#[test]
fn a_server_is_found_by_the_nodes_name_server_and_an_address_is_not_looked_up() {
    private(|| {
        let api = shop(TestApiServer::https());
        let folder = tempfile::tempdir().unwrap();
        mount_over("/etc/hosts", &folder, "127.0.0.1 localhost\n");
        mount_over("/etc/resolv.conf", &folder, "nameserver 127.0.0.1\n");
        let asked = name_server();
        assert!(connect(&api.kubeconfig(Credential::None), LONG).pod("shop", "web").unwrap().is_some());
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        let kubeconfig = api.kubeconfig_at(&api.url_by_name("api.test"), Credential::None);
        assert!(connect(&kubeconfig, LONG).pod("shop", "web").unwrap().is_some());
        assert!(asked.load(Ordering::SeqCst) > 0);
    });
}
