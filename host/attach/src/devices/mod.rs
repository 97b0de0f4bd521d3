//! Devices for networks whose definition names a resource: which device each of them gets, and what is told of
//! it in files.

mod assign;
pub(crate) mod info;
mod need;

use std::time::{Duration, Instant};

use multus_cluster::devices::{self, Device, DeviceError, Devices};
use multus_cluster::{Pod, PodRef, Source};
use multus_cni::{Code, Error};
use serde_json::Value;

use crate::call::Call;
use crate::networks::Wanted;
use crate::plan::Attachment;
use assign::{Unmet, assign};
use need::Need;

/// How long the kubelet may take to answer on its own node.
const KUBELET: Duration = Duration::from_secs(10);

/// The device of each network, in the order of `wanted`; none for those that name no resource. Nobody is asked
/// unless a definition names one.
///
/// # Errors
/// Code 7: the pod did not request what its networks need. Codes 5, 7 and 11: it could not be found out which
/// devices it has.
pub(crate) fn of_pod(
    call: &Call<'_>,
    source: Option<&dyn Source>,
    pod: Option<&Pod>,
    wanted: &[Wanted],
) -> Result<Vec<Option<Device>>, Error> {
    let needs: Vec<Need<'_>> = wanted.iter().map(Need::of).collect();
    let Some(first) = needs.iter().find(|need| need.resource.is_some()) else {
        return Ok(vec![None; wanted.len()]);
    };
    let pod = pod.ok_or_else(|| first.without_pod())?;
    let reference = reference(call, pod);
    let deadline = call.deadlines.forward.min(Instant::now() + KUBELET);
    let mut found = devices::of_kubelet(&call.conf.devices, &reference, &pod.demand, deadline)
        .map_err(|error| device_error(&error))?;
    // Claims are only asked for what the kubelet's device plugins did not give.
    let unmet = match assign(&needs, &found) {
        Ok(assigned) => return Ok(assigned),
        Err(unmet) => unmet,
    };
    match source.and_then(|source| source.device_claims()).filter(|_| pod.demand.has_claims()) {
        None => Err(refusal(&unmet, &found)),
        Some(claims) => {
            devices::add_claimed(claims, &reference, &pod.demand, &mut found)
                .map_err(|error| device_error(&error))?;
            assign(&needs, &found).map_err(|unmet| refusal(&unmet, &found))
        }
    }
}

/// Tells an attachment's plugins which device they are to use, in their configuration under both of its names
/// and as a capability argument, and where information about it is.
pub(crate) fn offer(call: &Call<'_>, attachment: &mut Attachment) {
    if let Some(device) = &attachment.device {
        let id = Value::from(device.id.as_str());
        for plugin in &mut attachment.network.plugins {
            plugin.object_mut().set("deviceID", &id);
            plugin.object_mut().set("pciBusID", &id);
        }
        attachment.runtime_config.insert("deviceID".to_owned(), id);
    }
    attachment.device_info = info::path_of(call, attachment);
    if let Some(path) = &attachment.device_info {
        let path = Value::from(path.display().to_string());
        attachment.runtime_config.insert(info::CAPABILITY.to_owned(), path);
    }
}

/// The kubelet knows a static pod by the UID that the runtime names, not by that of its mirror.
fn reference(call: &Call<'_>, pod: &Pod) -> PodRef {
    let known = Some(pod.uid.clone()).filter(|uid| !uid.is_empty());
    let uid = call.pod_key().and_then(|key| key.uid).or(known);
    PodRef { namespace: pod.namespace.clone(), name: pod.name.clone(), uid }
}

fn refusal(unmet: &Unmet<'_>, found: &Devices) -> Error {
    Error::new(Code::InvalidConfig, unmet.to_string()).with_details(format!(
        "{} ({})",
        unmet.advice(),
        found.account()
    ))
}

fn device_error(error: &DeviceError) -> Error {
    let code = match error {
        DeviceError::NoKubelet { .. } => Code::InvalidConfig,
        DeviceError::Checkpoint { .. } => Code::Io,
        DeviceError::PodResources { .. } | DeviceError::Claim { .. } | DeviceError::Source(_) => {
            Code::TryAgainLater
        }
    };
    Error::new(code, error.to_string()).context("a network needs a device")
}
