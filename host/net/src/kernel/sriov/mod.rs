//! Virtual functions: what their physical function's link says and is told of them.

mod busy;
mod driver;
mod lost;
#[cfg(test)]
mod netdevsim;
mod own_mac;

use std::fmt::Display;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask};
use nix::libc;

use super::link::about;
use super::{Kernel, failed, refused};
use crate::Refused;
use crate::attribute::NESTED;
use crate::effect::{FunctionChange, FunctionRef, PciAddress, Setting, Space};
use crate::link::{self, Details, Wanted};
use crate::netlink::body;
use crate::sriov::{Function, Settings, decode, encode};

impl Kernel {
    /// See [`Backend::function`](crate::Backend::function).
    pub(super) fn function_at(&self, address: &PciAddress) -> Result<Option<Function>, Refused> {
        let tried = format_args!("looking at virtual function {address}");
        let Some(found) = self.sysfs.virtual_function(address).map_err(failed(&tried))? else {
            return Ok(None);
        };
        let links = self.links_of_devices(&tried)?;
        let (physical, settings) = self.settings(&found.place, &links, &tried)?;
        let own = links.iter().find(|link| is_of(link, address)).map(|link| link.link.index);
        let is_on = |link: &&Details| link.below == own && link.namespace.is_none();
        let carries = own.and_then(|_| links.iter().find(is_on)).map(|link| link.link.name.clone());
        let socket = self.socket(Space::Host, &tried)?;
        let whole = |index| link::whole(socket, Wanted::Index(index)).map_err(refused(&tried));
        let link = own.map(whole).transpose()?.flatten();
        let switch = self.sysfs.switch(&physical);
        let confined =
            if found.rdma.is_empty() || self.sysfs.shares_rdma() { Vec::new() } else { found.rdma };
        let (driver, place) = (found.driver, found.place);
        let reserved_for = self.sysfs.reserved_for(address);
        Ok(Some(Function {
            physical,
            settings,
            link,
            carries,
            switch,
            confined,
            driver,
            reserved_for,
            place,
        }))
    }

    /// See [`Backend::functions_of`](crate::Backend::functions_of).
    pub(super) fn functions_by(&self, physical: &str) -> Result<Vec<FunctionRef>, Refused> {
        let tried = format_args!("looking for virtual functions of {physical}");
        let found = self.detailed(Space::Host, Wanted::Name(physical))?;
        let found = found.ok_or_else(|| Refused::kernel(tried, libc::ENODEV))?;
        let device = found.bus_address.and_then(|device| device.parse().ok());
        let device = device.ok_or_else(|| {
            Refused::because(tried, libc::EOPNOTSUPP, "it is the link of no PCI device, and has none")
        })?;
        self.sysfs.virtual_functions(&device).map_err(failed(&tried))
    }

    pub(super) fn change_function(
        &self,
        change: &FunctionChange,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        match change {
            FunctionChange::Set { function, setting: Setting::OwnMac(mac), .. } => {
                self.give_own_mac(function, *mac, tried)
            }
            FunctionChange::Set { function, setting, .. } => self.set_function(function, setting, tried),
            FunctionChange::Driver { address, driver, name, reserved_for, .. } => {
                let only = reserved_for.as_deref();
                self.give_driver(address, driver.as_deref(), name.as_deref(), only, tried)
            }
        }
    }

    fn set_function(
        &self,
        function: &FunctionRef,
        setting: &Setting,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let Some(list) = encode(function.number, setting) else { return Ok(()) };
        let links = self.links_of_devices(tried)?;
        let physical = self.physical(function, &links, tried)?;
        let list = LinkAttribute::Other(DefaultNla::new(libc::IFLA_VFINFO_LIST | NESTED, list));
        let message = about(physical.link.index, vec![list]);
        busy::patiently(self.patience(), || self.change(Space::Host, libc::RTM_SETLINK, 0, &message, tried))
            .map_err(|refused| explained(refused, setting))
    }

    /// What the physical function has set, and its link's name.
    fn settings(
        &self,
        function: &FunctionRef,
        links: &[Details],
        tried: &dyn Display,
    ) -> Result<(String, Settings), Refused> {
        let physical = self.physical(function, links, tried)?;
        let mask = LinkAttribute::ExtMask(vec![LinkExtentMask::Vf, LinkExtentMask::SkipStats]);
        let question = body(&about(physical.link.index, vec![mask]));
        let answer = self.socket(Space::Host, tried)?.get(libc::RTM_GETLINK, &question);
        let (_, told) = answer.map_err(refused(tried))?;
        let found = decode(&told).into_iter().find(|(number, _)| *number == function.number);
        let (_, settings) = found.ok_or_else(|| {
            let said =
                format!("`{}` says nothing of its virtual function {}", physical.link.name, function.number);
            Refused::because(tried, libc::EOPNOTSUPP, said)
        })?;
        Ok((physical.link.name.clone(), settings))
    }

    /// The first link of the physical function.
    fn physical<'a>(
        &self,
        function: &FunctionRef,
        links: &'a [Details],
        tried: &dyn Display,
    ) -> Result<&'a Details, Refused> {
        let device = self.sysfs.device(&function.physical);
        links.iter().find(|link| link.bus_address.as_ref() == Some(&device)).ok_or_else(|| {
            let said = format!(
                "its physical function {} has no link on the node: has somebody moved it to a namespace?",
                function.physical
            );
            Refused::because(tried, libc::ENXIO, said)
        })
    }

    fn links_of_devices(&self, tried: &dyn Display) -> Result<Vec<Details>, Refused> {
        link::detailed(self.socket(Space::Host, tried)?).map_err(failed(tried))
    }
}

fn is_of(link: &Details, address: &PciAddress) -> bool {
    link.bus_address.as_deref() == Some(address.as_str())
}

/// Drivers refuse what their cards can't with all kinds of numbers, and without words.
fn explained(refused: Refused, setting: &Setting) -> Refused {
    let cant =
        matches!(refused.errno, Some(libc::EOPNOTSUPP | libc::EINVAL | libc::EPROTONOSUPPORT | libc::EPERM));
    if !cant {
        return refused;
    }
    let what = match setting {
        Setting::Vlan(_) => "this VLAN, priority or protocol",
        Setting::Rate(_) => {
            "this rate (a lower bound is rarely supported, and no bound may exceed the link's speed)"
        }
        Setting::LinkState(_) => "a link state",
        Setting::Trust(_) => "trust",
        Setting::SpoofCheck(_) => "spoofchk",
        Setting::Mac(_) | Setting::OwnMac(_) => "this MAC",
    };
    let said = format!("{}; the card or its driver does not take {what}", refused.said);
    Refused { said, ..refused }
}
