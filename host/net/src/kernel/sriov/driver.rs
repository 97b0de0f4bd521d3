//! Which driver has a function.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc;

use super::super::{Kernel, failed};
use super::is_of;
use crate::Refused;
use crate::effect::{LinkRef, PciAddress, Property, Space};
use crate::sriov::sysfs::{is_for_userspace, target};

/// A driver makes its link some time after it was bound.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);
/// What takes an override away.
const NO_OVERRIDE: &str = "\n";

impl Kernel {
    /// Takes a function from its driver and gives it to another. A driver of the kernel makes a link anew, which gets
    /// `name`, and is said again to be for the driver `only`, which that one could not be bound past. Done again from
    /// wherever it got to.
    pub(super) fn give_driver(
        &self,
        address: &PciAddress,
        driver: Option<&str>,
        name: Option<&str>,
        only: Option<&str>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let folder = self.sysfs.folder(address);
        let reserved = folder.join("driver_override");
        let for_programs = driver.filter(|driver| is_for_userspace(driver));
        if let Some(driver) = driver
            && !self.sysfs.driver(driver).is_dir()
        {
            let said = format!("there is no driver `{driver}`: `modprobe {driver}` loads it");
            return Err(Refused::because(tried, libc::ENODEV, said));
        }
        let wanted = for_programs.unwrap_or(NO_OVERRIDE);
        write(&reserved, wanted).map_err(failed(tried))?;
        let now = target(&folder.join("driver")).map_err(failed(tried))?;
        if now.as_deref() != driver {
            if now.is_some() {
                write(&folder.join("driver/unbind"), address.as_str()).map_err(failed(tried))?;
            }
            if let Some(driver) = driver {
                self.bind(address, driver, &folder, tried)?;
            }
        }
        if for_programs.is_some() {
            return Ok(());
        }
        if let (Some(name), Some(_)) = (name, driver) {
            self.rename_anew(address, name, tried)?;
        }
        only.map_or(Ok(()), |only| write(&reserved, only).map_err(failed(tried)))
    }

    fn bind(
        &self,
        address: &PciAddress,
        driver: &str,
        folder: &Path,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let bound = write(&self.sysfs.probe(), address.as_str());
        let is_bound = || target(&folder.join("driver")).is_ok_and(|now| now.as_deref() == Some(driver));
        // It may be of a driver that is asked by hand alone.
        let bound = if is_bound() {
            Ok(())
        } else {
            bound.and_then(|()| write(&self.sysfs.driver(driver).join("bind"), address.as_str()))
        };
        bound.map_err(|error| {
            let hint = match error.raw_os_error() {
                Some(libc::EINVAL) if is_for_userspace(driver) => {
                    "; the node has no IOMMU: boot it with `intel_iommu=on` or `amd_iommu=on`"
                }
                _ => "",
            };
            let refused = Refused::io(tried, &error);
            Refused { said: format!("{}{hint}", refused.said), ..refused }
        })
    }

    fn rename_anew(&self, address: &PciAddress, name: &str, tried: &dyn Display) -> Result<(), Refused> {
        let end = self.patience().min(Instant::now() + PATIENCE);
        loop {
            let links = self.links_of_devices(tried)?;
            if let Some(found) = links.iter().find(|link| is_of(link, address)) {
                if found.link.name == name {
                    return Ok(());
                }
                let link = LinkRef::to(Space::Host, &found.link);
                return self.set(&link, &Property::Name(name.to_owned()), tried);
            }
            if Instant::now() >= end {
                return Err(Refused::because(tried, libc::ETIMEDOUT, "its driver has made no link"));
            }
            sleep(PAUSE);
        }
    }
}

/// These files take one write, and are not to be made.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}
