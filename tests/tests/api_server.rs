//! The API server's double, asked by `kube`, which is not ours: what it says has to be what a real one says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

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

#[test]
fn objects_are_found_or_not_and_every_request_is_remembered() {
    private(|| {
        let api = shop();
        talk(async {
            let pods = pods(&api).await;
            let pod = pods.get("web").await.unwrap();
            assert_eq!(pod.uid().unwrap(), "uid-of-web");
            assert_eq!(pod.annotations()["k8s.v1.cni.cncf.io/networks"], "red");
            assert!(pod.creation_timestamp().is_some());
            let (code, reason, message) = refusal(pods.get("gone").await);
            assert_eq!((code, reason.as_str()), (404, "NotFound"));
            assert_eq!(message, "pods \"gone\" not found");
            let network = networks(client(&api).await).get("red").await.unwrap();
            assert_eq!(network.data["spec"]["config"], "{\"type\":\"macvlan\"}");
        });
        assert_eq!(
            api.briefs(),
            ["GET pods shop/web", "GET pods shop/gone", "GET network-attachment-definitions shop/red"]
        );
        let last = api.requests().pop().unwrap();
        assert_eq!((last.method.as_str(), last.status, last.connection), ("GET", Some(200), 1));
        assert_eq!(last.path, "/apis/k8s.cni.cncf.io/v1/namespaces/shop/network-attachment-definitions/red");
        api.forget_requests();
        assert_eq!((api.requests().len(), api.connections()), (0, 0));
    });
}

#[test]
fn lists_are_of_a_namespace_or_all_and_selected() {
    private(|| {
        let api = shop();
        let mut labelled = pod_object("shop", "db", "");
        labelled["metadata"]["labels"] = json!({ "tier": "gold" });
        labelled["spec"]["nodeName"] = json!("n1");
        api.load(&[labelled]);
        let names =
            |list: kube::core::ObjectList<Pod>| list.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
        talk(async {
            let pods = pods(&api).await;
            let all: Api<Pod> = Api::all(client(&api).await);
            let rows = [
                (&pods, ListParams::default(), vec!["db", "web"]),
                (&all, ListParams::default(), vec!["web", "db", "web"]),
                (&all, ListParams::default().labels("tier=gold"), vec!["db"]),
                (&all, ListParams::default().fields("spec.nodeName=n1"), vec!["db"]),
                (&pods, ListParams::default().fields("metadata.name=web"), vec!["web"]),
            ];
            for (of, params, expected) in rows {
                let list = of.list(&params).await.unwrap();
                assert!(list.metadata.resource_version.is_some());
                assert_eq!(names(list), expected, "{params:?}");
            }
            assert_eq!(refusal(pods.list(&ListParams::default().fields("spec.hostname=x")).await).0, 400);
        });
    });
}

/// The next lines of a watch: type and name.
async fn lines(api: &Api<Pod>, from: &str, many: usize) -> Vec<String> {
    let stream = api.watch(&WatchParams::default(), from).await.unwrap();
    let mut stream = pin!(stream);
    let mut seen = Vec::new();
    while seen.len() < many {
        let Some(event) = stream.next().await else { break };
        seen.push(match event.unwrap() {
            WatchEvent::Added(pod) => format!("added {}", pod.name_any()),
            WatchEvent::Modified(pod) => format!("modified {}", pod.name_any()),
            WatchEvent::Deleted(pod) => format!("deleted {}", pod.name_any()),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            WatchEvent::Error(status) => format!("error {}", status.code),
        });
    }
    seen
}

#[test]
fn a_watch_goes_on_from_a_resource_version() {
    private(|| {
        let api = shop();
        talk(async {
            let pods = pods(&api).await;
            let list = pods.list(&ListParams::default()).await.unwrap();
            let version = list.metadata.resource_version.unwrap();
            api.load(&[pod_object("shop", "db", ""), pod_object("other", "db", "")]);
            api.load(&[pod_object("shop", "db", "blue")]);
            api.delete("pods", "shop", "db");
            assert_eq!(lines(&pods, &version, 3).await, ["added db", "modified db", "deleted db"]);
            assert_eq!(lines(&pods, "0", 1).await, ["added web"]);
            api.compact();
            assert_eq!(lines(&pods, &version, 1).await, ["error 410"]);
        });
    });
}

