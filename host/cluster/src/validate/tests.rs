use multus_document::{Position, yaml};
use proptest::prelude::*;

use super::*;

/// Each problem with its place in the YAML.
fn check(text: &str) -> Vec<(Problem, Option<Position>)> {
    let documents = yaml::parse(text).unwrap();
    let located = |document: &Document| {
        let problems = manifest(document).into_iter();
        problems.map(|problem| (problem.clone(), document.locate(&problem.pointer))).collect::<Vec<_>>()
    };
    documents.iter().flat_map(located).collect()
}

#[test]
fn a_configuration_is_judged_by_its_own_lines() {
    let text = "\
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata:
  name: storage
spec:
  config: |
    {
      \"type\": \"bridge\",
      # the fast one
      \"bridge\": \"br1\"
    }
";
    let found = check(text);
    assert_eq!(found.len(), 1, "{found:?}");
    let (problem, place) = &found[0];
    assert_eq!(problem.pointer, "/spec/config");
    assert_eq!(place.unwrap().line, 7, "where the text begins");
    assert!(problem.to_string().contains("line 3, column 3 in it"), "{problem}");
    assert!(problem.to_string().contains("no comments"), "{problem}");
}

#[test]
fn a_selection_is_judged_in_both_forms() {
    let pod = |annotation: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    a: b\n    k8s.v1.cni.cncf.io/networks: {annotation}\n"
        )
    };
    let at = "/metadata/annotations/k8s.v1.cni.cncf.io~1networks";
    let rows = [
        (pod("'[{\"name\": \"a\", \"mac\": \"x\"}]'"), 7, "/0/mac (line 1, column "),
        (pod("a,B"), 7, "/1/name: `B` can't be"),
        (pod("'{\"name\": \"a\"}'"), 7, "found one object"),
        (pod("|\n      [\n        {\"name\": \"a\", \"ips\": []}\n      ]"), 8, "/0/ips (line 2, column "),
    ];
    for (text, line, message) in rows {
        let found = check(&text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].0.pointer, at);
        assert_eq!(found[0].1.unwrap().line, line, "{text}");
        assert!(found[0].0.message.contains(message), "{}", found[0].0);
    }
}

#[test]
fn what_only_looks_wrong_is_a_warning() {
    let text = "
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {k8s.v1.cni.cncf.io/network: storage}}
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: with.dot}
spec: {plugin: bridge}
";
    let found = check(text);
    let pointers: Vec<&str> = found.iter().map(|(problem, _)| problem.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/metadata/annotations/k8s.v1.cni.cncf.io~1network", "/metadata/name", "/spec/plugin"]
    );
    assert!(found.iter().all(|(problem, _)| problem.warning));
}

#[test]
fn the_default_network_is_one_network() {
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {v1.multus-cni.io/default-network: 'a,b'}}}";
    assert!(check(text)[0].0.message.contains("exactly one"));
}

#[test]
fn objects_and_annotations_of_2018_are_looked_into() {
    let network = |args: &str| {
        format!(
            "apiVersion: kubernetes-network.cni.cncf.io/v1\nkind: Network\nmetadata:\n  name: a\nplugin: sriov\nargs: {args}\n"
        )
    };
    let pod = |annotation: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    networks: {annotation}\n"
        )
    };
    /// Pointer, words of the message, and whether it is a warning.
    type Found = (&'static str, &'static str, bool);
    let rows: [(String, Option<Found>); 7] = [
        (network("'[{}]'"), None),
        (network("'[{}, {}]'"), Some(("/args", "2 objects", false))),
        (network("'['"), Some(("/args", "not valid JSON", false))),
        (network("''"), Some(("/args", "is empty", false))),
        (pod("'[{\"name\": \"a\"}]'"), None),
        (pod("'[{\"name\": 5}]'"), Some(("/metadata/annotations/networks", "/0/name", true))),
        // It may be somebody else's annotation: a warning.
        (pod("none"), Some(("/metadata/annotations/networks", "not valid JSON", true))),
    ];
    for (text, expected) in rows {
        let found: Vec<Problem> = check(&text).into_iter().map(|(problem, _)| problem).collect();
        match (found.as_slice(), expected) {
            ([], None) => {}
            ([problem], Some((pointer, words, warning))) => {
                assert_eq!(
                    (problem.pointer.as_str(), problem.warning),
                    (pointer, warning),
                    "{text}: {problem}"
                );
                assert!(problem.message.contains(words), "{text}: {problem}");
            }
            (found, _) => panic!("{text}: {found:?}"),
        }
    }
}

#[test]
fn everything_is_reported_at_once() {
    let text = "
kind: List
items:
  - {apiVersion: v1, kind: Pod, metadata: {name: A, annotations: {k8s.v1.cni.cncf.io/networks: '[null]'}}}
  - {apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: b}, spec: {config: '['}}
  - {apiVersion: k8s.cni.cncf.io/v1, kind: NetworkAttachmentDefinition, metadata: {name: c}, spec: {config: '[]'}}
";
    let pointers: Vec<String> = check(text).into_iter().map(|(problem, _)| problem.pointer).collect();
    assert_eq!(
        pointers,
        [
            "/items/0/metadata/name",
            "/items/0/metadata/annotations/k8s.v1.cni.cncf.io~1networks",
            "/items/1/spec/config",
            "/items/2/spec/config"
        ]
    );
}

proptest! {
    #[test]
    fn any_text_inside_a_manifest_is_judged(
        config in "[-a-z{}\\[\\]\":,#\n ]{0,40}",
        annotation in "[-a-z{}\\[\\]\":,@/\n ]{0,40}",
    ) {
        let document = serde_json::json!({"kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Pod",
             "metadata": {"name": "a", "annotations": {NETWORKS_ANNOTATION: annotation}}},
            {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
             "metadata": {"name": "a"}, "spec": {"config": config}},
        ]});
        for problem in value(&document) {
            prop_assert!(document.pointer(&problem.pointer).is_some(), "{problem}");
        }
    }
}
