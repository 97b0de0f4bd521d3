//! The objects that sources give, whatever they were read from.

use std::collections::BTreeMap;
use std::fmt;

use crate::devices::Demand;
use crate::{CONFIG_SOURCE_ANNOTATION, MIRROR_ANNOTATION};

/// Which pod a call is for, as the runtime names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRef {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The pod's UID, where the runtime gave one: a name is used again, a UID never.
    pub uid: Option<String>,
}

/// `namespace/name`.
impl fmt::Display for PodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is known of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The pod's UID; empty for a manifest that was never given to an API server.
    pub uid: String,
    /// The service account it runs as; `default` where the manifest leaves it out.
    pub service_account: String,
    /// The pod's labels.
    pub labels: BTreeMap<String, String>,
    /// The pod's annotations.
    pub annotations: BTreeMap<String, String>,
    /// The labels of the pod's namespace, with `kubernetes.io/metadata.name` as API servers add it.
    pub namespace_labels: BTreeMap<String, String>,
    /// Read by the kubelet from a file: the UID that a runtime passes is then not the API's.
    pub static_pod: bool,
    /// What tells which devices it gets.
    pub demand: Demand,
}

/// Did the kubelet read this pod from a file? Then what an API server has is only its mirror.
pub(crate) fn is_static(annotations: &BTreeMap<String, String>) -> bool {
    annotations.get(CONFIG_SOURCE_ANNOTATION).is_some_and(|source| source != "api")
        || annotations.contains_key(MIRROR_ANNOTATION)
}

/// Names a network definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkRef {
    /// The definition's namespace.
    pub namespace: String,
    /// The definition's name.
    pub name: String,
}

/// `namespace/name`.
impl fmt::Display for NetworkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A NetworkAttachmentDefinition (NP-02).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkDefinition {
    /// Its namespace and name.
    pub reference: NetworkRef,
    /// `spec.config`: a CNI configuration as JSON text, not looked into. Empty when the definition
    /// names a network that the node's own files describe (NP-03, NP-06).
    pub config: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A Network of the 2018 README: one CNI configuration as a plugin's name and its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network2018 {
    /// Its namespace and name.
    pub reference: NetworkRef,
    /// The plugin's name.
    pub plugin: String,
    /// JSON text: a list of exactly one object, the configuration without `type`. Not looked into.
    pub args: String,
}

/// Something that happened to a pod, for `kubectl describe pod`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// It needs somebody's attention.
    pub warning: bool,
    /// One word, such as `AddedInterface`.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
}
