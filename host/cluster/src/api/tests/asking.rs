//! What is asked, how often, and what becomes of the answers.

use super::double::Reply;
use super::*;

#[test]
fn a_pod_costs_one_request() {
    let double = Double::http(|_, _| Reply::json(POD));
    let source = source(&double, LONG);
    assert_eq!(double.lines(), Vec::<String>::new(), "connecting asks nothing");
    let pod = source.pod("red", "web").unwrap().unwrap();
    assert_eq!((pod.uid.as_str(), pod.service_account.as_str()), ("u-1", "default"));
    assert!(pod.namespace_labels.is_empty(), "they would cost a request");
    let [seen] = double.seen().try_into().unwrap();
    assert_eq!(seen.line, "GET /api/v1/namespaces/red/pods/web");
    assert_eq!(seen.header("authorization"), "Bearer secret-token");
    assert!(seen.header("user-agent").starts_with("multus/"));
    assert!(source.place().contains(&double.url));
}

#[test]
fn a_pod_that_is_not_there_is_none() {
    let double = Double::http(|_, _| Reply::refuse(404, r#"pods "web" not found"#));
    assert_eq!(source(&double, LONG).pod("red", "web").unwrap(), None);
    assert_eq!(double.lines().len(), 1);
}

#[test]
fn what_can_not_be_a_name_is_not_asked_for() {
    let double = Double::http(|_, _| Reply::json(POD));
    let source = source(&double, LONG);
    for (namespace, name) in
        [("..", "web"), ("red", "../../secrets/x"), ("red", "a?b"), ("", "web"), ("red", "")]
    {
        let error = source.pod(namespace, name).unwrap_err();
        assert!(matches!(error, SourceError::PodName { .. }), "{error}");
        let answers = source.networks(&[reference(namespace, name)]).unwrap();
        assert!(answers[0].is_err());
    }
    assert_eq!(double.lines(), Vec::<String>::new());
}

/// The double answers nothing until all of them are asked for: one after the other would never end.
#[test]
fn definitions_are_asked_for_at_the_same_time_each_once() {
    let double = Double::http(|seen, _| {
        let answer = match seen.line.rsplit('/').next().unwrap() {
            "storage" => Reply::json(r#"{"metadata":{"annotations":{"a":"b"}},"spec":{"config":"{}"}}"#),
            "empty" => Reply::json(r#"{"metadata":{}}"#),
            name => Reply::refuse(404, &format!("{name} not found")),
        };
        Reply::Once(3, Box::new(answer))
    });
    let source = source(&double, LONG);
    let wanted = ["storage", "gone", "storage", "empty", "gone"].map(|name| reference("red", name));
    let answers = source.networks(&wanted).unwrap();
    let mut lines = double.lines();
    lines.sort();
    let path = "GET /apis/k8s.cni.cncf.io/v1/namespaces/red/network-attachment-definitions";
    assert_eq!(lines, ["empty", "gone", "storage"].map(|name| format!("{path}/{name}")));
    let found: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().map(|found| found.config.as_str())).collect();
    assert_eq!(found[0], Ok("{}"));
    assert_eq!(found[2], Ok("{}"));
    assert_eq!(found[3], Ok(""));
    assert_eq!(answers[0].as_ref().unwrap().annotations["a"], "b");
    for missing in [1, 4] {
        let said = answers[missing].as_ref().unwrap_err().to_string();
        let expected = format!(
            "network red/gone is not defined in the cluster of {}; create it, or correct the name",
            double.url
        );
        assert_eq!(said, expected);
    }
    assert_eq!(source.networks(&[]).unwrap().len(), 0);
    assert_eq!(double.lines().len(), 3, "nothing wanted, nothing asked");
}

#[test]
fn networks_of_2018_have_a_group_of_their_own() {
    let double = Double::http(|_, _| Reply::json(r#"{"metadata":{},"plugin":"flannel","args":"[{}]"}"#));
    let answers = source(&double, LONG).networks_2018(&[reference("red", "flannel")]).unwrap();
    assert_eq!(answers[0].as_ref().unwrap().plugin, "flannel");
    assert_eq!(
        double.lines(),
        ["GET /apis/kubernetes-network.cni.cncf.io/v1/namespaces/red/networks/flannel"]
    );
}

#[test]
fn the_labels_of_a_namespace_come_when_asked_for() {
    let double = Double::http(|_, _| {
        Reply::json(r#"{"metadata":{"labels":{"kubernetes.io/metadata.name":"red","team":"red"}}}"#)
    });
    let labels = source(&double, LONG).namespace_labels("red").unwrap();
    assert_eq!(labels["team"], "red");
    assert_eq!(double.lines(), ["GET /api/v1/namespaces/red"]);
}

/// Each is final: asked once, and the error says what to do.
#[test]
fn refusals_say_what_to_do() {
    let rows: [(u16, &str, &[&str]); 4] = [
        (
            401,
            "Unauthorized",
            &["401, Unauthorized", "the token (user `multus`, kubeconfig", "may have expired; renew it"],
        ),
        (403, "pods is forbidden", &["403, pods is forbidden", r#"resources: ["pods"], verbs: ["get"]"#]),
        (400, "bad", &["400, bad"]),
        (418, "teapot", &["418, teapot"]),
    ];
    for (status, message, said) in rows {
        let double = Double::http(move |_, _| Reply::refuse(status, message));
        let error = source(&double, LONG).pod("red", "web").unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("can't get pod red/web (API server {}): ", double.url)),
            "{error}"
        );
        for part in said {
            assert!(error.contains(part), "{part:?} in {error}");
        }
        assert!(!error.contains("secret-token"), "{error}");
        assert_eq!(double.lines().len(), 1);
    }
}

#[test]
fn what_is_not_served_is_told_apart_from_what_is_not_there() {
    let not_found = || Reply::Answer { status: 404, headers: vec![], body: "404 page not found\n".into() };
    let double = Double::http(move |_, _| not_found());
    let source = source(&double, LONG);
    let error = source.networks(&[reference("red", "storage")]).unwrap_err().to_string();
    assert!(error.contains("the server has no network-attachment-definitions.k8s.cni.cncf.io"), "{error}");
    assert!(error.contains("CustomResourceDefinition"), "{error}");
    let error = source.pod("red", "web").unwrap_err().to_string();
    assert!(
        error.contains("the server has no pods; is `server` in the kubeconfig an API server?"),
        "{error}"
    );
}

#[test]
fn an_answer_that_is_no_pod_is_an_error() {
    for body in ["", "<html>", "[]", r#"{"metadata":{"labels":{"a":1}}}"#] {
        let double = Double::http(move |_, _| Reply::json(body));
        let error = source(&double, LONG).pod("red", "web").unwrap_err().to_string();
        assert!(error.contains("the answer can't be read"), "{error}");
        assert_eq!(double.lines().len(), 1);
    }
}

/// A server behind a prefix, as an aggregator or a proxy gives it.
#[test]
fn the_path_of_the_server_is_kept() {
    let double = Double::http(|_, _| Reply::json(POD));
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&format!("server: \"{}/k8s/clusters/c-1/\"", double.url), "");
    folder.connect(&access(&kubeconfig, LONG)).unwrap().pod("red", "web").unwrap();
    let [seen] = double.seen().try_into().unwrap();
    assert_eq!(seen.line, "GET /k8s/clusters/c-1/api/v1/namespaces/red/pods/web");
    assert_eq!(seen.header("authorization"), "");
}
