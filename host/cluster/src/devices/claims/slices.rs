//! ResourceSlices: what a driver says of its devices.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Claims;
use super::object::Allocated;
use crate::source::SourceError;

/// The attribute that says which device it is, in the words of CNI plugins.
const DEVICE_ID: &str = "k8s.cni.cncf.io/deviceID";
/// The attribute that says which resource a network definition has to name for it.
const RESOURCE_NAME: &str = "k8s.cni.cncf.io/resourceName";

/// What a device is for networks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Described {
    Device {
        resource: String,
        id: String,
    },
    /// Nothing, and why.
    Unfit(String),
}

/// Slices as they are needed: one question a driver.
pub(super) struct Slices<'a> {
    source: &'a dyn Claims,
    node: &'a str,
    of_node: BTreeMap<String, Vec<Slice>>,
    of_cluster: BTreeMap<String, Vec<Slice>>,
}

#[derive(Deserialize)]
struct Slice {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    pool: Pool,
    devices: Option<Vec<Device>>,
}

#[derive(Deserialize)]
struct Pool {
    name: String,
    #[serde(default)]
    generation: i64,
}

#[derive(Deserialize)]
struct Device {
    name: String,
    #[serde(default)]
    attributes: BTreeMap<String, Attribute>,
}

/// An attribute has one of several types; ours are text.
#[derive(Deserialize)]
struct Attribute {
    string: Option<String>,
}

impl<'a> Slices<'a> {
    pub(super) fn new(source: &'a dyn Claims, node: &'a str) -> Self {
        Self { source, node, of_node: BTreeMap::new(), of_cluster: BTreeMap::new() }
    }

    /// Looks among the slices of the pod's node first. Devices that are reached over a network are in slices
    /// of no node, and only for those all slices of the driver are asked for.
    pub(super) fn describe(&mut self, device: &Allocated) -> Result<Described, SourceError> {
        let node = Some(self.node).filter(|node| !node.is_empty());
        if node.is_some() {
            let slices = ask(self.source, &mut self.of_node, &device.driver, node)?;
            if let Some(found) = find(slices, device) {
                return Ok(found.describe());
            }
        }
        let slices = ask(self.source, &mut self.of_cluster, &device.driver, None)?;
        let missing = || Described::Unfit("no ResourceSlice of its driver lists it".to_owned());
        Ok(find(slices, device).map_or_else(missing, Device::describe))
    }
}

fn ask<'s>(
    source: &dyn Claims,
    known: &'s mut BTreeMap<String, Vec<Slice>>,
    driver: &str,
    node: Option<&str>,
) -> Result<&'s [Slice], SourceError> {
    if !known.contains_key(driver) {
        let objects = source.slices(driver, node)?;
        // A slice of a later kind is one that lists nothing for us.
        let slices = objects.into_iter().filter_map(|slice| Slice::deserialize(slice).ok()).collect();
        known.insert(driver.to_owned(), slices);
    }
    Ok(known.get(driver).map(Vec::as_slice).unwrap_or_default())
}

/// A pool that was published anew may still have slices of an earlier generation.
fn find<'s>(slices: &'s [Slice], wanted: &Allocated) -> Option<&'s Device> {
    let of_pool = || slices.iter().map(|slice| &slice.spec).filter(|spec| spec.pool.name == wanted.pool);
    let newest = of_pool().map(|spec| spec.pool.generation).max()?;
    let current = of_pool().filter(|spec| spec.pool.generation == newest);
    current.flat_map(|spec| spec.devices.iter().flatten()).find(|device| device.name == wanted.device)
}

impl Device {
    fn describe(&self) -> Described {
        let text = |name: &str| self.attributes.get(name)?.string.clone().filter(|text| !text.is_empty());
        match (text(DEVICE_ID), text(RESOURCE_NAME)) {
            (Some(id), Some(resource)) => Described::Device { resource, id },
            (None, _) => Described::Unfit(format!("its driver gives it no attribute `{DEVICE_ID}`")),
            (_, None) => Described::Unfit(format!("its driver gives it no attribute `{RESOURCE_NAME}`")),
        }
    }
}
