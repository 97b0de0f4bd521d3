//! What a selection asks of a network, as capability arguments (CNI conventions; NP-15 to NP-24).

use multus_cluster::Selection;
use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};
use serde_json::{Map, Value, json};

/// The capability arguments of one selection. Every one of them must be a capability of at least
/// one plugin of the network, else the attachment would silently lack what the pod asked for.
///
/// # Errors
/// Code 7 naming the selection's field and the capability that no plugin has (NP-16, 17, 20, 21, 24).
pub(super) fn arguments(selection: &Selection, network: &NetworkConf) -> Result<Map<String, Value>, Error> {
    refuse_unsupported(selection)?;
    let mut arguments = Map::new();
    for (field, capability, value) in requested(selection) {
        let declared =
            network.plugins.iter().any(|plugin| plugin.capabilities().iter().any(|name| name == capability));
        if !declared {
            let message = format!(
                "the pod asks for `{field}`, but no plugin of the network has the capability `{capability}`"
            );
            let details = format!(
                "add `\"capabilities\": {{\"{capability}\": true}}` to a plugin that supports it, or take `{field}` out of the pod's annotation"
            );
            return Err(Error::new(Code::InvalidConfig, message).with_details(details));
        }
        arguments.insert(capability.to_owned(), value);
    }
    if let Some(device) = &selection.device_id {
        arguments.insert("deviceID".to_owned(), Value::from(device.clone()));
    }
    Ok(arguments)
}

/// Field of the selection, capability of the plugin, value.
fn requested(selection: &Selection) -> Vec<(&'static str, &'static str, Value)> {
    let ports = (!selection.port_mappings.is_empty()).then(|| json!(selection.port_mappings));
    let ips = (!selection.ips.is_empty()).then(|| json!(selection.ips));
    let rows = [
        ("ips", "ips", ips),
        ("mac", "mac", selection.mac.as_ref().map(|mac| json!(mac))),
        ("infiniband-guid", "infinibandGUID", selection.infiniband_guid.as_ref().map(|guid| json!(guid))),
        ("portMappings", "portMappings", ports),
        ("bandwidth", "bandwidth", selection.bandwidth.as_ref().map(|limits| json!(limits))),
    ];
    rows.into_iter().filter_map(|(field, capability, value)| Some((field, capability, value?))).collect()
}

/// Fields that this version can't honour are refused: ignoring one would give the pod other
/// networking than it asked for.
fn refuse_unsupported(selection: &Selection) -> Result<(), Error> {
    let rows = [
        ("default-route", selection.default_route.is_some()),
        ("ipam-claim-reference", selection.ipam_claim_reference.is_some()),
    ];
    match rows.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((field, _)) => {
            let message = format!("the pod asks for `{field}`, which this version does not support");
            Err(Error::new(Code::UnsupportedField, message)
                .with_details(format!("take `{field}` out of the pod's annotation")))
        }
    }
}
