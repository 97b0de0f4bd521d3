//! Links by the device that they are of.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::libc;

use super::{Kernel, failed, refused};
use crate::effect::Space;
use crate::link::{self, Wanted};
use crate::sriov::sysfs::{is_for_userspace, target};
use crate::{Link, Refused};

const BUSES: &str = "/sys/bus";
const DEVICES: &str = "/sys/devices";
/// A device for virtual machines has another one of this kind inside, and that one has the link.
const INNER: &str = "virtio";

impl Kernel {
    /// The node's link of a device. The kernel says of each link which device it is of, so `/sys`, which may show another
    /// namespace's links, is asked about devices alone.
    pub(super) fn of_device(&self, device: &str) -> Result<Option<Link>, Refused> {
        let tried = format_args!("looking for the link of device {device}");
        let Some(folder) = folder(device, &tried)? else {
            return Err(Refused::because(
                tried,
                libc::ENODEV,
                "there is no such device: look below /sys/bus",
            ));
        };
        let names = names(&folder).map_err(failed(&tried))?;
        let socket = self.socket(Space::Host, &tried)?;
        let links = link::detailed(socket).map_err(failed(&tried))?;
        let of_it =
            |bus_address: &Option<String>| bus_address.as_ref().is_some_and(|name| names.contains(name));
        let mut all = links.into_iter().filter(|found| of_it(&found.bus_address));
        let Some(found) = all.next() else { return left_to_a_program(&folder, &tried).map(|()| None) };
        if let Some(other) = all.next() {
            let said = format!(
                "it has several ({}, {}, …): say which one by its name",
                found.link.name, other.link.name
            );
            return Err(Refused::because(tried, libc::ENOTUNIQ, &said));
        }
        link::whole(socket, Wanted::Index(found.link.index)).map_err(refused(&tried))
    }
}

/// Whether a device has a link in any namespace.
pub(super) fn has_link(bus_address: &str) -> bool {
    let found = folder(bus_address, &"looking for a device").ok().flatten();
    found.is_some_and(|folder| has_link_below(&folder))
}

fn has_link_below(folder: &Path) -> bool {
    let inner = inner(folder).unwrap_or_default().into_iter().map(|name| folder.join(name));
    std::iter::once(folder.to_owned()).chain(inner).any(|device| device.join("net").exists())
}

/// Whether a device without a link on the node has none since its driver leaves it to programs. Anything else that is asked
/// for would be missing without a word.
fn left_to_a_program(folder: &Path, tried: &dyn Display) -> Result<(), Refused> {
    let driver = target(&folder.join("driver")).map_err(failed(tried))?;
    if driver.as_deref().is_some_and(is_for_userspace) {
        return Ok(());
    }
    if has_link_below(folder) {
        let said = "its link is in another network namespace than the node's, that of another pod perhaps";
        return Err(Refused::because(tried, libc::EBUSY, said));
    }
    let driver = driver.as_deref().unwrap_or("none");
    let said = format!("it has no link, nor is it left to programs: its driver is {driver}");
    Err(Refused::because(tried, libc::ENODEV, said))
}

/// The folder of a device, by its address on some bus or its path; `None` if there is no such device.
fn folder(device: &str, tried: &dyn Display) -> Result<Option<PathBuf>, Refused> {
    let said = "a device is an address on a bus, `0000:03:02.1`, or a path below /sys/devices";
    let no_device = || Refused::because(tried, libc::EINVAL, said);
    if matches!(device, "" | "." | "..") || device.contains('\0') {
        return Err(no_device());
    }
    if device.contains('/') {
        let resolved = present(fs::canonicalize(device)).map_err(failed(tried))?;
        return match resolved {
            Some(folder) if !folder.starts_with(DEVICES) => Err(no_device()),
            None if !Path::new(device).starts_with(DEVICES) => Err(no_device()),
            resolved => Ok(resolved),
        };
    }
    for bus in fs::read_dir(BUSES).map_err(failed(tried))?.flatten() {
        let link = bus.path().join("devices").join(device);
        if let Some(folder) = present(fs::canonicalize(link)).map_err(failed(tried))? {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

fn present(found: io::Result<PathBuf>) -> io::Result<Option<PathBuf>> {
    match found {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// The names that the kernel may say a link's device has.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let own = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(own.into_iter().chain(inner(folder)?).collect())
}

/// The names of the devices inside of a device that have its link.
fn inner(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.starts_with(INNER)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_devices_are_looked_for() {
        for text in ["", ".", "..", "/etc/passwd", "/etc/nothing", "/sys/devices/../../etc", "../x", "a\0"] {
            assert!(folder(text, &"it").is_err(), "{text:?}");
        }
        for text in ["0000:ff:1f.7", "/sys/devices/nothing/here"] {
            assert_eq!(folder(text, &"it").unwrap(), None, "{text}");
        }
    }
}
