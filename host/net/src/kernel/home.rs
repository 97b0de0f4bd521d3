//! Bringing a moved link home.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_route::link::{LinkAttribute, LinkFlags};
use nix::libc;

use super::link::{about, flag};
use super::{Kernel, LONG, device, failed};
use crate::Refused;
use crate::effect::{LinkRef, Property, Space};
use crate::link::{self, Details, Wanted};
use crate::undo::{Moved, find};

/// The kernel sends hardware home some time after the end of its namespace.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);
/// A name that is free, chosen by the kernel as it does for hardware whose namespace ends.
const ANY_NAME: &str = "dev%d";

impl Kernel {
    /// Finds a link that was moved, wherever it is by now, and makes it what it was. One that is nowhere went with its
    /// namespace, or with its device.
    pub(super) fn bring_back(&mut self, moved: &Moved<'_>) -> Result<(), Refused> {
        let tried = format_args!("bringing {} back {}", moved.home.name, moved.link.space);
        let mut stuck = None;
        if let Some(there) = self.search(moved, moved.to, &tried)? {
            stuck = self.take_home(moved, &there, &tried).err();
        }
        match self.await_at_home(moved, &tried)? {
            // Home under another name is better than lost with the pod.
            Some(here) => self.restore_at_home(moved, &here, &tried),
            None => stuck.map_or(Ok(()), Err),
        }
    }

    fn search(
        &self,
        moved: &Moved<'_>,
        space: Space,
        tried: &dyn Display,
    ) -> Result<Option<Details>, Refused> {
        if self.is_gone(space) {
            return Ok(None);
        }
        let links = link::detailed(self.socket(space, tried)?).map_err(failed(tried))?;
        let is_function = |device: &str| {
            let address = device.parse().ok();
            address.is_some_and(|address| {
                self.sysfs.virtual_function(&address).is_ok_and(|found| found.is_some())
            })
        };
        Ok(find(moved, space, &links, is_function).cloned())
    }

    /// Takes it to its old namespace, if possible with its old number and name.
    fn take_home(&mut self, moved: &Moved<'_>, there: &Details, tried: &dyn Display) -> Result<(), Refused> {
        let link = LinkRef { space: moved.to, index: there.link.index, name: there.link.name.clone() };
        let home = moved.link.space;
        let number = self.details(home, moved.link.index)?.is_none().then_some(moved.link.index);
        let names = &there.link.alternative_names;
        self.carry(&link, home, (&moved.home.name, names), number, tried)
    }

    /// Takes a link to another namespace, under this name if it can have that there.
    pub(super) fn carry(
        &mut self,
        link: &LinkRef,
        to: Space,
        (name, others): (&str, &[String]),
        number: Option<u32>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let Err(refused) = self.relocate(link, to, name, number, tried) else { return Ok(()) };
        if refused.errno != Some(libc::EEXIST) || self.details(link.space, link.index)?.is_none() {
            return Err(refused);
        }
        // A name that it got in the pod, or its own, is somebody else's there.
        for name in others {
            if self.detailed(to, Wanted::Name(name))?.is_some() {
                self.delete_name(link, name, tried)?;
            }
        }
        self.relocate(link, to, ANY_NAME, number, tried)
    }

    /// Looks for it at home. Hardware that is in no namespace we know of may be on its way.
    fn await_at_home(&self, moved: &Moved<'_>, tried: &dyn Display) -> Result<Option<Details>, Refused> {
        let begun = Instant::now();
        let end = self.deadline.unwrap_or(begun + LONG).min(begun + PATIENCE);
        loop {
            if let Some(here) = self.search(moved, moved.link.space, tried)? {
                return Ok(Some(here));
            }
            match &moved.home.bus_address {
                Some(device) if device::has_link(device) => {}
                _ => return Ok(None),
            }
            if Instant::now() >= end {
                let said =
                    "its device has a link in a namespace that we don't know, which may be about to end";
                return Err(Refused::because(tried, libc::EBUSY, said));
            }
            sleep(PAUSE);
        }
    }

    /// Changes what differs.
    fn restore_at_home(&self, moved: &Moved<'_>, here: &Details, tried: &dyn Display) -> Result<(), Refused> {
        let (home, now) = (moved.home, &here.link);
        let link = LinkRef { space: moved.link.space, index: now.index, name: now.name.clone() };
        for name in moved.names_of_the_pod(now) {
            self.delete_name(&link, name, tried)?;
        }
        let mut message = about(now.index, Vec::new());
        if now.mtu != home.mtu {
            message.attributes.push(LinkAttribute::Mtu(home.mtu));
        }
        if let Some(mac) = moved.mac_to_give_back(now) {
            message.attributes.push(LinkAttribute::Address(mac.0.to_vec()));
        }
        if now.name != home.name {
            message.attributes.push(LinkAttribute::IfName(home.name.clone()));
        }
        let changed = !message.attributes.is_empty();
        let mut more = now.up != home.up;
        for (what, is, was) in [
            (LinkFlags::Promisc, now.promiscuous, home.promiscuous),
            (LinkFlags::Allmulti, now.all_multicast, home.all_multicast),
        ] {
            if is != was {
                flag(&mut message, what, was);
                more = true;
            }
        }
        if let Some(packets) = home.tx_queue_length.filter(|packets| *packets != now.tx_queue_length) {
            message.attributes.push(LinkAttribute::TxQueueLen(packets));
            more = true;
        }
        if changed && now.up {
            // Before Linux 6.2 a link that is up keeps its name, and some drivers their address.
            let mut down = about(now.index, Vec::new());
            flag(&mut down, LinkFlags::Up, false);
            self.change(moved.link.space, libc::RTM_SETLINK, 0, &down, tried)?;
        }
        if changed || more {
            flag(&mut message, LinkFlags::Up, home.up);
            self.change(moved.link.space, libc::RTM_SETLINK, 0, &message, tried)?;
        }
        for name in moved.names_to_give_back(now) {
            match self.set(&link, &Property::AlternativeName(name.clone()), tried) {
                // Somebody else's by now.
                Err(refused) if refused.errno == Some(libc::EEXIST) => {}
                done => done?,
            }
        }
        Ok(())
    }
}
