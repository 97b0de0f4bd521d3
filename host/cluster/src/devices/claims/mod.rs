//! Devices that were allocated dynamically: a pod's ResourceClaims say which devices of which driver it got,
//! and the drivers' ResourceSlices what these devices are for networks (`resource.k8s.io/v1`).

mod object;
mod slices;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::demand::{Demand, ExtendedClaim};
use super::{Device, DeviceError, Devices};
use crate::object::PodRef;
use crate::source::SourceError;
use object::{Allocated, Claim};
use slices::{Described, Slices};

/// Where claims and slices come from: an API server.
pub trait Claims {
    /// ResourceClaims of one namespace as JSON objects, in the order asked; `None` for one that is not there.
    ///
    /// # Errors
    /// The source could not be asked.
    fn claims(&self, namespace: &str, names: &[String]) -> Result<Vec<Option<Value>>, SourceError>;

    /// The ResourceSlices of a driver, as JSON objects: those of one node, or all of them.
    ///
    /// # Errors
    /// The source could not be asked.
    fn slices(&self, driver: &str, node: Option<&str>) -> Result<Vec<Value>, SourceError>;
}

/// Adds the devices of a pod's claims to those that the kubelet gave it: claim by claim in the order of
/// `spec.resourceClaims`, the claim for extended resources last, each claim's devices as allocated.
///
/// A device whose driver does not say what it is for networks is passed over; an error about a missing device
/// tells of it.
///
/// # Errors
/// A claim that is not there, not allocated, or not reserved for this pod; an extended resource whose device
/// is one of another resource; the source could not be asked.
pub fn add_claimed(
    source: &dyn Claims,
    pod: &PodRef,
    demand: &Demand,
    devices: &mut Devices,
) -> Result<(), DeviceError> {
    let extended = demand.extended.as_ref();
    let names: Vec<String> = demand.claims.iter().chain(extended.map(|claim| &claim.name)).cloned().collect();
    let mut slices = Slices::new(source, &demand.node);
    let found = source.claims(&pod.namespace, &names)?;
    for (name, object) in names.iter().zip(found) {
        let named = format!("{}/{name}", pod.namespace);
        let failed = |why: String| DeviceError::Claim { claim: named.clone(), why };
        let object = object.ok_or_else(|| failed("is not there; it may have been deleted".to_owned()))?;
        let allocated = Claim::read(object).and_then(|claim| claim.allocated_to(pod)).map_err(failed)?;
        devices.also_asked(format!("ResourceClaim {named}"));
        let mappings = extended.filter(|claim| claim.name == *name);
        for device in in_order(allocated, mappings).map_err(failed)? {
            add(&mut slices, &device, devices, &failed)?;
        }
    }
    Ok(())
}

/// An allocated device, and the extended resource that it stands for, if it does.
struct Wanted {
    device: Allocated,
    stands_for: Option<String>,
}

/// The devices of a claim as allocated; those of the claim for extended resources in the order of its
/// mappings, which is that of the containers.
fn in_order(allocated: Vec<Allocated>, mappings: Option<&ExtendedClaim>) -> Result<Vec<Wanted>, String> {
    let Some(extended) = mappings else {
        return Ok(allocated.into_iter().map(|device| Wanted { device, stands_for: None }).collect());
    };
    let mut wanted = Vec::new();
    for mapping in &extended.request_mappings {
        let before = wanted.len();
        let mine = allocated.iter().filter(|device| device.is_of(&mapping.request_name));
        wanted.extend(mine.map(|device| Wanted {
            device: device.clone(),
            stands_for: Some(mapping.resource_name.clone()),
        }));
        if wanted.len() == before {
            return Err(format!(
                "has no device for request `{}`, which stands for the pod's resource `{}`",
                mapping.request_name, mapping.resource_name
            ));
        }
    }
    Ok(wanted)
}

fn add(
    slices: &mut Slices<'_>,
    Wanted { device, stands_for }: &Wanted,
    devices: &mut Devices,
    failed: &impl Fn(String) -> DeviceError,
) -> Result<(), DeviceError> {
    match slices.describe(device)? {
        Described::Device { resource, .. } if stands_for.as_ref().is_some_and(|asked| *asked != resource) => {
            Err(failed(format!(
                "stands for the pod's resource `{}`, but {device} is one of `{resource}`",
                stands_for.as_deref().unwrap_or_default()
            )))
        }
        Described::Device { resource, id } => {
            devices.add(Device { resource, id });
            Ok(())
        }
        Described::Unfit(why) => {
            devices.note(format!("{device} is passed over: {why}"));
            Ok(())
        }
    }
}