#[test]
fn a_watch_hears_what_happens_while_it_waits() {
    private(|| {
        let api = shop();
        talk(async {
            let pods = pods(&api).await;
            let version = pods.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
            let later = async {
                while !api.requests().iter().any(|request| request.to_string() == "WATCH pods shop/ -> 200") {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                api.delete("pods", "shop", "web");
            };
            let (seen, ()) = tokio::join!(lines(&pods, &version, 1), later);
            assert_eq!(seen, ["deleted web"]);
            assert_eq!(refusal(pods.get("web").await).0, 404);
        });
    });
}

#[test]
fn a_patch_of_the_status_changes_annotations_and_nothing_else() {
    private(|| {
        let api = shop();
        talk(async {
            let pods = pods(&api).await;
            let before = pods.get("web").await.unwrap();
            let patch = json!({
                "metadata": { "annotations": { "k8s.v1.cni.cncf.io/network-status": "[]" } },
                "spec": { "hostNetwork": true }, "status": { "phase": "Running" },
            });
            let params = PatchParams::default();
            let after = pods.patch_status("web", &params, &Patch::Merge(&patch)).await.unwrap();
            assert_eq!(after.annotations().len(), 2);
            assert_eq!(after.status.unwrap().phase.unwrap(), "Running");
            assert_eq!(after.spec, before.spec);
            assert!(after.metadata.resource_version > before.metadata.resource_version);

            let patch = json!([{ "op": "remove", "path": "/metadata/annotations/k8s.v1.cni.cncf.io~1networks" },
                { "op": "replace", "path": "/status/phase", "value": "Failed" }]);
            let patch: Patch<Value> = Patch::Json(serde_json::from_value(patch).unwrap());
            let after = pods.patch("web", &params, &patch).await.unwrap();
            assert_eq!(after.annotations().len(), 1);
            assert_eq!(after.status.unwrap().phase.unwrap(), "Running");
        });
        assert_eq!(api.briefs(), ["GET pods shop/web", "PATCH pods/status shop/web", "PATCH pods shop/web"]);
        assert!(api.requests()[1].body.contains("hostNetwork"), "{:?}", api.requests()[1]);
    });
}

#[test]
fn who_is_late_or_means_another_pod_is_refused() {
    private(|| {
        let api = shop();
        talk(async {
            let pods = pods(&api).await;
            let pod = pods.get("web").await.unwrap();
            let version = pod.resource_version().unwrap();
            let params = PatchParams::default();
            let with = |member: &str, value: &str| {
                Patch::Merge(json!({ "metadata": { member: value, "labels": { "a": value } } }))
            };
            pods.patch_status("web", &params, &with("resourceVersion", &version)).await.unwrap();
            let late = refusal(pods.patch_status("web", &params, &with("resourceVersion", &version)).await);
            assert_eq!((late.0, late.1.as_str()), (409, "Conflict"));
            assert!(late.2.contains("the object has been modified"), "{late:?}");
            let late = refusal(pods.replace("web", &PostParams::default(), &pod).await);
            assert_eq!((late.0, late.1.as_str()), (409, "Conflict"));

            pods.patch_status("web", &params, &with("uid", "uid-of-web")).await.unwrap();
            // A real server takes a UID in a patch for an attempt to change it, and says 422, not 409.
            let other = refusal(pods.patch_status("web", &params, &with("uid", "another")).await);
            assert_eq!((other.0, other.1.as_str()), (422, "Invalid"));
            assert!(other.2.contains("metadata.uid") && other.2.contains("field is immutable"), "{other:?}");
            let mut another = pod.clone();
            (another.metadata.uid, another.metadata.resource_version) = (Some("another".into()), None);
            assert_eq!(refusal(pods.replace("web", &PostParams::default(), &another).await).0, 409);
            let another = Preconditions { uid: Some("another".into()), resource_version: None };
            let params = DeleteParams { preconditions: Some(another), ..DeleteParams::default() };
            assert_eq!(refusal(pods.delete("web", &params).await).0, 409);
            pods.delete("web", &DeleteParams::default()).await.unwrap();
            assert_eq!(
                refusal(pods.patch_status("web", &PatchParams::default(), &with("uid", "x")).await).0,
                404
            );
        });
    });
}

fn event(namespace: &str, of: &str) -> Event {
    let event = json!({
        "metadata": { "generateName": "web.", "namespace": namespace },
        "involvedObject": { "kind": "Pod", "namespace": of, "name": "web" },
        "reason": "AddedInterface", "message": "Add net1", "type": "Normal",
    });
    serde_json::from_value(event).unwrap()
}

#[test]
fn what_is_created_gets_name_uid_and_time_of_its_own() {
    private(|| {
        let api = shop();
        talk(async {
            let client = client(&api).await;
            let events: Api<Event> = Api::namespaced(client.clone(), "shop");
            let params = PostParams::default();
            let one = events.create(&params, &event("shop", "shop")).await.unwrap();
            let two = events.create(&params, &event("shop", "shop")).await.unwrap();
            assert!(one.name_any().starts_with("web.") && one.name_any().len() == 9, "{one:?}");
            assert!(one.name_any() != two.name_any() && one.uid() != two.uid() && one.uid().is_some());
            assert!(one.creation_timestamp().is_some());
            assert_eq!(api.objects("events", "shop").len(), 2);
            assert_eq!(refusal(events.create(&params, &event("shop", "other")).await).0, 422);
            assert_eq!(refusal(events.create(&params, &event("other", "other")).await).0, 400);

            let nowhere: Api<Event> = Api::namespaced(client.clone(), "nowhere");
            let missing = refusal(nowhere.create(&params, &event("nowhere", "nowhere")).await);
            assert_eq!(missing.2, "namespaces \"nowhere\" not found");
            let namespaces: Api<Namespace> = Api::all(client);
            let namespace: Namespace =
                serde_json::from_value(json!({ "metadata": { "name": "nowhere" } })).unwrap();
            namespaces.create(&params, &namespace).await.unwrap();
            nowhere.create(&params, &event("nowhere", "nowhere")).await.unwrap();
            let twice = refusal(namespaces.create(&params, &namespace).await);
            assert_eq!((twice.0, twice.1.as_str()), (409, "AlreadyExists"));
        });
    });
}

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: network-attachment-definitions.k8s.cni.cncf.io}
spec:
  group: k8s.cni.cncf.io
  scope: Namespaced
  names: {plural: network-attachment-definitions, singular: network-attachment-definition, kind: NetworkAttachmentDefinition}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
