//! Cards with virtual functions: what their physical function has set of them, and their drivers.
//!
//! Simulated is a card that takes every setting, unless a test says otherwise. A function whose address was assigned has
//! to be trusted to change it (`EADDRNOTAVAIL` else), as with most cards.

use std::collections::BTreeMap;
use std::fmt::Display;

use nix::libc;

use super::device::{Device, Factory, Place};
use super::handle::Simulated;
use super::no::{Done, No};
use super::node::Node;
use super::world::{HOST, World};
use crate::effect::{FunctionChange, FunctionRef, MacAddr, PciAddress, Property, Setting, Space};
use crate::sriov::{Function, Settings, sysfs};
use crate::{LinkRef, Refused};

/// What drives functions for the kernel.
const DRIVER: &str = "simulatedvf";

/// A virtual function of a card that a test puts into a node.
#[derive(Debug, Clone, Copy)]
pub struct Virtual<'a> {
    /// Where on the bus.
    pub address: &'a str,
    /// Its link's name.
    pub name: &'a str,
    /// Its link's address.
    pub mac: MacAddr,
}

/// What becomes of a kind of setting.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    like: Setting,
    errno: i32,
}

#[derive(Debug, Clone)]
struct Inside {
    place: FunctionRef,
    settings: Settings,
    driver: Option<String>,
    reserved_for: Option<String>,
    switch: Option<String>,
    confined: Vec<String>,
    factory: Factory,
    refusals: Vec<Refusal>,
}

/// The virtual functions of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Cards(BTreeMap<PciAddress, Inside>);

impl Cards {
    /// As their drivers find them.
    pub(super) fn reset(mut self) -> Self {
        for inside in self.0.values_mut() {
            inside.settings = fresh();
            inside.driver = Some(DRIVER.to_owned());
            inside.reserved_for = None;
        }
        self
    }

    /// Hardware whose link is not there, since programs have it.
    pub(super) fn without_links(&self) -> impl Iterator<Item = Factory> {
        let without = self.0.values().filter(|inside| inside.driver.as_deref() != Some(DRIVER));
        without.map(|inside| inside.factory.clone())
    }

    pub(super) fn dump(&self) -> impl Iterator<Item = String> {
        self.0.values().map(|Inside { place, settings, driver, .. }| {
            let (driver, mac) = (driver.as_deref().unwrap_or("none"), settings.mac);
            let told = [
                Some(Setting::Vlan(settings.vlan)),
                Some(Setting::Rate(settings.rate)),
                settings.spoof_check.map(Setting::SpoofCheck),
                settings.trust.map(Setting::Trust),
                Some(Setting::LinkState(settings.link_state)),
            ];
            let told: Vec<_> = told.into_iter().flatten().map(|setting| setting.to_string()).collect();
            let address = &place.address;
            format!("{}: function@{address} driver {driver} assigned {mac} {}", HOST.0, told.join(", "))
        })
    }

    fn get(&self, address: &PciAddress) -> Done<&Inside> {
        self.0.get(address).ok_or(No::from(libc::ENODEV))
    }

    /// The function that a device is, if it is one.
    fn of_device(&self, device: &str) -> Option<&Inside> {
        self.0.get(&device.parse().ok()?)
    }

    fn get_mut(&mut self, address: &PciAddress) -> Done<&mut Inside> {
        self.0.get_mut(address).ok_or(No::from(libc::ENODEV))
    }
}

fn fresh() -> Settings {
    Settings { spoof_check: Some(true), trust: Some(false), ..Settings::default() }
}

