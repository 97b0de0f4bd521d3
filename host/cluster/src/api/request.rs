//! What is asked of an API server.

use std::fmt;

use bytes::Bytes;
use http::Method;

/// The objects of one type, as an API server serves them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// The API group; empty for the core.
    pub(super) group: &'static str,
    version: &'static str,
    plural: &'static str,
    /// For people.
    noun: &'static str,
}

pub(super) const PODS: Resource = Resource { group: "", version: "v1", plural: "pods", noun: "pod" };
pub(super) const NAMESPACES: Resource =
    Resource { group: "", version: "v1", plural: "namespaces", noun: "namespace" };
pub(super) const EVENTS: Resource =
    Resource { group: "", version: "v1", plural: "events", noun: "an event of pod" };
/// NetworkAttachmentDefinitions (NP-02).
pub(super) const NETWORKS: Resource = Resource {
    group: "k8s.cni.cncf.io",
    version: "v1",
    plural: "network-attachment-definitions",
    noun: "NetworkAttachmentDefinition",
};
/// The 2018 README's Networks.
pub(super) const NETWORKS_2018: Resource =
    Resource { group: "kubernetes-network.cni.cncf.io", version: "v1", plural: "networks", noun: "Network" };

/// Claims of devices that were allocated dynamically, and what drivers say of their devices.
pub(super) const RESOURCE_CLAIMS: Resource =
    Resource { group: "resource.k8s.io", version: "v1", plural: "resourceclaims", noun: "ResourceClaim" };
pub(super) const RESOURCE_SLICES: Resource = Resource {
    group: "resource.k8s.io",
    version: "v1",
    plural: "resourceslices",
    noun: "ResourceSlices of driver",
};

/// The resource with its API group, as CustomResourceDefinitions are called.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            "" => f.write_str(self.plural),
            group => write!(f, "{}.{group}", self.plural),
        }
    }
}

/// One request, which may be sent more than once.
#[derive(Debug, Clone)]
pub(super) struct Request {
    resource: &'static Resource,
    namespace: Option<String>,
    /// The object's name; for an event, its pod's; for a list, whose objects they are.
    name: String,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Get,
    List { query: String },
    PatchStatus(Bytes),
    ReplaceStatus(Bytes),
    Create(Bytes),
}

impl Request {
    /// Asks for one object. Namespace and name must be DNS-1123 names, as they become a path.
    pub(super) fn get(resource: &'static Resource, namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.map(str::to_owned);
        Self { resource, namespace, name: name.to_owned(), action: Action::Get }
    }

    /// Asks for all ResourceSlices of a driver that `query` is true of.
    pub(super) fn list_slices(driver: &str, query: String) -> Self {
        let (name, action) = (driver.to_owned(), Action::List { query });
        Self { resource: &RESOURCE_SLICES, namespace: None, name, action }
    }

    /// Changes the status of a pod by a merge patch (RFC 7386).
    pub(super) fn patch_pod_status(namespace: &str, name: &str, patch: Vec<u8>) -> Self {
        let namespace = Some(namespace.to_owned());
        let action = Action::PatchStatus(patch.into());
        Self { resource: &PODS, namespace, name: name.to_owned(), action }
    }

    /// Writes the status of a pod with the whole pod, as it was read; a conflict if it changed since.
    pub(super) fn replace_pod_status(namespace: &str, name: &str, pod: Vec<u8>) -> Self {
        let namespace = Some(namespace.to_owned());
        let action = Action::ReplaceStatus(pod.into());
        Self { resource: &PODS, namespace, name: name.to_owned(), action }
    }

    /// Creates an event about a pod; the server gives it a name.
    pub(super) fn create_event(namespace: &str, pod: &str, event: Vec<u8>) -> Self {
        let namespace = Some(namespace.to_owned());
        let action = Action::Create(event.into());
        Self { resource: &EVENTS, namespace, name: pod.to_owned(), action }
    }

    /// The HTTP method.
    pub(super) fn method(&self) -> Method {
        match self.action {
            Action::Get | Action::List { .. } => Method::GET,
            Action::PatchStatus(_) => Method::PATCH,
            Action::ReplaceStatus(_) => Method::PUT,
            Action::Create(_) => Method::POST,
        }
    }

