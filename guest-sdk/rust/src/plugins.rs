//! CNI binaries, each granted by name.

use serde::Serialize;

use crate::host::plugins;
use crate::{CniResult, Failure};

/// Runs the ADD of a binary with this configuration and returns its result. Its DEL is the host's affair.
///
/// # Errors
/// The binary's own failure; code 6 for a result that can't be read.
pub fn add(name: &str, config: &impl Serialize) -> Result<CniResult, Failure> {
    let config = serde_json::to_string(config).map_err(|error| Failure::from(error.to_string()))?;
    crate::ipam::read(&plugins::add(name, &config)?)
}