impl Node {
    /// A card whose physical function has the link `name`, with virtual functions numbered as they are given.
    ///
    /// # Errors
    /// A name is taken (`EEXIST`) or too long (`ERANGE`), or an address is none (`EINVAL`).
    pub fn card(
        &self,
        name: &str,
        physical: &str,
        mac: MacAddr,
        virtuals: &[Virtual<'_>],
    ) -> Result<(), Refused> {
        self.hardware(name, physical, mac)?;
        let address = |text: &str| {
            text.parse::<PciAddress>()
                .map_err(|error| Refused::because(text, libc::EINVAL, error.to_string()))
        };
        let physical = address(physical)?;
        for (number, one) in (0..).zip(virtuals) {
            self.hardware(one.name, one.address, one.mac)?;
            let place = FunctionRef { address: address(one.address)?, physical: physical.clone(), number };
            let MacAddr(mac) = one.mac;
            let factory = Factory { bus_address: one.address.to_owned(), name: one.name.to_owned(), mac };
            let driver = Some(DRIVER.to_owned());
            let inside = Inside {
                settings: fresh(),
                driver,
                reserved_for: None,
                switch: None,
                confined: Vec::new(),
                factory,
                refusals: Vec::new(),
                place: place.clone(),
            };
            self.world().cards.0.insert(place.address, inside);
        }
        Ok(())
    }

    /// From now on the card refuses settings of this kind for a function, with this number.
    pub fn card_refuses(&self, address: &PciAddress, like: Setting, errno: i32) {
        if let Ok(inside) = self.world().cards.get_mut(address) {
            inside.refusals.push(Refusal { like, errno });
        }
    }

    /// Somebody says that a function is for one driver alone.
    pub fn reserve_function(&self, address: &PciAddress, driver: &str) {
        if let Ok(inside) = self.world().cards.get_mut(address) {
            inside.reserved_for = Some(driver.to_owned());
        }
    }

    /// Whether a device is a virtual function.
    pub(super) fn has_function(&self, device: &str) -> bool {
        self.world().cards.of_device(device).is_some()
    }

    /// The card of a function is in the mode `switchdev`.
    pub fn plug_into_switch(&self, address: &PciAddress, switch: &str) {
        if let Ok(inside) = self.world().cards.get_mut(address) {
            inside.switch = Some(switch.to_owned());
        }
    }

    /// A function has an RDMA device, and the node's are each in one namespace alone.
    pub fn confine_rdma(&self, address: &PciAddress, device: &str) {
        if let Ok(inside) = self.world().cards.get_mut(address) {
            inside.confined.push(device.to_owned());
        }
    }

    /// Somebody else gives a function another setting.
    pub fn set_function(&self, address: &PciAddress, setting: &Setting) {
        if let Ok(inside) = self.world().cards.get_mut(address) {
            put(&mut inside.settings, setting);
        }
    }
}

impl Simulated {
    pub(super) fn function_at(&mut self, address: &PciAddress) -> Result<Option<Function>, Refused> {
        let tried = format_args!("looking at virtual function {address}");
        self.ask(&tried, |world| {
            let Ok(inside) = world.cards.get(address) else { return Ok(None) };
            let physical = world.of_bus(inside.place.physical.as_str()).ok_or(No::from(libc::ENXIO))?;
            Ok(Some(Function {
                place: inside.place.clone(),
                physical: physical.name.clone(),
                driver: inside.driver.clone(),
                reserved_for: inside.reserved_for.clone(),
                switch: inside.switch.clone(),
                confined: inside.confined.clone(),
                settings: inside.settings,
                link: world.of_bus(address.as_str()).map(Device::view),
                carries: world.on_function(address.as_str()),
            }))
        })
    }

    pub(super) fn functions_by(&mut self, physical: &str) -> Result<Vec<FunctionRef>, Refused> {
        self.ask(&format_args!("looking for virtual functions of {physical}"), |world| {
            let host = world.space(HOST)?;
            let index = host.index_of(physical).ok_or(No::from(libc::ENODEV))?;
            let device = host.device(index)?.kind.hardware().ok_or(No::from(libc::EOPNOTSUPP))?;
            let of_it = |place: &&FunctionRef| place.physical.as_str() == device.bus_address;
            let places = world.cards.0.values().map(|inside| &inside.place);
            let mut found: Vec<_> = places.filter(of_it).cloned().collect();
            found.sort_by_key(|place| place.number);
            Ok(found)
        })
    }

    pub(super) fn change_function(
        &mut self,
        change: &FunctionChange,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        match change {
            FunctionChange::Set { function, setting: Setting::OwnMac(mac), .. } => {
                let found = self.function_at(&function.address)?.and_then(|found| found.link);
                let link = found.ok_or_else(|| Refused::kernel(tried, libc::ENODEV))?;
                let link = LinkRef::to(Space::Host, &link);
                self.set(tried, &link, &[Property::Mac(*mac)])
            }
            FunctionChange::Set { function, setting, .. } => {
                self.ask(tried, |world| world.cards.get_mut(&function.address)?.set(setting))
            }
            FunctionChange::Driver { address, driver, name, reserved_for, .. } => self.ask(tried, |world| {
                world.give_driver(address, driver.as_deref(), name.as_deref())?;
                let for_programs = driver.clone().filter(|driver| sysfs::is_for_userspace(driver));
                world.cards.get_mut(address)?.reserved_for = for_programs.or_else(|| reserved_for.clone());
                Ok(())
            }),
        }
    }
}

impl Inside {
    fn set(&mut self, setting: &Setting) -> Done {
        self.refuses(setting)?;
        let within = match setting {
            Setting::Vlan(vlan) => vlan.id < 4095 && vlan.qos < 8,
            Setting::Rate(rate) => rate.max == 0 || rate.min <= rate.max,
            _ => true,
        };
        if !within {
            return Err(libc::EINVAL.into());
        }
        put(&mut self.settings, setting);
        Ok(())
    }