";

#[test]
fn a_definition_has_to_be_there_before_its_objects() {
    private(|| {
        let api = TestApiServer::http().without_definitions();
        talk(async {
            let networks = networks(client(&api).await);
            let (code, _, message) = refusal(networks.get("red").await);
            assert_eq!((code, message.as_str()), (404, "the server could not find the requested resource"));
            api.load_yaml(DEFINITION);
            let (code, _, message) = refusal(networks.get("red").await);
            assert_eq!(code, 404);
            assert_eq!(message, "network-attachment-definitions.k8s.cni.cncf.io \"red\" not found");
            let definitions: Api<CustomResourceDefinition> = Api::all(client(&api).await);
            let definition = definitions.get("network-attachment-definitions.k8s.cni.cncf.io").await.unwrap();
            let conditions = definition.status.unwrap().conditions.unwrap();
            assert!(conditions.iter().any(|condition| condition.type_ == "Established"));
            api.load(&[network_object("shop", "red", &json!({}))]);
            networks.get("red").await.unwrap();
        });
    });
}

const ROLES: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: multus}
rules:
- {apiGroups: [k8s.cni.cncf.io], resources: [network-attachment-definitions], verbs: [get]}
- {apiGroups: [''], resources: [pods], verbs: [get]}
- {apiGroups: [''], resources: [pods/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: multus}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: multus}
subjects:
- {kind: ServiceAccount, name: multus, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules:
- {apiGroups: [''], resources: [pods], verbs: ['*'], resourceNames: [web]}
- {apiGroups: [''], resources: ['*/status'], verbs: [get]}
- {apiGroups: [''], resources: [pods], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: User, name: jane}
- {kind: Group, name: 'system:serviceaccounts:ci'}
";

#[test]
fn roles_decide_who_may_do_what() {
    private(|| {
        let api = TestApiServer::https().with_rbac();
        api.load_yaml(ROLES);
        api.load(&[
            pod_object("shop", "web", ""),
            pod_object("shop", "db", ""),
            pod_object("other", "web", ""),
        ]);
        api.load(&[network_object("shop", "red", &json!({}))]);
        let multus = "system:serviceaccount:kube-system:multus";
        let robot = "system:serviceaccount:ci:robot";
        let rows = [
            (multus, "get", "shop", "web", true),
            (multus, "get", "other", "web", true),
            (multus, "list", "shop", "", false),
            (multus, "patch", "shop", "web", false),
            (multus, "status", "shop", "web", true),
            (multus, "delete", "shop", "web", false),
            ("jane", "get", "shop", "web", true),
            ("jane", "get", "shop", "db", false),
            ("jane", "get", "other", "web", false),
            ("jane", "list", "shop", "", true),
            ("jane", "patch", "shop", "web", true),
            ("jane", "status", "shop", "web", false),
            (robot, "list", "shop", "", true),
            ("john", "get", "shop", "web", false),
        ];
        talk(async {
            for (user, verb, namespace, name, allowed) in rows {
                let token = api.token(user);
                let client = client_with(&api.kubeconfig(Credential::Token(&token))).await;
                let pods: Api<Pod> = Api::namespaced(client, namespace);
                let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
                let params = PatchParams::default();
                let result = match verb {
                    "get" => pods.get(name).await.map(drop),
                    "list" => pods.list(&ListParams::default()).await.map(drop),
                    "patch" => pods.patch(name, &params, &patch).await.map(drop),
                    "status" => pods.patch_status(name, &params, &patch).await.map(drop),
                    _ => pods.delete(name, &DeleteParams::default()).await.map(drop),
                };
                if !allowed {
                    assert_eq!(refusal(result).0, 403, "{user} {verb} {namespace}/{name}");
                } else if let Err(error) = result {
                    panic!("{user} {verb} {namespace}/{name}: {error}");
                }
            }
            let john = client_with(&api.kubeconfig(Credential::Token(&api.token("john")))).await;
            let (_, reason, message) = refusal(Api::<Pod>::namespaced(john.clone(), "shop").get("web").await);
            assert_eq!(reason, "Forbidden");
            let expected = r#"pods "web" is forbidden: User "john" cannot get resource "pods" in API group "" in the namespace "shop""#;
            assert_eq!(message, expected);
            let message = refusal(Api::<Pod>::all(john.clone()).list(&ListParams::default()).await).2;
            assert!(message.ends_with(r#"in API group "" at the cluster scope"#), "{message}");
            let message = refusal(networks(john).get("red").await).2;
            assert!(
                message.starts_with("network-attachment-definitions.k8s.cni.cncf.io \"red\" is forbidden"),
                "{message}"
            );
        });
    });
}

#[test]
fn every_way_to_say_who_one_is() {
    private(|| {
        let node = Node::new();
        let api = TestApiServer::https().with_rbac();
        api.load_yaml(ROLES);
        api.load(&[pod_object("shop", "web", "")]);
        let token = api.token("jane");
        let file = node.scratch("token");
        fs::write(&file, &token).unwrap();
        let certificate = api.client_certificate("jane");
        let answer = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": { "token": token } });
        fs::write(node.scratch("credential"), answer.to_string()).unwrap();
        let arguments = [node.scratch("credential")];
        let arguments = arguments.each_ref().map(|path| path.to_str().unwrap());
        let credentials = [
            (Credential::Token(&token), Ok("jane")),
            (Credential::TokenFile(&file), Ok("jane")),
            (Credential::Certificate(&certificate), Ok("jane")),
            (Credential::Exec("/bin/cat".as_ref(), &arguments), Ok("jane")),
            (Credential::Token("made-up"), Err(401)),
            (Credential::None, Err(403)),
        ];
        talk(async {
            let get = async |credential: Credential<'_>| {
                let pods: Api<Pod> = Api::namespaced(client_with(&api.kubeconfig(credential)).await, "shop");
                pods.get("web").await
            };
            for (credential, expected) in credentials {
                let result = get(credential).await;
                match expected {
                    Ok(user) => {
                        result.unwrap();
                        assert_eq!(api.requests().pop().unwrap().user, user, "{credential:?}");
                    }
                    Err(code) => assert_eq!(refusal(result).0, code, "{credential:?}"),
                }
            }
            api.revoke(&token);
            let expired = refusal(get(Credential::Token(&token)).await);
            assert_eq!((expired.0, expired.2.as_str()), (401, "Unauthorized"));
            // Another server's authority is not trusted.
            let other = TestApiServer::https().kubeconfig_at(&api.url(), Credential::None);
            let pods: Api<Pod> = Api::namespaced(client_with(&other).await, "shop");
            assert!(!matches!(pods.get("web").await, Ok(_) | Err(Error::Api(_))));
        });
    });
}

#[test]
fn answers_come_late_or_wrong_or_not_at_all_as_ordered() {
    private(|| {
        let api = shop();
        talk(async {
            let pods = pods(&api).await;
            let by = Duration::from_millis(300);
            api.delay("GET pods", by);
            let began = Instant::now();
            pods.get("web").await.unwrap();
            assert!(began.elapsed() >= by);
            api.behave();

            api.fail_after(1, "GET pods shop/web", 2, Fault::Status(500));
            pods.get("web").await.unwrap();
            for expected in [500, 500] {
                assert_eq!(refusal(pods.get("web").await).0, expected);
            }
            pods.get("web").await.unwrap();

            let patch = Patch::Merge(json!({ "metadata": { "labels": { "done": "yes" } } }));
            for (fault, done) in [(Fault::Reset, false), (Fault::Garbage, false), (Fault::AnswerLost, true)] {
                api.fail("PATCH pods/status", 1, fault);
                let result = pods.patch_status("web", &PatchParams::default(), &patch).await;
                assert!(!matches!(result, Ok(_) | Err(Error::Api(_))), "{fault:?}: {result:?}");
                assert_eq!(pods.get("web").await.unwrap().labels().contains_key("done"), done, "{fault:?}");
            }
            api.fail("GET", 1, Fault::Hang);
            let result = tokio::time::timeout(Duration::from_millis(300), pods.get("web")).await;
            assert!(result.is_err(), "{result:?}");
            assert_eq!(api.requests().pop().unwrap().to_string(), "GET pods shop/web -> no answer");
        });
    });
}

#[test]
fn a_server_that_was_stopped_comes_back_with_all_it_had() {
    private(|| {
        let mut api = shop();
        talk(async {
            let pods = pods(&api).await;
            pods.get("web").await.unwrap();
            api.stop();
            assert!(pods.get("web").await.is_err());
            api.restart();
            assert_eq!(pods.get("web").await.unwrap().uid().unwrap(), "uid-of-web");
            api.freeze();
            let frozen = tokio::time::timeout(Duration::from_millis(300), pods.get("web")).await;
            assert!(!matches!(frozen, Ok(Ok(_))), "{frozen:?}");
            api.restart();
            pods.get("web").await.unwrap();
            let version = client(&api).await.apiserver_version().await.unwrap();
            assert_eq!(version.major, "1");
        });
    });
}

#[test]
fn what_is_served_can_be_found_out_and_applied() {
    private(|| {
        let api = TestApiServer::http().without_definitions();
        talk(async {
            let client = client(&api).await;
            let groups = async || {
                let list = client.list_api_groups().await.unwrap();
                list.groups.into_iter().map(|group| group.name).collect::<Vec<_>>()
            };
            assert!(!groups().await.contains(&"k8s.cni.cncf.io".to_owned()));
            api.load_yaml(DEFINITION);
            assert!(groups().await.contains(&"k8s.cni.cncf.io".to_owned()));
            let served = client.list_api_group_resources("k8s.cni.cncf.io/v1").await.unwrap();
            assert_eq!(served.resources[0].name, "network-attachment-definitions");
            let served = client.list_core_api_resources("v1").await.unwrap();
            assert!(served.resources.iter().any(|resource| resource.name == "pods/status"));

            api.load(&[pod_object("shop", "web", "")]);
            let networks = networks(client.clone());
            let params = PatchParams::apply("tests");
            for (config, labels) in [("{}", json!({ "a": "1" })), ("{ }", json!({ "b": "2" }))] {
                let mut red = network_object("shop", "red", &json!({}));
                (red["metadata"]["labels"], red["spec"]["config"]) = (labels, json!(config));
                let applied = networks.patch("red", &params, &Patch::Apply(&red)).await.unwrap();
                assert_eq!(applied.data["spec"]["config"], config);
            }
            assert_eq!(
                api.object("network-attachment-definitions", "shop", "red").unwrap()["metadata"]["labels"]["a"],
                "1"
            );
        });
    });
}
