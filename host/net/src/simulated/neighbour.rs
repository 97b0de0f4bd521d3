//! Who is where on a link: permanent entries only, since nothing is sent.

use std::net::{IpAddr, Ipv4Addr};

use nix::libc;

use super::no::{Done, No};
use super::space::Namespace;
use crate::MacAddr;

impl Namespace {
    /// Adds an entry, on a link that is up or down.
    pub(super) fn add_neighbour(&mut self, index: u32, address: IpAddr, mac: MacAddr) -> Done {
        let device = self.device_mut(index)?;
        match address {
            IpAddr::V4(_) if !device.speaks_v4() => return Err(libc::EINVAL.into()),
            IpAddr::V6(_) if !device.speaks_v6() => {
                return Err(No::because(libc::EINVAL, "IPv6 is disabled on this device"));
            }
            _ => {}
        }
        if device.neighbours.contains_key(&address) {
            return Err(libc::EEXIST.into());
        }
        // On the loopback everybody is the same to ARP.
        let address = match address {
            IpAddr::V4(_) if device.is_loopback() => Ipv4Addr::UNSPECIFIED.into(),
            address => address,
        };
        device.neighbours.insert(address, mac);
        Ok(())
    }

    /// Tells everybody on a link of addresses; only who has an IPv6 address may tell of it.
    pub(super) fn announce(&self, index: u32, addresses: &[IpAddr]) -> Done {
        let device = self.device(index)?;
        addresses.iter().try_for_each(|address| match address {
            IpAddr::V4(_) if !device.up => Err(libc::ENETDOWN.into()),
            IpAddr::V6(address) if !self.has_v6(*address, index) => Err(libc::EADDRNOTAVAIL.into()),
            _ => Ok(()),
        })
    }
}