    /// The path at the server, without what the kubeconfig's `server` puts before it.
    pub(super) fn path(&self) -> String {
        let Resource { group, version, plural, .. } = self.resource;
        let root =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let namespace = self.namespace.as_ref().map(|name| format!("/namespaces/{name}")).unwrap_or_default();
        let object = match &self.action {
            Action::Get => format!("/{}", self.name),
            Action::List { query } => format!("?{query}"),
            Action::PatchStatus(_) | Action::ReplaceStatus(_) => format!("/{}/status", self.name),
            Action::Create(_) => String::new(),
        };
        format!("{root}{namespace}/{plural}{object}")
    }

    /// The body and its type.
    pub(super) fn body(&self) -> Option<(&'static str, Bytes)> {
        match &self.action {
            Action::Get | Action::List { .. } => None,
            Action::PatchStatus(patch) => Some(("application/merge-patch+json", patch.clone())),
            Action::ReplaceStatus(object) | Action::Create(object) => {
                Some(("application/json", object.clone()))
            }
        }
    }

    /// Whether it is of no use any more once somebody else has written the object.
    pub(super) fn is_stale_after_conflict(&self) -> bool {
        matches!(self.action, Action::ReplaceStatus(_))
    }

    /// What is asked for.
    pub(super) fn resource(&self) -> &'static Resource {
        self.resource
    }

    /// The RBAC rule that allows this request, as it stands in a ClusterRole.
    pub(super) fn rule(&self) -> String {
        let Resource { group, plural, .. } = self.resource;
        let (resource, verb) = match self.action {
            Action::Get => ((*plural).to_owned(), "get"),
            Action::List { .. } => ((*plural).to_owned(), "list"),
            Action::PatchStatus(_) => (format!("{plural}/status"), "patch"),
            Action::ReplaceStatus(_) => (format!("{plural}/status"), "update"),
            Action::Create(_) => ((*plural).to_owned(), "create"),
        };
        format!(r#"apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]"#)
    }
}

/// `get pod team-red/web`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.action {
            Action::Get => "get",
            Action::List { .. } => "list",
            Action::PatchStatus(_) | Action::ReplaceStatus(_) => "write the network-status of",
            Action::Create(_) => "create",
        };
        write!(f, "{verb} {} ", self.resource.noun)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_words_and_rules() {
        let rows = [
            (
                Request::get(&PODS, Some("red"), "web"),
                "GET /api/v1/namespaces/red/pods/web",
                "get pod red/web",
                r#"apiGroups: [""], resources: ["pods"], verbs: ["get"]"#,
            ),
            (
                Request::get(&NAMESPACES, None, "red"),
                "GET /api/v1/namespaces/red",
                "get namespace red",
                r#"apiGroups: [""], resources: ["namespaces"], verbs: ["get"]"#,
            ),
            (
                Request::get(&NETWORKS, Some("red"), "storage"),
                "GET /apis/k8s.cni.cncf.io/v1/namespaces/red/network-attachment-definitions/storage",
                "get NetworkAttachmentDefinition red/storage",
                r#"apiGroups: ["k8s.cni.cncf.io"], resources: ["network-attachment-definitions"], verbs: ["get"]"#,
            ),
            (
                Request::get(&NETWORKS_2018, Some("red"), "flannel"),
                "GET /apis/kubernetes-network.cni.cncf.io/v1/namespaces/red/networks/flannel",
                "get Network red/flannel",
                r#"apiGroups: ["kubernetes-network.cni.cncf.io"], resources: ["networks"], verbs: ["get"]"#,
            ),
            (
                Request::list_slices("drv.example", "limit=5".to_owned()),
                "GET /apis/resource.k8s.io/v1/resourceslices?limit=5",
                "list ResourceSlices of driver drv.example",
                r#"apiGroups: ["resource.k8s.io"], resources: ["resourceslices"], verbs: ["list"]"#,
            ),
            (
                Request::patch_pod_status("red", "web", Vec::new()),
                "PATCH /api/v1/namespaces/red/pods/web/status",
                "write the network-status of pod red/web",
                r#"apiGroups: [""], resources: ["pods/status"], verbs: ["patch"]"#,
            ),
            (
                Request::create_event("red", "web", Vec::new()),
                "POST /api/v1/namespaces/red/events",
                "create an event of pod red/web",
                r#"apiGroups: [""], resources: ["events"], verbs: ["create"]"#,
            ),
        ];
        for (request, line, words, rule) in rows {
            assert_eq!(format!("{} {}", request.method(), request.path()), line);
            assert_eq!(request.to_string(), words);
            assert_eq!(request.rule(), rule);
        }
    }
}
