//! ResourceClaims: what of them is read.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::object::PodRef;

/// A ResourceClaim.
#[derive(Deserialize)]
pub(super) struct Claim {
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    allocation: Option<Allocation>,
    reserved_for: Option<Vec<Consumer>>,
}

#[derive(Deserialize)]
struct Allocation {
    #[serde(default)]
    devices: AllocatedDevices,
}

#[derive(Deserialize, Default)]
struct AllocatedDevices {
    results: Option<Vec<Allocated>>,
}

#[derive(Deserialize)]
struct Consumer {
    #[serde(default)]
    resource: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    uid: String,
}

/// A device that was allocated to a claim.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Allocated {
    request: String,
    pub(super) driver: String,
    pub(super) pool: String,
    pub(super) device: String,
    admin_access: Option<bool>,
}

impl Claim {
    pub(super) fn read(object: Value) -> Result<Self, String> {
        Self::deserialize(object).map_err(|error| format!("is not as Kubernetes writes it: {error}"))
    }

    /// The devices that this claim gives to a pod. What it only lets the pod look at is not the pod's.
    pub(super) fn allocated_to(self, pod: &PodRef) -> Result<Vec<Allocated>, String> {
        let Some(allocation) = self.status.allocation else {
            return Err("has no allocation yet".to_owned());
        };
        let consumers = self.status.reserved_for.unwrap_or_default();
        if !consumers.iter().any(|consumer| consumer.is(pod)) {
            return Err(format!("is not reserved for the pod {pod}"));
        }
        let results = allocation.devices.results.unwrap_or_default();
        Ok(results.into_iter().filter(|device| device.admin_access != Some(true)).collect())
    }
}

impl Consumer {
    fn is(&self, pod: &PodRef) -> bool {
        let other = |uid: &String| !uid.is_empty() && *uid != self.uid;
        self.resource == "pods" && self.name == pod.name && !pod.uid.as_ref().is_some_and(other)
    }
}

impl Allocated {
    /// Whether it was allocated for that request, or for one of its alternatives (`request/alternative`).
    pub(super) fn is_of(&self, request: &str) -> bool {
        self.request.split('/').next() == Some(request)
    }
}

impl fmt::Display for Allocated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device {} of {}/{}", self.device, self.driver, self.pool)
    }
}
