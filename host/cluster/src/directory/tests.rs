use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, uid: u1}
";

fn network(name: &str) -> String {
    format!(
        "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{config: '{{\"type\": \"{name}\"}}'}}\n"
    )
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn reference(name: &str) -> NetworkRef {
    NetworkRef { namespace: "shop".to_owned(), name: name.to_owned() }
}

fn failure(folder: &Path) -> String {
    ManifestDirectory::open(folder).and_then(|source| source.pod("shop", "web")).unwrap_err().to_string()
}

#[test]
fn a_folder_answers_for_a_pod_and_its_networks() {
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: gold}}}";
    let json = r#"{"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
                  "metadata": {"name": "b", "namespace": "shop"}}"#;
    let folder = folder(&[
        ("a.yaml", &format!("{POD}---\n{}", network("a"))),
        ("b.json", json),
        ("c.yml", namespace),
        (".hidden.yaml", "{"),
        ("notes.txt", "{"),
    ]);
    fs::create_dir_all(folder.path().join("network-status/shop")).unwrap();
    fs::write(folder.path().join("network-status/shop/x.json"), "{").unwrap();

    let source = ManifestDirectory::open(folder.path()).unwrap();
    let pod = source.pod("shop", "web").unwrap().unwrap();
    assert_eq!(pod.service_account, "default");
    assert_eq!(pod.namespace_labels["tier"], "gold");
    assert_eq!(pod.namespace_labels["kubernetes.io/metadata.name"], "shop");
    assert_eq!(source.pod("other", "web").unwrap(), None);

    let found =
        source.networks(&[reference("b"), reference("nope"), reference("a"), reference("a")]).unwrap();
    assert_eq!(found[0].as_ref().unwrap().config, "");
    assert_eq!(found[2].as_ref().unwrap().config, r#"{"type": "a"}"#);
    assert_eq!(found[2], found[3]);
    let missing = found[1].as_ref().unwrap_err().to_string();
    assert!(missing.contains("shop/nope") && missing.contains("has: a, b"), "{missing}");
}

#[test]
fn two_of_a_name_are_refused_naming_both_files() {
    let folder = folder(&[("b.yaml", &network("a")), ("a.yaml", &network("a"))]);
    let message = failure(folder.path());
    let (first, second) = (message.find("a.yaml").unwrap(), message.find("b.yaml").unwrap());
    assert!(first < second && message.contains("shop/a"), "{message}");
}

