//! Which keys a conf may hold.

use multus_document::{Object, Pointer, Problem};

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
    "confDir",
    "manifests",
    "kubeconfig",
    "api",
    "delegates",
    "clusterNetwork",
    "defaultNetworks",
    "multusNamespace",
    "systemNamespaces",
    "namespaceIsolation",
    "globalNamespaces",
    "readinessindicatorfile",
    "auxiliaryCNIChainName",
    "onInvalidSelection",
    "compat",
    "logFile",
    "logLevel",
    "logToStderr",
    "logOptions",
    // What a delegate's DEL could not give back is always kept (design 4).
    "retryDeleteOnError",
    "devices",
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

/// Keys that upstream's other programs write: accepted, without effect.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("daemonSocketDir", "leave it out, there is no daemon"),
    ("cniConf", "write `confDir`, which is what was meant"),
];

/// Unknown keys, and those without effect, as warnings.
pub(super) fn problems(source: &Object) -> Vec<Problem> {
    source.keys().filter(|key| !READ.contains(key)).map(problem).collect()
}

fn problem(key: &str) -> Problem {
    let at = Pointer::root().key(key);
    let problem = match WITHOUT_EFFECT.iter().find(|(name, _)| *name == key) {
        Some((_, advice)) => Problem::new(at, format!("`{key}` has no effect")).advise(*advice),
        None => Problem::new(at, format!("unknown key `{key}`, it is ignored")),
    };
    problem.as_warning()
}
