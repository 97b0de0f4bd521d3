//! What a JSON document is, and its problems by pointer.

use multus_attach::MultusConf;
use multus_cluster::validate as manifests;
use multus_cni::conf::NetworkConf;
use multus_document::{Object, Pointer, Problem};
use multus_wasm::Catalog;
use serde_json::Value;

/// The documents that multus reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A Kubernetes object.
    Manifest,
    /// The catalog of modules.
    Catalog,
    /// The configuration of `multus`.
    Multus,
    /// The configuration of another plugin, or a list.
    Network,
}

/// Every problem of a document.
pub(super) fn problems(object: &Object) -> Vec<Problem> {
    match recognise(object) {
        Some(Kind::Manifest) => manifests::value(&object.to_value()),
        Some(Kind::Catalog) => Catalog::from_value(&object.to_value()).err().unwrap_or_default(),
        Some(Kind::Multus) => multus(object),
        Some(Kind::Network) => network(object),
        None => vec![Problem::new("", "this is nothing that multus reads").advise(
            "`type` or `plugins` in a network configuration, `modules` in a catalog, `kind` in a manifest",
        )],
    }
}

/// Whether the document is a Kubernetes object, whose texts hold further documents.
pub(super) fn is_manifest(object: &Object) -> bool {
    recognise(object) == Some(Kind::Manifest)
}

fn recognise(object: &Object) -> Option<Kind> {
    let has = |keys: &[&str]| keys.iter().any(|key| object.contains(key));
    if has(&["kind", "apiVersion"]) {
        Some(Kind::Manifest)
    } else if is_multus(object) || (has(&["delegates"]) && !has(&["type", "plugins"])) {
        Some(Kind::Multus)
    } else if has(&["type", "plugins"]) {
        Some(Kind::Network)
    } else if has(&["modules", "transforms", "policies"]) {
        Some(Kind::Catalog)
    } else {
        None
    }
}

fn is_multus(object: &Object) -> bool {
    object.get("type").is_some_and(|kind| kind == "multus")
}

fn multus(object: &Object) -> Vec<Problem> {
    let mut problems = MultusConf::problems(object);
    if !object.contains("type") {
        let problem = Problem::new("", "the configuration has no `type`");
        problems.push(problem.advise("add `\"type\": \"multus\"`, the runtime finds the binary by it"));
    }
    problems.extend(open_exec(object));
    problems
}

/// Definitions come from whoever may write them in a namespace: without `exec.allow` they choose the binary
/// that runs as root.
fn open_exec(object: &Object) -> Option<Problem> {
    let named =
        |key: &&str| object.get(key).is_some_and(|path| path.as_str().is_some_and(|path| !path.is_empty()));
    let source = ["manifests", "kubeconfig"].into_iter().find(named)?;
    let restricted = object.get("exec").is_some_and(|exec| exec.get("allow").is_some());
    (!restricted).then(|| {
        let message =
            "network definitions can run every binary in `binDir` and on CNI_PATH: `exec.allow` is not set";
        let advice =
            "`\"exec\": {\"allow\": [\"bridge\", \"host-local\"]}` with the binaries that your networks need";
        Problem::new(format!("/{source}"), message).advise(advice).as_warning()
    })
}

/// A list's plugins include `multus` itself where a runtime reads it from a conflist.
fn network(object: &Object) -> Vec<Problem> {
    let mut problems = NetworkConf::parse(object, None, None).err().unwrap_or_default();
    let plugins: Vec<Value> = object.read("plugins").unwrap_or_default();
    for (index, plugin) in plugins.iter().enumerate() {
        if let Some(mut plugin) = Object::from_value(plugin).filter(is_multus) {
            for key in ["name", "cniVersion"] {
                if let (Some(inherited), false) = (object.get(key), plugin.contains(key)) {
                    plugin.set(key, &inherited);
                }
            }
            let at = Pointer::root().key("plugins").key(index);
            problems.extend(multus(&plugin).into_iter().map(|problem| problem.below(at.as_str())));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let object = Object::parse(text.as_bytes()).unwrap();
        problems(&object).iter().map(|problem| format!("{}: {}", problem.pointer, problem.message)).collect()
    }

    #[test]
    fn documents_are_recognised_by_their_keys() {
        let rows = [
            (r#"{"kind": "Pod"}"#, Some(Kind::Manifest)),
            (r#"{"modules": {}}"#, Some(Kind::Catalog)),
            (r#"{"policies": []}"#, Some(Kind::Catalog)),
            (r#"{"type": "multus"}"#, Some(Kind::Multus)),
            (r#"{"delegates": []}"#, Some(Kind::Multus)),
            (r#"{"type": "flannel", "delegates": []}"#, Some(Kind::Network)),
            (r#"{"type": "bridge"}"#, Some(Kind::Network)),
            (r#"{"plugins": []}"#, Some(Kind::Network)),
            (r#"{"mtu": 1400}"#, None),
        ];
        for (text, expected) in rows {
            assert_eq!(recognise(&Object::parse(text.as_bytes()).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn definitions_that_reach_any_binary_are_a_warning() {
        let conf =
            |more: &str| format!(r#"{{"name":"n","type":"multus","delegates":[{{"type":"a"}}]{more}}}"#);
        assert_eq!(messages(&conf("")), [""; 0]);
        let found = messages(&conf(r#","manifests":"/m""#));
        assert!(
            found.len() == 1 && found[0].starts_with("/manifests: network definitions can run every"),
            "{found:?}"
        );
        assert_eq!(messages(&conf(r#","manifests":"/m","exec":{"allow":[]}"#)), [""; 0]);
        assert!(messages(&conf(r#","kubeconfig":"/k""#))[0].starts_with("/kubeconfig: network definitions"));
    }

    #[test]
    fn multus_inside_a_list_is_looked_into() {
        let text = r#"{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"multus","binDir":"bin","delegates":[{"type":"a"}]}]}"#;
        assert_eq!(messages(text), ["/plugins/0/binDir: `bin` is not an absolute path"]);
    }
}
