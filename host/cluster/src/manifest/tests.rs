use multus_document::yaml;
use proptest::prelude::*;

use super::*;

fn read_all(text: &str) -> (Vec<Manifest>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut manifests = Vec::new();
    for document in yaml::parse(text).unwrap() {
        let found = objects(&document.value, &mut problems);
        manifests.extend(found.iter().filter_map(|found| read(found, &mut problems)));
    }
    (manifests, problems)
}

#[test]
fn a_pod_is_read() {
    let text = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  uid: 6f1c
  labels: {app: shop}
  annotations:
    k8s.v1.cni.cncf.io/networks: storage
    kubernetes.io/config.source: file
    blank:
spec:
  serviceAccountName: seller
  containers: []
";
    let (manifests, problems) = read_all(text);
    assert_eq!(problems, []);
    let [Manifest::Pod(pod)] = manifests.as_slice() else { panic!("not one pod") };
    assert_eq!((pod.namespace.as_str(), pod.name.as_str()), ("default", "web"));
    assert_eq!(pod.uid, "6f1c");
    assert_eq!(pod.service_account, "seller");
    assert_eq!(pod.labels["app"], "shop");
    assert_eq!(pod.annotations["blank"], "");
    assert!(pod.static_pod);
}

#[test]
fn lists_and_documents_are_one_stream_and_other_kinds_are_left_out() {
    let text = "
kind: List
apiVersion: v1
items:
  - {apiVersion: v1, kind: Service, metadata: {name: x}}
  - kind: List
    items:
      - {apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: a}, spec: {config: '{}'}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: gold}}}
---
{apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: b, namespace: shop}}
";
    let (manifests, problems) = read_all(text);
    assert_eq!(problems, []);
    let [Manifest::Network(a), Manifest::Namespace { name, labels }, Manifest::Network(b)] =
        manifests.as_slice()
    else {
        panic!("not the three objects")
    };
    assert_eq!((a.reference.to_string(), a.config.as_str()), ("default/a".to_owned(), "{}"));
    assert_eq!((b.reference.to_string(), b.config.as_str()), ("shop/b".to_owned(), ""), "NP-03: no spec");
    assert_eq!((name.as_str(), labels["tier"].as_str()), ("shop", "gold"));
}

#[test]
fn what_is_not_an_object_of_its_kind_is_refused() {
    let nad = "apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition";
    let rows = [
        ("5".to_owned(), vec![""]),
        ("{metadata: {name: x}}".to_owned(), vec!["/kind"]),
        ("{kind: 5}".to_owned(), vec!["/kind"]),
        ("{kind: pod}".to_owned(), vec!["/kind"]),
        ("{kind: PodList, items: []}".to_owned(), vec!["/kind"]),
        ("{kind: List, items: {}}".to_owned(), vec!["/items"]),
        ("{kind: List, items: [5, {kind: Pod, apiVersion: v1}]}".to_owned(), vec!["/items/0", "/items/1/metadata"]),
        ("{kind: Pod, apiVersion: v2, metadata: {name: x}}".to_owned(), vec!["/apiVersion"]),
        ("{kind: Pod, metadata: {name: x}}".to_owned(), vec!["/apiVersion"]),
        ("{kind: Pod, apiVersion: v1, metadata: {generateName: x}}".to_owned(), vec!["/metadata/name"]),
        ("{kind: Pod, apiVersion: v1, metadata: []}".to_owned(), vec!["/metadata"]),
        (
            "{kind: Pod, apiVersion: v1, metadata: {name: ../x, namespace: a.b, uid: 5, labels: {a: 1}, annotations: {b: [1]}}}"
                .to_owned(),
            vec!["/metadata/name", "/metadata/namespace", "/metadata/uid", "/metadata/labels/a", "/metadata/annotations/b"],
        ),
        ("{kind: Namespace, apiVersion: v1, metadata: {name: a.b}}".to_owned(), vec!["/metadata/name"]),
        (format!("{{{nad}, metadata: {{name: x}}, spec: {{config: {{type: bridge}}}}}}"), vec!["/spec/config"]),
        (format!("{{{nad}, metadata: {{name: x}}, spec: text}}"), vec!["/spec"]),
    ];
    for (text, expected) in rows {
        let pointers: Vec<String> = read_all(&text).1.into_iter().map(|problem| problem.pointer).collect();
        assert_eq!(pointers, expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_yaml_is_read_or_refused(
        kind in "(Pod|NetworkAttachmentDefinition|Namespace|List|PodList|[a-z]{0,3})",
        member in "(metadata|items|spec|kind)",
        rest in "[-a-z:{}\\[\\]'\", 0-9]{0,40}",
    ) {
        let text = format!("apiVersion: v1\nkind: {kind}\n{member}: {rest}\n");
        if let Ok(documents) = yaml::parse(&text) {
            for document in documents {
                let mut problems = Vec::new();
                for found in objects(&document.value, &mut problems) {
                    let manifest = read(&found, &mut problems);
                    prop_assert!(manifest.is_some() || !problems.is_empty());
                }
            }
        }
    }
}
