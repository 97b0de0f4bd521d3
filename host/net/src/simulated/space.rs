//! One network namespace: its links, routes, settings and rules.

use std::collections::BTreeMap;

use nix::libc;

use super::device::{Device, Kind};
use super::firewall::{Key, Rule};
use super::no::{Done, No};
use super::route::Entry;
use super::setting;
use super::traffic;
use crate::{Link, MacAddr, NetnsId, PolicyRule};

/// A namespace's number, never used again: its cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SpaceId(pub(super) u64);

#[derive(Debug, Clone)]
pub(super) struct Namespace {
    pub(super) identity: NetnsId,
    devices: BTreeMap<u32, Device>,
    pub(super) routes: Vec<Entry>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) rules: BTreeMap<Key, Rule>,
    /// IPv4 first, each family by priority.
    pub(super) policy: Vec<PolicyRule>,
    /// It had an IPv4 address, so there is a table of them: without one every destination counts as a broadcast's.
    pub(super) had_v4: bool,
    /// The last index that was chosen and not asked for.
    last_chosen: u32,
}

impl Namespace {
    /// A new one: a loopback that is down.
    pub(super) fn new(identity: NetnsId) -> Self {
        let mut space = Self {
            identity,
            devices: BTreeMap::new(),
            routes: Vec::new(),
            settings: setting::of_a_namespace(),
            rules: BTreeMap::new(),
            policy: traffic::rules_of_a_namespace(),
            had_v4: false,
            last_chosen: 1,
        };
        space.insert(Device::loopback());
        space
    }

    pub(super) fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    pub(super) fn devices_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.devices.values_mut()
    }

    pub(super) fn device(&self, index: u32) -> Done<&Device> {
        self.devices.get(&index).ok_or(No::from(libc::ENODEV))
    }

    pub(super) fn device_mut(&mut self, index: u32) -> Done<&mut Device> {
        self.devices.get_mut(&index).ok_or(No::from(libc::ENODEV))
    }

    /// A link appears, with the settings of new ones.
    pub(super) fn insert(&mut self, mut device: Device) {
        device.settings = setting::of_a_link(&self.settings);
        self.devices.insert(device.index, device);
    }

    /// A link disappears, and with it all that it is to others here.
    pub(super) fn remove(&mut self, index: u32) -> Done<Device> {
        let device = self.device(index)?;
        let port = device.port.clone();
        for other in self.devices.values_mut() {
            other.port.take_if(|port| port.master == index && port.switch.is_some());
        }
        let left = |other: &&Device| other.port.as_ref().is_some_and(|port| port.master == index);
        let ports: Vec<_> = self.devices().filter(left).map(|other| other.index).collect();
        for port in ports {
            self.set_master(port, None)?;
        }
        self.routes.retain(|route| route.link != index);
        let mut device = self.devices.remove(&index).ok_or(No::from(libc::ENODEV))?;
        (device.port, device.limit, device.redirect) = (None, None, None);
        self.way_gone(index);
        if let Some(port) = port {
            self.follow_ports(port.master);
        }
        // Routes by other links may have had an address of this one as their source.
        for address in std::mem::take(&mut device.v4) {
            self.source_gone(address.net.addr());
        }
        Ok(device)
    }

    /// An index that no link here has, as the kernel chooses it: the next one.
    pub(super) fn choose_index(&mut self) -> u32 {
        loop {
            self.last_chosen = self.last_chosen.checked_add(1).unwrap_or(1);
            if !self.devices.contains_key(&self.last_chosen) {
                return self.last_chosen;
            }
        }
    }

    pub(super) fn links(&self) -> Vec<Link> {
        self.devices().map(Device::view).collect()
    }

    /// Administratively up or down: what the kernel adds and drops by itself.
    pub(super) fn set_up(&mut self, index: u32, up: bool) -> Done {
        let device = self.device_mut(index)?;
        if device.up == up {
            return Ok(());
        }
        device.up = up;
        if up {
            self.came_up_v4(index);
            self.came_up_v6(index);
        } else {
            device.neighbours.clear();
            self.went_down_v4(index);
            self.lose_v6(index);
        }
        Ok(())
    }

    /// Another MTU, and with it no IP any more if it is too small. A bridge follows.
    pub(super) fn set_mtu(&mut self, index: u32, mtu: u32) -> Done {
        let device = self.device_mut(index)?;
        if !device.kind.mtus().contains(&mtu) {
            let small = mtu < *device.kind.mtus().start();
            return Err(No::because(
                libc::EINVAL,
                if small { "mtu less than device minimum" } else { "mtu greater than device maximum" },
            ));
        }
        let before = std::mem::replace(&mut device.mtu, mtu);
        if before == mtu {
            return Ok(());
        }
        if let Kind::Bridge { mtu_chosen, .. } = &mut device.kind {
            *mtu_chosen = true;
        }
        self.mtu_changed(index, before);
        Ok(())
    }

    /// What follows from another MTU.
    pub(super) fn mtu_changed(&mut self, index: u32, before: u32) {
        let Ok(device) = self.device(index) else { return };
        let (mtu, speaks_v4) = (device.mtu, device.speaks_v4());
        let bridge = device.port.as_ref().map(|port| port.master);
        if !speaks_v4 {
            self.lose_v4(index);
        }
        if mtu < 1280 {
            self.lose_v6(index);
        } else {
            self.mtu_changed_v6(index, before, mtu);
        }
        if let Some(bridge) = bridge {
            self.follow_ports(bridge);
        }
    }

    /// Another hardware address. Neighbours are forgotten, even if it is the one that it had.
    pub(super) fn set_mac(&mut self, index: u32, mac: MacAddr) -> Done {
        let device = self.device_mut(index)?;
        check_mac(mac)?;
        device.mac = mac;
        device.neighbours.clear();
        Ok(())
    }

    pub(super) fn set_promiscuous(&mut self, index: u32, on: bool) -> Done {
        self.device_mut(index)?.promiscuous = on;
        Ok(())
    }
}

/// No link has the address of a group, or none (`is_valid_ether_addr`).
pub(super) fn check_mac(mac: MacAddr) -> Done {
    let group = mac.0.first().is_some_and(|first| first & 1 != 0);
    if group || mac == MacAddr([0; 6]) { Err(libc::EADDRNOTAVAIL.into()) } else { Ok(()) }
}
