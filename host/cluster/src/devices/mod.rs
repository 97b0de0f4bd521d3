//! The devices that a node gave to a pod.
//!
//! A network definition may name a device resource (`k8s.v1.cni.cncf.io/resourceName`). Which devices of it
//! the pod has, the kubelet knows: it is asked over its pod-resources socket, or its checkpoint file is read
//! where there is no socket. Devices that were allocated dynamically (DRA) stand in the pod's ResourceClaims.

mod checkpoint;
mod claims;
mod demand;
mod error;
mod found;
mod info;
#[cfg(test)]
mod json_values;
mod paths;
mod pod_resources;

use std::time::Instant;

pub use claims::{Claims, add_claimed};
pub use demand::{Demand, ExtendedClaim, Mapping};
pub use error::DeviceError;
pub use found::{Device, Devices};
pub use info::{DeviceInfo, InfoError};
pub use paths::DevicePaths;
pub use pod_resources::CallError;

use crate::object::PodRef;

/// The devices that the kubelet gave to a pod: by its socket, without one by its checkpoint.
///
/// # Errors
/// The kubelet did not answer before `deadline`, or not in its language; a checkpoint that can't be read;
/// neither of both is there, and the pod has no claim either.
pub fn of_kubelet(
    paths: &DevicePaths,
    pod: &PodRef,
    demand: &Demand,
    deadline: Instant,
) -> Result<Devices, DeviceError> {
    let socket = &paths.pod_resources;
    match pod_resources::ask(socket, pod, deadline) {
        Ok(found) => Ok(Devices::new(format!("the kubelet at {}", socket.display()), found)),
        Err(CallError::NobodyListens) => without_socket(paths, pod, demand),
        Err(why) => Err(DeviceError::PodResources { socket: socket.clone(), why }),
    }
}

fn without_socket(paths: &DevicePaths, pod: &PodRef, demand: &Demand) -> Result<Devices, DeviceError> {
    let file = &paths.checkpoint;
    match checkpoint::read(file, pod, demand)? {
        Some(found) => Ok(Devices::new(format!("the kubelet's checkpoint {}", file.display()), found)),
        None if demand.has_claims() => Ok(Devices::new("no kubelet".to_owned(), Vec::new())),
        None => Err(DeviceError::NoKubelet { socket: paths.pod_resources.clone(), checkpoint: file.clone() }),
    }
}
