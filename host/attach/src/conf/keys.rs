//! Which keys a conf may hold.

use multus_document::{Object, Pointer, Problem};
use serde_json::Value;

/// Keys that are read.
const READ: &[&str] = &[
    "cniVersion",
    "cniVersions",
    "name",
    "type",
    "capabilities",
    "runtimeConfig",
    "prevResult",
    "cniDir",
    "binDir",
    "manifests",
    "delegates",
    "exec",
    "wasm",
    "disableGC",
    "disableCheck",
    "args",
    "ipam",
    "dns",
    "cni.dev/valid-attachments",
    "cni.dev/attachments",
];

/// Upstream's keys that change nothing about which networks a pod gets: accepted, without effect.
const WITHOUT_EFFECT: &[&str] = &[
    "confDir",
    "logFile",
    "logLevel",
    "logToStderr",
    "logOptions",
    "globalNamespaces",
    "systemNamespaces",
    "multusNamespace",
    "retryDeleteOnError",
    "daemonSocketDir",
    "cniConf",
];

/// Upstream's keys that do change it. Ignoring one would give a pod fewer networks, or more rights,
/// than its operator meant: refused until they are there.
const NOT_YET: &[(&str, &str)] = &[
    ("kubeconfig", "list the cluster's objects as files under `manifests` instead"),
    ("clusterNetwork", "write the default network into `delegates`"),
    ("defaultNetworks", "write these networks into `delegates`"),
    ("namespaceIsolation", "let a policy module decide which networks a namespace may use"),
    ("readinessindicatorfile", "leave it out"),
    ("auxiliaryCNIChainName", "write the chain's plugins into a delegate's `plugins`"),
];

/// Unknown keys as warnings, keys that can't be honoured as refusals.
pub(super) fn problems(source: &Object) -> Vec<Problem> {
    source.keys().filter_map(|key| problem(source, key)).collect()
}

fn problem(source: &Object, key: &str) -> Option<Problem> {
    let at = Pointer::root().key(key);
    if READ.contains(&key) {
        return None;
    }
    if let Some((_, advice)) = NOT_YET.iter().find(|(name, _)| *name == key) {
        return is_set(&source.get(key)?)
            .then(|| Problem::new(at, format!("`{key}` is not supported by this version")).advise(*advice));
    }
    let message = if WITHOUT_EFFECT.contains(&key) {
        format!("`{key}` has no effect in this version")
    } else {
        format!("unknown key `{key}`, it is ignored")
    };
    Some(Problem::new(at, message).as_warning())
}

/// `false`, `""`, `[]` and `null` ask for nothing.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}
