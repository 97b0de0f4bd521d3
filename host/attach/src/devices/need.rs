//! What one network needs of the pod's devices.

use multus_cluster::RESOURCE_NAME_ANNOTATION;
use multus_cni::{Code, Error};

use crate::networks::Wanted;

/// What one network needs of the pod's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need<'a> {
    /// Whose need it is, for people.
    pub(super) network: &'a str,
    /// The resource that the network's definition names.
    pub(super) resource: Option<&'a str>,
    /// The device that the pod's selection names itself.
    pub(super) chosen: Option<&'a str>,
}

impl<'a> Need<'a> {
    pub(super) fn of(wanted: &'a Wanted) -> Self {
        let annotations = wanted.definition.as_ref().map(|definition| &definition.annotations);
        let resource = annotations.and_then(|annotations| annotations.get(RESOURCE_NAME_ANNOTATION));
        let chosen = wanted.selection.as_ref().and_then(|selection| selection.device_id.as_deref());
        Self {
            network: &wanted.display,
            resource: resource.map(|name| name.trim()).filter(|name| !name.is_empty()),
            chosen,
        }
    }

    /// Code 4: whose devices they would be was not said.
    pub(super) fn without_pod(&self) -> Error {
        let message = format!(
            "network {} needs a device of resource `{}`, and CNI_ARGS names no pod that could have one",
            self.network,
            self.resource.unwrap_or_default()
        );
        Error::new(Code::InvalidEnvironment, message)
            .with_details("only containers of pods have devices; give others a network without a resource")
    }
}
