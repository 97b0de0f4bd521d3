//! Which functions there are, in the words of `/sys`: the kernel's own, or a folder that a test made.
//!
//! The names of links are those of the namespace that the `/sys` was mounted in; what is to be certain asks the kernel
//! for the link of a device instead.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::effect::{FunctionRef, PciAddress};

/// Drivers that leave a function to programs: there is no link then.
const FOR_USERSPACE: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/// As the kernel writes that it may get any driver.
const NOBODY: &str = "(null)";

/// A view of `/sys`.
#[derive(Debug, Clone)]
pub struct Sysfs {
    root: PathBuf,
}

/// A function of a card that can have virtual ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhysicalFunction {
    /// Where it is.
    pub address: PciAddress,
    /// What drives it.
    pub driver: Option<String>,
    /// Its links, by name; some cards have one for each port.
    pub links: Vec<String>,
    /// How many virtual functions it can have.
    pub total: u32,
    /// How many it has.
    pub enabled: u32,
    /// Its RDMA devices.
    pub rdma: Vec<String>,
    /// The switch in the card that its virtual functions are plugged into, if it is in the mode `switchdev`.
    pub switch: Option<String>,
}

/// A virtual function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualFunction {
    /// Where it is, and whose.
    pub place: FunctionRef,
    /// What drives it.
    pub driver: Option<String>,
    /// Its links, by name: none while it is in another namespace, or left to programs.
    pub links: Vec<String>,
    /// Its RDMA devices.
    pub rdma: Vec<String>,
    /// Which group it is of for the IOMMU: `/dev/vfio/<group>` is how programs reach it.
    pub iommu_group: Option<u32>,
    /// The link that stands for it in the card's switch.
    pub representor: Option<String>,
}

impl VirtualFunction {
    /// Whether programs have it instead of the kernel.
    pub fn is_for_userspace(&self) -> bool {
        self.driver.as_deref().is_some_and(is_for_userspace)
    }
}

/// Whether a driver leaves its devices to programs.
pub(crate) fn is_for_userspace(driver: &str) -> bool {
    FOR_USERSPACE.contains(&driver)
}

impl Default for Sysfs {
    fn default() -> Self {
        Self::at("/sys")
    }
}

impl Sysfs {
    /// The view at a folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The physical functions of the node, by address.
    ///
    /// # Errors
    /// `/sys` can't be read.
    pub fn physical_functions(&self) -> io::Result<Vec<PhysicalFunction>> {
        let mut found = Vec::new();
        for name in names(&self.root.join("bus/pci/devices"))? {
            let Ok(address) = name.parse::<PciAddress>() else { continue };
            found.extend(self.physical_function(&address)?);
        }
        Ok(found)
    }

    /// One of them; `None` if the device is not there, or can't have virtual functions.
    ///
    /// # Errors
    /// `/sys` can't be read.
    pub fn physical_function(&self, address: &PciAddress) -> io::Result<Option<PhysicalFunction>> {
        let folder = self.folder(address);
        let Some(total) = number(&folder.join("sriov_totalvfs"))? else { return Ok(None) };
        let links = names(&folder.join("net"))?;
        let switch = links.iter().find_map(|link| self.of_link(link, "phys_switch_id"));
        Ok(Some(PhysicalFunction {
            address: address.clone(),
            driver: target(&folder.join("driver"))?,
            total,
            enabled: number(&folder.join("sriov_numvfs"))?.unwrap_or_default(),
            rdma: names(&folder.join("infiniband"))?,
            switch,
            links,
        }))
    }

    /// Where the virtual functions of a physical one are, by number.
    ///
    /// # Errors
    /// `/sys` can't be read.
    pub fn virtual_functions(&self, physical: &PciAddress) -> io::Result<Vec<FunctionRef>> {
        let folder = self.folder(physical);
        let mut found = Vec::new();
        for name in names(&folder)? {
            let number = name.strip_prefix("virtfn").and_then(|number| number.parse().ok());
            let Some(number) = number else { continue };
            let address = target(&folder.join(&name))?.and_then(|name| name.parse().ok());
            // It went just now.
            let Some(address) = address else { continue };
            found.push(FunctionRef { address, physical: physical.clone(), number });
        }
        found.sort_by_key(|place| place.number);
        Ok(found)
    }

