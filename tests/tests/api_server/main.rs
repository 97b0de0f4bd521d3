//! The API server's double, asked by `kube`, which is not ours: what it says has to be what a real one says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod access;
mod objects;

use std::fs;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Event, Namespace, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client, Config, Error, ResourceExt};
use multus_tests::{Credential, Fault, Node, TestApiServer, network_object, pod_object, private};
use serde_json::{Value, json};

/// Runs a conversation with the server.
fn talk<T>(conversation: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let patience = Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(patience, conversation).await.expect("it hangs") })
}

async fn client_with(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

async fn client(api: &TestApiServer) -> Client {
    client_with(&api.kubeconfig(Credential::None)).await
}

async fn pods(api: &TestApiServer) -> Api<Pod> {
    Api::namespaced(client(api).await, "shop")
}

fn networks(client: Client) -> Api<DynamicObject> {
    let group = "k8s.cni.cncf.io";
    let resource = ApiResource {
        group: group.into(),
        version: "v1".into(),
        api_version: format!("{group}/v1"),
        kind: "NetworkAttachmentDefinition".into(),
        plural: "network-attachment-definitions".into(),
    };
    Api::namespaced_with(client, "shop", &resource)
}

/// HTTP status, reason and message of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, String, String) {
    match result {
        Err(Error::Api(status)) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("no refusal: {other:?}"),
    }
}

fn shop() -> TestApiServer {
    let api = TestApiServer::http();
    api.load(&[
        pod_object("shop", "web", "red"),
        pod_object("other", "web", ""),
        network_object("shop", "red", &json!({ "type": "macvlan" })),
    ]);
    api
}