/// What is skipped could be what a pod asked for.
#[test]
fn nothing_that_is_wrong_is_skipped() {
    let rows: [(&str, &[u8], &[&str]); 7] = [
        ("x.yaml", b"a: 1\nb: [", &["x.yaml", "line "]),
        ("x.json", b"{\n  'kind': 1}", &["x.json", "line 2", "double quotes"]),
        ("x.json", b"", &["x.json", "empty"]),
        ("x.yaml", b"a: 1\nb: \xff", &["x.yaml", "line 2", "UTF-8"]),
        ("x.yaml", b"kind: Pod\napiVersion: v1\nmetadata:\n  name: Web\n", &["x.yaml", "line 4, column 9"]),
        ("x.yaml", b"a: &x 1\nb: *x\n", &["x.yaml", "line 2", "alias"]),
        (
            "x.json",
            b"{\"kind\": \"Pod\",\n\"apiVersion\": \"v2\"}",
            &["x.json", "line 2", "apiVersion: v1", "metadata"],
        ),
    ];
    for (name, text, expected) in rows {
        let folder = folder(&[("a.yaml", POD)]);
        fs::write(folder.path().join(name), text).unwrap();
        let message = failure(folder.path());
        for part in expected {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}

#[test]
fn limits_and_strange_files_are_errors() {
    let huge = folder(&[("x.yaml", &"#".repeat((4 << 20) + 1))]);
    assert!(failure(huge.path()).contains("limit is 4194304"));

    let many = tempfile::tempdir().unwrap();
    for index in 0..=1024 {
        fs::write(many.path().join(format!("{index}.yaml")), "").unwrap();
    }
    assert!(failure(many.path()).contains("limit is 1024"));

    let strange = tempfile::tempdir().unwrap();
    fs::create_dir(strange.path().join("x.yaml")).unwrap();
    assert!(failure(strange.path()).contains("not a file"));
    fs::remove_dir(strange.path().join("x.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", strange.path().join("x.yaml")).unwrap();
    assert!(failure(strange.path()).contains("x.yaml"));

    assert!(failure(Path::new("/nonexistent")).contains("/nonexistent"));
    assert!(failure(Path::new("/dev/null")).contains("/dev/null"));
}

#[test]
fn a_status_comes_and_goes() {
    let folder = folder(&[("a.yaml", POD)]);
    let source = ManifestDirectory::open(folder.path()).unwrap();
    let path = status_path(folder.path(), "shop", "web").unwrap();
    let pod = PodRef { namespace: "shop".to_owned(), name: "web".to_owned(), uid: Some("u1".to_owned()) };
    source.set_network_status(&pod, Some("[1]")).unwrap();
    source.set_network_status(&pod, Some("[2]")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "[2]");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
    fs::write(path.with_extension("json.new"), "[").unwrap();
    source.set_network_status(&pod, None).unwrap();
    source.set_network_status(&pod, None).unwrap();
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0, "a killed call's draft goes, too");
    assert!(!path.exists());
}

#[test]
fn a_late_call_of_an_old_pod_leaves_the_new_one_alone() {
    let folder = folder(&[("a.yaml", POD)]);
    let source = ManifestDirectory::open(folder.path()).unwrap();
    let path = status_path(folder.path(), "shop", "web").unwrap();
    let new = PodRef { namespace: "shop".to_owned(), name: "web".to_owned(), uid: Some("u1".to_owned()) };
    let old = PodRef { uid: Some("u0".to_owned()), ..new.clone() };
    source.set_network_status(&new, Some("[]")).unwrap();
    source.set_network_status(&old, None).unwrap();
    assert!(path.exists());
    let message = source.set_network_status(&old, Some("[]")).unwrap_err().to_string();
    assert!(message.contains("u0") && message.contains("u1"), "{message}");
}

/// The kubelet gives a static pod a UID that its manifest does not have.
#[test]
fn a_static_pods_uid_is_not_compared() {
    let annotated = POD.replace("uid: u1", "uid: u1, annotations: {kubernetes.io/config.source: file}");
    let folder = folder(&[("a.yaml", &annotated)]);
    let source = ManifestDirectory::open(folder.path()).unwrap();
    let pod = PodRef { namespace: "shop".to_owned(), name: "web".to_owned(), uid: Some("hash".to_owned()) };
    source.set_network_status(&pod, Some("[]")).unwrap();
    source.set_network_status(&pod, None).unwrap();
    assert!(!status_path(folder.path(), "shop", "web").unwrap().exists());
}

#[test]
fn a_broken_manifest_does_not_keep_a_status_from_going() {
    let folder = folder(&[("a.yaml", POD)]);
    let pod = PodRef { namespace: "shop".to_owned(), name: "web".to_owned(), uid: None };
    ManifestDirectory::open(folder.path()).unwrap().set_network_status(&pod, Some("[]")).unwrap();
    fs::write(folder.path().join("b.yaml"), "a: [").unwrap();
    ManifestDirectory::open(folder.path()).unwrap().set_network_status(&pod, None).unwrap();
    assert!(!status_path(folder.path(), "shop", "web").unwrap().exists());
}

#[test]
fn a_pods_name_never_leads_out_of_the_folder() {
    let folder = Path::new("/manifests");
    for (namespace, pod) in
        [("..", "a"), ("a", ".."), ("a/b", "c"), ("", "a"), ("a", "../../etc"), ("a.b", "c")]
    {
        assert!(status_path(folder, namespace, pod).is_err(), "{namespace}/{pod}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_file_is_read_or_refused(name in "x\\.(yaml|json)", bytes in "(kind: Pod\n)?[-a-z:{}\\[\\]'\", \n]{0,60}") {
        let folder = folder(&[(&name, &bytes)]);
        let _ = ManifestDirectory::open(folder.path()).unwrap().pod("shop", "web");
    }
}
