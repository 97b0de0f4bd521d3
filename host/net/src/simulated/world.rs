//! All namespaces of a node, and what crosses between them: veth pairs, moves, a namespace's end.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use nix::libc;

use super::device::{Device, Factory, Kind, Place};
use super::names;
use super::no::{Done, No};
use super::space::{Namespace, SpaceId, check_mac};
use super::sriov::Cards;
use crate::{BootId, LinkKind, MacAddr, NetnsId, NewLink};

/// The node's own namespace.
pub(super) const HOST: SpaceId = SpaceId(1);
/// What links have that nobody gave another.
pub(super) const ETHERNET: u32 = 1500;
/// The MTUs that most of them can have.
const USUAL: RangeInclusive<u32> = 68..=65535;

/// The state of a simulated kernel.
#[derive(Debug)]
pub(super) struct World {
    boots: u64,
    spaces: BTreeMap<SpaceId, Namespace>,
    /// The last cookie given.
    last: u64,
    pub(super) cards: Cards,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self { boots: 1, spaces: BTreeMap::new(), last: HOST.0 - 1, cards: Cards::default() };
        world.add_space();
        world
    }

    /// Everything is gone but the hardware, which is at home as its driver makes it.
    pub(super) fn reboot(&mut self) {
        let links = self.spaces.values().flat_map(Namespace::devices);
        let mut hardware: Vec<_> = links.filter_map(|device| device.kind.hardware().cloned()).collect();
        hardware.extend(self.cards.without_links());
        hardware.sort();
        let cards = std::mem::take(&mut self.cards).reset();
        *self = Self { boots: self.boots + 1, last: self.last, cards, ..Self::new() };
        for factory in hardware {
            // Nobody else has a name here.
            let _ = self.add_hardware(HOST, factory);
        }
    }

    /// A new, empty namespace.
    pub(super) fn add_space(&mut self) -> SpaceId {
        self.last += 1;
        let boot = BootId::named(format!("simulated boot {}", self.boots));
        let identity = NetnsId { boot, cookie: self.last, inode: 0xf000_0000 + self.last, device: 4 };
        self.spaces.insert(SpaceId(self.last), Namespace::new(identity));
        SpaceId(self.last)
    }

    /// A namespace; `ENOENT` if it is gone.
    pub(super) fn space(&self, space: SpaceId) -> Done<&Namespace> {
        self.spaces.get(&space).ok_or(No::from(libc::ENOENT))
    }

    pub(super) fn space_mut(&mut self, space: SpaceId) -> Done<&mut Namespace> {
        self.spaces.get_mut(&space).ok_or(No::from(libc::ENOENT))
    }

    pub(super) fn spaces(&self) -> impl Iterator<Item = (SpaceId, &Namespace)> {
        self.spaces.iter().map(|(id, space)| (*id, space))
    }

    /// Two links, or none. The kernel looks at the first one's number, makes the second one, and then the first.
    pub(super) fn add_veth(&mut self, ends: [(SpaceId, &NewLink); 2], mtu: Option<u32>) -> Done {
        let mtu = mtu.unwrap_or(ETHERNET);
        let [first, second] = ends;
        self.check_new(first.0, first.1, mtu, &USUAL)?;
        names::check_length(&second.1.name)?;
        check_mac(second.1.mac)?;
        let other_home = self.space(second.0)?;
        if other_home.has_name(&second.1.name) {
            return Err(libc::EEXIST.into());
        }
        if other_home.device(second.1.index).is_ok() {
            return Err(libc::EBUSY.into());
        }
        self.check_name(first.0, &first.1.name)?;
        if first.0 == second.0 && first.1.name == second.1.name {
            return Err(libc::EEXIST.into());
        }
        if first.0 == second.0 && first.1.index == second.1.index {
            return Err(libc::EBUSY.into());
        }
        for ((space, end), (peer_space, peer)) in [(first, second), (second, first)] {
            let kind = Kind::Veth { peer: Place { space: peer_space, index: peer.index } };
            self.space_mut(space)?.insert(Device::new(end.index, &end.name, end.mac, mtu, kind));
        }
        Ok(())
    }

    /// Removes a link, and what goes with it.
    fn remove(&mut self, place: Place) -> Done {
        for child in self.children(place) {
            self.space_mut(child.space)?.remove(child.index)?;
        }
        self.space_mut(place.space)?.remove(place.index).map(drop)
    }

    pub(super) fn add_bridge(
        &mut self,
        space: SpaceId,
        link: &NewLink,
        mtu: Option<u32>,
        vlans: bool,
    ) -> Done {
        let mtu = mtu.unwrap_or(ETHERNET);
        self.check_new(space, link, mtu, &USUAL)?;
        self.check_name(space, &link.name)?;
        let kind = Kind::Bridge { mtu_chosen: false, vlans };
        self.space_mut(space)?.insert(Device::new(link.index, &link.name, link.mac, mtu, kind));
        Ok(())
    }

    /// A link with a device on a bus, as a driver makes it; its index.
    pub(super) fn add_hardware(&mut self, space: SpaceId, factory: Factory) -> Done<u32> {
        self.check_name(space, &factory.name)?;
        let home = self.space_mut(space)?;
        let index = home.choose_index();
        let (name, mac) = (factory.name.clone(), MacAddr(factory.mac));
        home.insert(Device::new(index, &name, mac, ETHERNET, Kind::Hardware(factory)));
        Ok(index)
    }

    /// What is looked at before anything is made.
    pub(super) fn check_new(
        &self,
        space: SpaceId,
        link: &NewLink,
        mtu: u32,
        mtus: &RangeInclusive<u32>,
    ) -> Done {
        names::check_length(&link.name)?;
        if self.space(space)?.device(link.index).is_ok() {
            return Err(libc::EEXIST.into());
        }
        check_mac(link.mac)?;
        if mtus.contains(&mtu) { Ok(()) } else { Err(libc::EINVAL.into()) }
    }

    pub(super) fn check_name(&self, space: SpaceId, name: &str) -> Done {
        if self.space(space)?.has_name(name) { Err(libc::EEXIST.into()) } else { Ok(()) }
    }

    /// Deletes a link, and with one end of a veth pair the other.
    pub(super) fn delete(&mut self, place: Place) -> Done {
        let device = self.space(place.space)?.device(place.index)?;
        match device.kind.clone() {
            Kind::Loopback | Kind::Hardware(_) => return Err(libc::EOPNOTSUPP.into()),
            Kind::Bridge { .. } | Kind::Made { .. } => {}
            Kind::Veth { peer } => self.remove(peer)?,
        }
        self.remove(place)
    }

    /// Takes a link to another namespace, down and without addresses, and names it there. Its number there is `index`,
    /// or else its own if that is free. A name that it can't have leaves it there under the one that it had
    /// (`do_setlink`). `dev%d` stands for a name that is free.
    pub(super) fn relocate(&mut self, from: Place, to: SpaceId, name: &str, index: Option<u32>) -> Done {
        names::check_length(name)?;
        let device = self.space(from.space)?.device(from.index)?;
        let target = self.space(to)?;
        let name = if name.contains("%d") { &target.choose_name(name) } else { name };
        if from.space == to {
            return self.space_mut(to)?.rename(from.index, name);
        }
        if matches!(
            device.kind,
            Kind::Loopback | Kind::Bridge { .. } | Kind::Made { kind: LinkKind::Vrf { .. }, .. }
        ) {
            return Err(No::because(libc::EINVAL, "The interface netns is immutable"));
        }
        let there = if target.has_name(&device.name) {
            self.check_name(to, name)?;
            name.to_owned()
        } else {
            device.name.clone()
        };
        if device.alternative_names.iter().any(|other| target.has_name(other)) {
            return Err(No::because(
                libc::EEXIST,
                "An interface with the altname exists in the target netns",
            ));
        }
        if index.is_some_and(|index| target.device(index).is_ok()) {
            return Err(libc::EBUSY.into());
        }
        let place = self.carry(from, to, there, index)?;
        self.space_mut(to)?.rename(place.index, name)
    }

    /// Where it is then.
    fn carry(&mut self, from: Place, to: SpaceId, name: String, index: Option<u32>) -> Done<Place> {
        let mut device = self.space_mut(from.space)?.remove(from.index)?;
        let target = self.space_mut(to)?;
        device.index = match index {
            Some(index) => index,
            None if target.device(device.index).is_ok() => target.choose_index(),
            None => device.index,
        };
        let place = Place { space: to, index: device.index };
        for child in self.children(from) {
            if let Kind::Made { parent: Some(parent), .. } =
                &mut self.space_mut(child.space)?.device_mut(child.index)?.kind
            {
                parent.place = place;
            }
        }
        let target = self.space_mut(to)?;
        device.name = name;
        device.up = false;
        device.v6.clear();
        device.neighbours.clear();
        let peer = device.kind.peer();
        target.insert(device);
        if let Some(peer) = peer
            && let Kind::Veth { peer } = &mut self.space_mut(peer.space)?.device_mut(peer.index)?.kind
        {
            *peer = place;
        }
        Ok(place)
    }

    /// A namespace's last process is gone: virtual links go with it, hardware goes home to the node.
    pub(super) fn end(&mut self, space: SpaceId) -> Done {
        let links: Vec<_> =
            self.space(space)?.devices().map(|device| (device.index, device.kind.clone())).collect();
        for (index, kind) in links {
            let place = Place { space, index };
            match kind {
                Kind::Loopback => {}
                Kind::Hardware(_) => self.send_home(place)?,
                // One end takes the other along, which may be here as well.
                _ if self.space(space)?.device(index).is_err() => {}
                Kind::Veth { .. } | Kind::Made { .. } | Kind::Bridge { .. } => self.delete(place)?,
            }
        }
        self.spaces.remove(&space);
        Ok(())
    }

    /// Under its own name if that is free, else under the kernel's fallback. Alternative names that are taken by then
    /// are lost.
    fn send_home(&mut self, place: Place) -> Done {
        let device = self.space(place.space)?.device(place.index)?;
        let fallback = format!("dev{}", device.index);
        let home = self.space(HOST)?;
        let name = if home.has_name(&device.name) { fallback } else { device.name.clone() };
        let names = device.alternative_names.iter().filter(|name| !home.has_name(name));
        let names: Vec<_> = names.cloned().collect();
        self.space_mut(place.space)?.device_mut(place.index)?.alternative_names = names;
        self.carry(place, HOST, name, None).map(|_| ())
    }
}
