//! The manifests in `examples/demo` work as they stand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::PathBuf;

use multus_cluster::{ManifestDirectory, NETWORKS_ANNOTATION, Source, parse_selections, validate};
use multus_document::yaml;

fn demo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo")
}

#[test]
fn validate_has_nothing_to_say_about_them() {
    for file in ["namespaces.yaml", "networks.yaml", "pods.yaml"] {
        for document in yaml::parse(&fs::read_to_string(demo().join(file)).unwrap()).unwrap() {
            assert_eq!(validate::manifest(&document), [], "{file}");
        }
    }
}

#[test]
fn every_pod_finds_the_networks_it_asks_for() {
    // The demo copies only the manifests; other JSON files of the folder are not Kubernetes objects.
    let folder = tempfile::tempdir().unwrap();
    for file in ["namespaces.yaml", "networks.yaml", "pods.yaml"] {
        fs::copy(demo().join(file), folder.path().join(file)).unwrap();
    }
    let source = ManifestDirectory::open(folder.path()).unwrap();
    let rows = [
        ("team-red", "web", vec!["team-red/storage", "team-red/metrics"]),
        ("team-red", "db", vec!["team-red/storage", "team-red/database"]),
        ("team-blue", "intruder", vec!["team-red/storage"]),
    ];
    for (namespace, name, expected) in rows {
        let pod = source.pod(namespace, name).unwrap().unwrap();
        assert!(!pod.uid.is_empty() && pod.namespace_labels.contains_key("example.com/team"), "{name}");
        let selections = parse_selections(&pod.annotations[NETWORKS_ANNOTATION], namespace).unwrap();
        let wanted: Vec<_> = selections.into_iter().map(|selection| selection.network).collect();
        assert_eq!(wanted.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        assert!(source.networks(&wanted).unwrap().iter().all(Result::is_ok), "{name}");
    }
}