    /// A virtual function; `None` if the device is not there, or is none.
    ///
    /// # Errors
    /// `/sys` can't be read.
    pub fn virtual_function(&self, address: &PciAddress) -> io::Result<Option<VirtualFunction>> {
        let folder = self.folder(address);
        let physical = target(&folder.join("physfn"))?.and_then(|name| name.parse().ok());
        let Some(physical) = physical else { return Ok(None) };
        let siblings = self.virtual_functions(&physical)?;
        let Some(place) = siblings.into_iter().find(|place| place.address == *address) else {
            return Ok(None);
        };
        let group = target(&folder.join("iommu_group"))?;
        Ok(Some(VirtualFunction {
            driver: target(&folder.join("driver"))?,
            links: names(&folder.join("net"))?,
            rdma: names(&folder.join("infiniband"))?,
            iommu_group: group.and_then(|group| group.parse().ok()),
            representor: self.representor(&place)?,
            place,
        }))
    }

    /// The link in the card's switch that names the function: `pf0vf3`, or `3` with older drivers.
    fn representor(&self, place: &FunctionRef) -> io::Result<Option<String>> {
        let Some(physical) = self.physical_function(&place.physical)? else { return Ok(None) };
        let Some(switch) = &physical.switch else { return Ok(None) };
        let card = place.physical.as_str().rsplit('.').next().unwrap_or_default();
        let ports = [format!("pf{card}vf{}", place.number), place.number.to_string()];
        let there = |link: &String| {
            self.of_link(link, "phys_switch_id").as_ref() == Some(switch)
                && self.of_link(link, "phys_port_name").is_some_and(|port| ports.contains(&port))
        };
        Ok(names(&self.root.join("class/net"))?.into_iter().find(there))
    }

    /// The switch in a card that a link of it is a port of.
    pub(crate) fn switch(&self, link: &str) -> Option<String> {
        self.of_link(link, "phys_switch_id")
    }

    /// Whether every network namespace has all RDMA devices, as without `rdma system set netns exclusive`.
    pub(crate) fn shares_rdma(&self) -> bool {
        let mode = fs::read_to_string(self.root.join("module/ib_core/parameters/netns_mode"));
        !mode.is_ok_and(|mode| mode.trim() == "N")
    }

    /// The only driver that a function may get, if somebody said so.
    pub(crate) fn reserved_for(&self, address: &PciAddress) -> Option<String> {
        let text = fs::read_to_string(self.folder(address).join("driver_override")).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text != NOBODY)
    }

    /// What the kernel calls a device, in messages about its links: its entry on the bus leads there.
    pub(crate) fn device(&self, address: &PciAddress) -> String {
        let leads = fs::read_link(self.folder(address)).ok();
        let name = leads.and_then(|path| path.file_name()?.to_str().map(ToOwned::to_owned));
        name.unwrap_or_else(|| address.to_string())
    }

    /// What a link says of itself; its driver may refuse to.
    fn of_link(&self, link: &str, what: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join("class/net").join(link).join(what)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The folder of a function.
    pub(crate) fn folder(&self, address: &PciAddress) -> PathBuf {
        self.root.join("bus/pci/devices").join(address.as_str())
    }

    /// The folder of a driver.
    pub(crate) fn driver(&self, name: &str) -> PathBuf {
        self.root.join("bus/pci/drivers").join(name)
    }

    /// What finds a driver for a function.
    pub(crate) fn probe(&self) -> PathBuf {
        self.root.join("bus/pci/drivers_probe")
    }
}

/// `None` for what is not there.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        // The device of an open folder went.
        Err(error) if error.raw_os_error() == Some(nix::libc::ENODEV) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// What is in a folder, in order; nothing if it is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = present(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let mut names: Vec<_> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// The name of what a symbolic link leads to.
pub(crate) fn target(link: &Path) -> io::Result<Option<String>> {
    let found = present(fs::read_link(link))?;
    Ok(found.and_then(|path| path.file_name()?.to_str().map(ToOwned::to_owned)))
}

fn number(file: &Path) -> io::Result<Option<u32>> {
    let Some(text) = present(fs::read_to_string(file))? else { return Ok(None) };
    let number = text.trim().parse();
    number.map(Some).map_err(|_| {
        io::Error::other(format!("{} says `{}`, which is no number", file.display(), text.trim()))
    })
}

#[cfg(test)]
mod tests;
