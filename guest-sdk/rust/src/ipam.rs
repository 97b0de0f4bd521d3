//! The IPAM delegate that a configuration names.

use serde::Serialize;

use crate::host::ipam;
use crate::{CniResult, Failure};

/// Runs the ADD of `ipam.type` with this configuration, the whole plugin's, and returns its result. Its DEL is the host's
/// affair.
///
/// # Errors
/// IPAM's own failure; code 6 for a result that can't be read.
pub fn add(config: &impl Serialize) -> Result<CniResult, Failure> {
    let config = serde_json::to_string(config).map_err(|error| Failure::from(error.to_string()))?;
    read(&ipam::add(&config)?)
}

pub(crate) fn read(result: &str) -> Result<CniResult, Failure> {
    serde_json::from_str(result)
        .map_err(|error| Failure::new(6, format!("its result can't be read: {error}")))
}
