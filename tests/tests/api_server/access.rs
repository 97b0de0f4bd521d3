//! Who may do what, and a server in trouble.

use super::objects::DEFINITION;
use super::*;

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
