//! How multus gets to the server, and says who it is.

use std::fs;

use multus_tests::{Credential, Fault, TestApiServer, pod_object, private};
use serde_json::json;

use crate::scene::{MULTUS, Scene};

#[test]
fn every_credential_of_a_kubeconfig() {
    private(|| {
        let scene = Scene::asking("red");
        let file = scene.node.scratch("token");
        fs::write(&file, format!("{}\n", scene.token)).unwrap();
        let certificate = scene.api.client_certificate(MULTUS);
        let answer = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": { "token": scene.token } });
        let helper = scene.node.scratch("credential");
        fs::write(&helper, answer.to_string()).unwrap();
        let arguments = [helper.to_str().unwrap()];
        let credentials = [
            Credential::Token(&scene.token),
            Credential::TokenFile(&file),
            Credential::Certificate(&certificate),
            Credential::Exec("/bin/cat".as_ref(), &arguments),
        ];
        for credential in credentials {
            scene.kubeconfig(&scene.api.kubeconfig(credential));
            scene.api.forget_requests();
            scene.attached();
            assert!(scene.api.requests().iter().all(|request| request.user == MULTUS), "{credential:?}");
            scene.detached();
        }
    });
}

#[test]
fn a_token_file_is_read_anew_at_each_call_and_an_expired_token_is_called_that() {
    private(|| {
        let scene = Scene::asking("red");
        let file = scene.node.scratch("token");
        fs::write(&file, &scene.token).unwrap();
        scene.kubeconfig(&scene.api.kubeconfig(Credential::TokenFile(&file)));
        scene.attached();
        scene.detached();
        scene.api.revoke(&scene.token);
        scene.node.forget_recorded();
        scene.api.load(&[pod_object("shop", "web", "red")]);
        scene.failed(11, &["shop/web", file.to_str().unwrap()]);
        fs::write(&file, scene.api.token(MULTUS)).unwrap();
        scene.attached();
    });
}

#[test]
fn a_server_is_found_by_its_name() {
    private(|| {
        let scene = Scene::asking("red");
        scene.server_at("localhost");
        scene.attached();
        assert_eq!(scene.asked().len(), 3);
    });
}

#[test]
fn a_server_of_another_authority_is_not_talked_to() {
    private(|| {
        let scene = Scene::asking("red");
        let stranger = TestApiServer::https();
        scene.kubeconfig(&stranger.kubeconfig_at(&scene.api.url(), Credential::Token(&scene.token)));
        scene.failed(11, &["shop/web", "certificate"]);
        assert_eq!(scene.api.briefs(), [""; 0], "nothing is said to a stranger, least of all the token");
    });
}

#[test]
fn in_a_cluster_no_kubeconfig_is_needed() {
    private(|| {
        let mut scene = Scene::asking("red");
        scene.conf.as_object_mut().unwrap().remove("kubeconfig");
        let account = "/var/run/secrets/kubernetes.io/serviceaccount";
        fs::create_dir_all(account).unwrap();
        fs::write(format!("{account}/token"), &scene.token).unwrap();
        fs::write(format!("{account}/ca.crt"), scene.api.authority().unwrap()).unwrap();
        fs::write(format!("{account}/namespace"), "kube-system").unwrap();
        let address = scene.api.address();
        let call = scene.node.calling("ADD", &scene.pod, &scene.conf);
        let call = call.with("KUBERNETES_SERVICE_HOST", address.ip().to_string());
        let call = call.with("KUBERNETES_SERVICE_PORT", address.port().to_string());
        call.answer().succeeded();
        assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_kubeconfig_that_is_wrong_is_named() {
    private(|| {
        let scene = Scene::asking("red");
        let path = scene.node.scratch("kubeconfig");
        let path = path.to_str().unwrap();
        for text in ["{", "apiVersion: v1\nkind: Config\n", "clusters: 7\n"] {
            scene.kubeconfig(text);
            scene.failed(11, &[path]);
        }
        fs::remove_file(path).unwrap();
        scene.failed(11, &[path]);
        assert!(scene.node.briefs().is_empty());
    });
}

#[test]
fn del_reads_no_kubeconfig() {
    private(|| {
        let scene = Scene::asking("red");
        scene.attached();
        scene.api.fail("", 1000, Fault::Hang);
        fs::remove_file(scene.node.scratch("kubeconfig")).unwrap();
        scene.detached();
    });
}
