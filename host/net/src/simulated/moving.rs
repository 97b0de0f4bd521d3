//! Links that change namespaces, request by request as the kernel's back end does it.

use std::fmt::Display;

use nix::libc;

use super::backend::details;
use super::device::Place;
use super::handle::Simulated;
use crate::effect::{Home, LinkRef, Property, Space};
use crate::link::Details;
use crate::undo::{Moved, Undoing, find};
use crate::{Backend, Refused};

/// A name that is free, chosen by the kernel.
const ANY_NAME: &str = "dev%d";

impl Simulated {
    /// Moved and named with one request; taken back if the name was none or somebody was faster.
    pub(super) fn move_link(
        &mut self,
        tried: &dyn Display,
        link: &LinkRef,
        to: Space,
        name: &str,
        home: &Home,
    ) -> Result<(), Refused> {
        let own = self.link_at(link.space, link.index)?;
        let own = own.is_some_and(|found| found.alternative_names.iter().any(|own| own == name));
        if own || self.link_named(to, name)?.is_some() {
            return Err(Refused::kernel(tried, libc::EEXIST));
        }
        let Err(refused) = self.relocate(tried, link, to, name, None) else { return Ok(()) };
        if self.link_at(link.space, link.index)?.is_none() {
            let macs = vec![home.mac.clone()];
            self.bring_back(&Moved { link, to, name: &home.name, home, macs, former: Vec::new() })?;
        }
        Err(refused)
    }

    fn relocate(
        &mut self,
        tried: &dyn Display,
        link: &LinkRef,
        to: Space,
        name: &str,
        index: Option<u32>,
    ) -> Result<(), Refused> {
        let from = Place { space: self.sandbox.space(link.space), index: link.index };
        let to = self.sandbox.space(to);
        self.ask(tried, |world| world.relocate(from, to, name, index))
    }

    /// Finds a link that was moved, wherever it is by now, and makes it what it was.
    pub(super) fn bring_back(&mut self, moved: &Moved<'_>) -> Result<(), Refused> {
        let tried = format_args!("bringing {} back {}", moved.home.name, moved.link.space);
        let mut stuck = None;
        if let Some(there) = self.search(moved, moved.to)? {
            stuck = self.take_home(&tried, moved, &there).err();
        }
        match self.search(moved, moved.link.space)? {
            Some(here) => self.restore_at_home(&tried, moved, &here),
            None => stuck.map_or(Ok(()), Err),
        }
    }

    fn search(&mut self, moved: &Moved<'_>, space: Space) -> Result<Option<Details>, Refused> {
        let links = self
            .look(space, &"a list of the links", |space| space.devices().map(details).collect::<Vec<_>>())?;
        let is_function = |device: &str| self.node.has_function(device);
        Ok(find(moved, space, &links, is_function).cloned())
    }

    /// To its old namespace, if possible with its old number and name.
    fn take_home(&mut self, tried: &dyn Display, moved: &Moved<'_>, there: &Details) -> Result<(), Refused> {
        let link = LinkRef { space: moved.to, index: there.link.index, name: there.link.name.clone() };
        let home = moved.link.space;
        let number = self.link_at(home, moved.link.index)?.is_none().then_some(moved.link.index);
        let Err(refused) = self.relocate(tried, &link, home, &moved.home.name, number) else { return Ok(()) };
        if refused.errno != Some(libc::EEXIST) || self.link_at(moved.to, link.index)?.is_none() {
            return Err(refused);
        }
        for name in &there.link.alternative_names {
            if self.link_named(home, name)?.is_some() {
                self.drop_name(&link, name)?;
            }
        }
        self.relocate(tried, &link, home, ANY_NAME, number)
    }

    /// Changes what differs.
    fn restore_at_home(
        &mut self,
        tried: &dyn Display,
        moved: &Moved<'_>,
        here: &Details,
    ) -> Result<(), Refused> {
        let (home, now) = (moved.home, &here.link);
        let link = LinkRef { space: moved.link.space, index: now.index, name: now.name.clone() };
        for name in moved.names_of_the_pod(now) {
            self.drop_name(&link, name)?;
        }
        let mut changes = Vec::new();
        if now.mtu != home.mtu {
            changes.push(Property::Mtu(home.mtu));
        }
        if let Some(mac) = moved.mac_to_give_back(now) {
            changes.push(Property::Mac(mac));
        }
        if now.name != home.name {
            changes.push(Property::Name(home.name.clone()));
        }
        if !changes.is_empty() && now.up {
            self.set(tried, &link, &[Property::Up(false)])?;
        }
        if now.promiscuous != home.promiscuous {
            changes.push(Property::Promiscuous(home.promiscuous));
        }
        if now.all_multicast != home.all_multicast {
            changes.push(Property::AllMulticast(home.all_multicast));
        }
        if let Some(packets) = home.tx_queue_length.filter(|packets| *packets != now.tx_queue_length) {
            changes.push(Property::TxQueueLength(packets));
        }
        if !changes.is_empty() || now.up != home.up {
            changes.push(Property::Up(home.up));
            self.set(tried, &link, &changes)?;
        }
        for name in moved.names_to_give_back(now) {
            match self.set(tried, &link, &[Property::AlternativeName(name.clone())]) {
                // Somebody else's by now.
                Err(refused) if refused.errno == Some(libc::EEXIST) => {}
                done => done?,
            }
        }
        Ok(())
    }
}
