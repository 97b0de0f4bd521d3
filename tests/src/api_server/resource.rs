//! What the server can hold: resources by group, version and plural.

use serde_json::Value;

/// The group of network definitions and of the 2018 README's objects, without which no Multus has work.
const CUSTOM: [(&str, &str, &str, &str, &str, bool); 2] = [
    (
        "k8s.cni.cncf.io",
        "v1",
        "network-attachment-definitions",
        "NetworkAttachmentDefinition",
        "network-attachment-definition",
        true,
    ),
    ("kubernetes-network.cni.cncf.io", "v1", "networks", "Network", "network", true),
];

/// Group, version, plural, kind, singular, namespaced.
const BUILT_IN: [(&str, &str, &str, &str, &str, bool); 18] = [
    ("", "v1", "pods", "Pod", "pod", true),
    ("", "v1", "namespaces", "Namespace", "namespace", false),
    ("", "v1", "nodes", "Node", "node", false),
    ("", "v1", "events", "Event", "event", true),
    ("", "v1", "configmaps", "ConfigMap", "configmap", true),
    ("", "v1", "secrets", "Secret", "secret", true),
    ("", "v1", "serviceaccounts", "ServiceAccount", "serviceaccount", true),
    ("apps", "v1", "daemonsets", "DaemonSet", "daemonset", true),
    ("events.k8s.io", "v1", "events", "Event", "event", true),
    ("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim", "resourceclaim", true),
    ("resource.k8s.io", "v1", "resourceslices", "ResourceSlice", "resourceslice", false),
    ("resource.k8s.io", "v1", "deviceclasses", "DeviceClass", "deviceclass", false),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", "role", true),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "rolebinding", true),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "clusterrole", false),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "clusterrolebindings",
        "ClusterRoleBinding",
        "clusterrolebinding",
        false,
    ),
    ("apiextensions.k8s.io", "v1", CRDS, "CustomResourceDefinition", "customresourcedefinition", false),
    ("apiextensions.k8s.io", "v1beta1", CRDS, "CustomResourceDefinition", "customresourcedefinition", false),
];

pub(super) const CRDS: &str = "customresourcedefinitions";

/// A resource in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) singular: String,
    pub(super) namespaced: bool,
    /// Is `status` written apart from the rest?
    pub(super) status_apart: bool,
    /// Does a CustomResourceDefinition define it?
    pub(super) custom: bool,
}

impl Resource {
    /// `v1`, `k8s.cni.cncf.io/v1`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pods`, `networks.kubernetes-network.cni.cncf.io`: as messages name it.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    fn from_row(row: &(&str, &str, &str, &str, &str, bool)) -> Resource {
        let (group, version, plural, kind, singular, namespaced) = row;
        Resource {
            group: (*group).into(),
            version: (*version).into(),
            plural: (*plural).into(),
            kind: (*kind).into(),
            singular: (*singular).into(),
            namespaced: *namespaced,
            status_apart: matches!(
                *plural,
                "pods" | "namespaces" | "nodes" | "resourceclaims" | "daemonsets"
            ),
            custom: false,
        }
    }
}

/// Everything that is served.
#[derive(Debug)]
pub(super) struct Resources(Vec<Resource>);

impl Resources {
    /// What every API server has.
    pub(super) fn built_in() -> Resources {
        Resources(BUILT_IN.iter().map(Resource::from_row).collect())
    }

    /// Network definitions, and the objects of 2018, as if their CustomResourceDefinitions had been loaded.
    pub(super) fn add_networks(&mut self) {
        self.0.extend(CUSTOM.iter().map(|row| Resource { custom: true, ..Resource::from_row(row) }));
    }

    /// All, in every version.
    pub(super) fn all(&self) -> impl Iterator<Item = &Resource> {
        self.0.iter()
    }

    /// By the words of a URL.
    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        self.0.iter().find(|it| it.group == group && it.version == version && it.plural == plural)
    }

    /// By the words of an object.
    pub(super) fn of(&self, object: &Value) -> Option<&Resource> {
        let (api_version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        self.0.iter().find(|it| it.api_version() == api_version && it.kind == kind)
    }

    /// By its plural alone, for tests: the first one of that name.
    pub(super) fn named(&self, plural: &str) -> Option<&Resource> {
        self.0.iter().find(|it| it.plural == plural || it.qualified() == plural)
    }

    /// Serves what a CustomResourceDefinition defines, in every version of it that is served.
    pub(super) fn define(&mut self, definition: &Value) {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (group, names) = (text(&spec["group"]), &spec["names"]);
        let kind = text(&names["kind"]);
        let singular = names["singular"].as_str().map_or_else(|| kind.to_lowercase(), str::to_owned);
        for (version, status_apart) in versions(spec) {
            let plural = text(&names["plural"]);
            self.0.retain(|it| (&it.group, &it.version, &it.plural) != (&group, &version, &plural));
            self.0.push(Resource {
                group: group.clone(),
                version,
                plural,
                kind: kind.clone(),
                singular: singular.clone(),
                namespaced: spec["scope"] == "Namespaced",
                status_apart,
                custom: true,
            });
        }
    }

    /// Serves no longer what a CustomResourceDefinition defined.
    pub(super) fn undefine(&mut self, definition: &Value) {
        let (group, plural) = (&definition["spec"]["group"], &definition["spec"]["names"]["plural"]);
        self.0.retain(|it| !it.custom || *group != it.group.as_str() || *plural != it.plural.as_str());
    }
}

/// The served versions, and whether they have a status of their own. `v1beta1` had one version beside the list.
fn versions(spec: &Value) -> Vec<(String, bool)> {
    let all = !spec["subresources"]["status"].is_null();
    let listed =
        spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] != false);
    let listed =
        listed.map(|version| (&version["name"], all || !version["subresources"]["status"].is_null()));
    let single = spec.get("version").map(|name| (name, all));
    let mut versions: Vec<(String, bool)> =
        listed.chain(single).filter_map(|(name, apart)| Some((name.as_str()?.to_owned(), apart))).collect();
    versions.dedup_by(|one, other| one.0 == other.0);
    versions
}
