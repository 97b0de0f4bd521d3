//! Functions whose link is in a namespace that it should not be in.

use super::super::{Kernel, failed};
use crate::Refused;
use crate::effect::{LinkRef, PciAddress, Space};
use crate::link::{self, Details};

impl Kernel {
    /// The links of PCI devices in a namespace: the device's address, the link's name. None where that is gone.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn pci_links(&self, space: Space) -> Result<Vec<(PciAddress, String)>, Refused> {
        let all = self.of_pci_devices(space)?.into_iter();
        Ok(all.map(|(address, details)| (address, details.link.name)).collect())
    }

    /// Brings a function's link from the pod's namespace to the node, down, under its name if that is free; its name at
    /// home. `None` if it is not there.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn fetch_function(&mut self, address: &PciAddress) -> Result<Option<String>, Refused> {
        let tried = format_args!("bringing virtual function {address} home");
        let here = self.of_pci_devices(Space::Sandbox)?.into_iter().find(|(found, _)| found == address);
        let Some((_, Details { link, .. })) = here else { return Ok(None) };
        let from = LinkRef::to(Space::Sandbox, &link);
        self.carry(&from, Space::Host, (&link.name, &link.alternative_names), None, &tried)?;
        let home = self.pci_links(Space::Host)?.into_iter().find(|(found, _)| found == address);
        Ok(home.map(|(_, name)| name))
    }

    fn of_pci_devices(&self, space: Space) -> Result<Vec<(PciAddress, Details)>, Refused> {
        let tried = format_args!("looking for links of PCI devices {space}");
        if self.is_gone(space) {
            return Ok(Vec::new());
        }
        let links = link::detailed(self.socket(space, &tried)?).map_err(failed(&tried))?;
        let address = |details: &Details| details.bus_address.as_ref()?.parse().ok();
        Ok(links.into_iter().filter_map(|details| Some((address(&details)?, details))).collect())
    }
}
