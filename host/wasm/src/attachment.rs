//! What a module is told about the attachment it works on.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::bindings::types;

/// One attachment as modules see it (`attachment` in the WIT package).
#[derive(Debug, Clone, Default)]
pub struct Attachment {
    /// CNI_CONTAINERID.
    pub container_id: String,
    /// The interface to be made inside the sandbox.
    pub interface_name: String,
    /// `namespace/name` of the definition, or the inline configuration's name.
    pub network: String,
    /// Position in the plan, the default network is 0.
    pub index: u32,
    /// Whether this is the default network.
    pub default_network: bool,
    /// The pod, if one was named.
    pub pod: Option<Pod>,
    /// An object with what else is known: the definition's metadata, the selection, runtimeConfig.
    pub context: Value,
}

/// The pod as modules see it.
#[derive(Debug, Clone, Default)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID; empty if the source has none.
    pub uid: String,
    /// Its service account.
    pub service_account: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The labels of its namespace.
    pub namespace_labels: BTreeMap<String, String>,
}

impl Attachment {
    /// The same with what the operator has the module read, as the member `inputs` of the context. Whatever stood there
    /// before is gone: a module can rely on it.
    pub(crate) fn with_inputs(&self, inputs: Value) -> Self {
        let mut attachment = self.clone();
        if !attachment.context.is_object() {
            attachment.context = Value::Object(Map::new());
        }
        if let Some(members) = attachment.context.as_object_mut() {
            members.insert("inputs".to_owned(), inputs);
        }
        attachment
    }

    pub(crate) fn to_guest(&self) -> types::Attachment {
        types::Attachment {
            container_id: self.container_id.clone(),
            interface_name: self.interface_name.clone(),
            network: self.network.clone(),
            index: self.index,
            default_network: self.default_network,
            pod: self.pod.as_ref().map(Pod::to_guest),
            context: match &self.context {
                Value::Null => "{}".to_owned(),
                context => context.to_string(),
            },
        }
    }
}

impl Pod {
    fn to_guest(&self) -> types::Pod {
        types::Pod {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            service_account: self.service_account.clone(),
            labels: pairs(&self.labels),
            annotations: pairs(&self.annotations),
            namespace_labels: pairs(&self.namespace_labels),
        }
    }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
