//! The virtual function of a network card that the attachment has to itself. What is set is taken back by DEL.

use serde::Deserialize;

use crate::Failure;
pub use crate::host::sriov::{VirtualFunction, device, pick};

/// What a function is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Details {
    /// Its address on the PCI bus.
    pub address: String,
    /// The physical function's link.
    pub physical: String,
    /// Its number among those of the physical function.
    pub number: u32,
    /// What drives it.
    pub driver: Option<String>,
    /// Whether that leaves it to programs.
    pub userspace: bool,
}

impl VirtualFunction {
    /// What it is now.
    ///
    /// # Errors
    /// It is gone.
    pub fn details(&self) -> Result<Details, Failure> {
        let text = self.info()?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::from(format!("the host's description of a function: {error}")))
    }
}