    fn refuses(&self, setting: &Setting) -> Done {
        let kind = std::mem::discriminant(setting);
        let found = self.refusals.iter().find(|refusal| std::mem::discriminant(&refusal.like) == kind);
        found.map_or(Ok(()), |refusal| Err(refusal.errno.into()))
    }
}

fn put(settings: &mut Settings, setting: &Setting) {
    match setting {
        Setting::Mac(mac) => settings.mac = *mac,
        Setting::Vlan(vlan) => settings.vlan = *vlan,
        Setting::Rate(rate) => settings.rate = *rate,
        Setting::SpoofCheck(on) => settings.spoof_check = Some(*on),
        Setting::Trust(on) => settings.trust = Some(*on),
        Setting::LinkState(state) => settings.link_state = *state,
        Setting::OwnMac(_) => {}
    }
}

impl World {
    /// The node's link of a device.
    fn of_bus(&self, address: &str) -> Option<&Device> {
        let of_it = |device: &&Device| device.kind.hardware().is_some_and(|own| own.bus_address == address);
        self.space(HOST).ok()?.devices().find(of_it)
    }

    /// Whether a device is a function whose driver leaves it to programs.
    pub(super) fn is_left_to_programs(&self, device: &str) -> bool {
        let driver = self.cards.of_device(device).and_then(|inside| inside.driver.as_deref());
        driver.is_some_and(sysfs::is_for_userspace)
    }

    /// A link of the node's that is on a device's, by name.
    fn on_function(&self, address: &str) -> Option<String> {
        let index = self.of_bus(address)?.index;
        let mut children = self.children(Place { space: HOST, index }).into_iter();
        let child = children.find(|child| child.space == HOST)?;
        Some(self.space(HOST).ok()?.device(child.index).ok()?.name.clone())
    }

    /// Whether a link's hardware lets it have another address.
    pub(super) fn may_change_mac(&self, place: Place, mac: MacAddr) -> Done {
        let device = self.space(place.space)?.device(place.index)?;
        let factory = device.kind.hardware();
        let Some(inside) = factory.and_then(|factory| self.cards.of_device(&factory.bus_address)) else {
            return Ok(());
        };
        inside.refuses(&Setting::OwnMac(mac))?;
        let assigned = inside.settings.mac != MacAddr::default();
        if assigned && inside.settings.trust != Some(true) { Err(libc::EADDRNOTAVAIL.into()) } else { Ok(()) }
    }

    /// The link goes with a driver of the kernel, wherever it is, and comes with one.
    fn give_driver(&mut self, address: &PciAddress, driver: Option<&str>, name: Option<&str>) -> Done {
        let inside = self.cards.get(address)?.clone();
        if driver.is_some_and(|driver| driver != DRIVER && !sysfs::is_for_userspace(driver)) {
            return Err(libc::ENODEV.into());
        }
        if inside.driver.as_deref() == driver {
            return Ok(());
        }
        let is_it = |device: &Device| {
            device.kind.hardware().is_some_and(|factory| factory.bus_address == inside.factory.bus_address)
        };
        let links = self.spaces().flat_map(|(space, links)| links.devices().map(move |link| (space, link)));
        let found = links.filter(|(_, link)| is_it(link)).map(|(space, link)| (space, link.index)).next();
        if let Some((space, index)) = found {
            self.space_mut(space)?.remove(index)?;
        }
        self.cards.get_mut(address)?.driver = driver.map(ToOwned::to_owned);
        if driver == Some(DRIVER) {
            let index = self.add_hardware(HOST, inside.factory)?;
            if let Some(name) = name {
                self.space_mut(HOST)?.rename(index, name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
