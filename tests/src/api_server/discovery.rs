//! What is served, for clients that ask before they do anything else, such as kubectl.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::resource::{Resource, Resources};

const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// The answer to `/version`, `/api`, `/apis` and what is below them up to a version; `None` for other paths.
pub(super) fn answer(path: &str, served: &Resources) -> Option<Value> {
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        ["version"] => {
            Some(json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.0-test-double", "gitCommit": "",
            "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": "linux/amd64" }))
        }
        ["healthz" | "livez" | "readyz"] => Some(json!("ok")),
        ["api"] => {
            Some(json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
        }
        ["apis"] => Some(groups(served)),
        ["api", version] => resources(served, "", version),
        ["apis", group] => group_of(served, group),
        ["apis", group, version] => resources(served, group, version),
        _ => None,
    }
}

fn groups(served: &Resources) -> Value {
    let names: BTreeSet<&str> = served.all().map(|resource| resource.group.as_str()).collect();
    let groups: Vec<Value> = names.into_iter().filter_map(|name| group_of(served, name)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

fn group_of(served: &Resources, name: &str) -> Option<Value> {
    let of = served.all().filter(|resource| resource.group == name && !name.is_empty());
    let versions: BTreeSet<&str> = of.map(|resource| resource.version.as_str()).collect();
    let version = |version: &&str| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    let versions: Vec<Value> = versions.iter().map(version).collect();
    let preferred = versions.first()?.clone();
    Some(
        json!({ "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions, "preferredVersion": preferred }),
    )
}

fn resources(served: &Resources, group: &str, version: &str) -> Option<Value> {
    let of = served.all().filter(|resource| resource.group == group && resource.version == version);
    let found: Vec<&Resource> = of.collect();
    let group_version = found.first()?.api_version();
    let plain = found.iter().map(|resource| described(resource, &resource.plural, &VERBS));
    let apart = found.iter().filter(|resource| resource.status_apart);
    let status =
        apart.map(|resource| described(resource, &format!("{}/status", resource.plural), &VERBS[2..]));
    let resources: Vec<Value> = plain.chain(status).collect();
    Some(
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources }),
    )
}

fn described(resource: &Resource, name: &str, verbs: &[&str]) -> Value {
    json!({ "name": name, "singularName": resource.singular, "namespaced": resource.namespaced, "kind": resource.kind,
        "verbs": verbs })
}
