//! Questions and effects, as requests to the simulated kernel.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use nix::libc;

use super::device::{Device, Place};
use super::firewall::Rule;
use super::handle::Simulated;
use super::space::Namespace;
use crate::{
    Backend, Effect, Home, Link, LinkRef, MacAddr, NetnsId, NewLink, Property, Refused, Route, Space,
};

impl Backend for Simulated {
    fn sandbox(&mut self) -> Result<Option<NetnsId>, Refused> {
        let sandbox = self.sandbox.space(Space::Sandbox);
        self.ask(&"identity of the pod's namespace", |world| {
            Ok(world.space(sandbox).ok().map(|space| space.identity.clone()))
        })
    }

    fn links(&mut self, space: Space) -> Result<Vec<Link>, Refused> {
        self.look(space, &"a list of the links", |space| space.links())
    }

    fn link_named(&mut self, space: Space, name: &str) -> Result<Option<Link>, Refused> {
        self.look(space, &format_args!("a look at {name}"), |space| {
            space.index_of(name).and_then(|index| space.device(index).ok()).map(Device::view)
        })
    }

    fn link_at(&mut self, space: Space, index: u32) -> Result<Option<Link>, Refused> {
        self.look(space, &format_args!("a look at link {index}"), |space| {
            space.device(index).ok().map(Device::view)
        })
    }

    fn routes(&mut self, link: &LinkRef) -> Result<Vec<Route>, Refused> {
        self.look(link.space, &format_args!("a list of the routes by {link}"), |space| {
            space.routes_of(link.index).unwrap_or_default()
        })
    }

    fn neighbours(&mut self, link: &LinkRef) -> Result<Vec<(IpAddr, MacAddr)>, Refused> {
        self.look(link.space, &format_args!("a list of the neighbours of {link}"), |space| {
            let device = space.device(link.index).ok();
            device.map(|device| device.neighbours.clone().into_iter().collect()).unwrap_or_default()
        })
    }

    fn home(&mut self, link: &LinkRef) -> Result<Home, Refused> {
        self.ask_in(link.space, &format_args!("a look at {link}"), |space| space.device(link.index).map(home))
    }

    fn link_of_device(&mut self, device: &str) -> Result<Option<Link>, Refused> {
        let wanted = device.rsplit('/').next().unwrap_or(device);
        self.look(Space::Host, &format_args!("a look for device {device}"), |space| {
            let of_device =
                |device: &&Device| device.kind.hardware().is_some_and(|own| own.bus_address == wanted);
            space.devices().find(of_device).map(Device::view)
        })
    }

    fn sysctl(&mut self, space: Space, key: &str) -> Result<String, Refused> {
        self.ask_in(space, &format_args!("a look at {key} {space}"), |space| {
            space.setting(key).map(ToOwned::to_owned)
        })
    }

    fn apply(&mut self, effect: &Effect, deadline: Instant) -> Result<(), Refused> {
        in_time(effect, deadline)?;
        match effect {
            Effect::Veth { inside, outside, mtu } => self.add_veth(effect, [inside, outside], *mtu),
            Effect::Bridge { link, mtu } => self.ensure_bridge(effect, link, *mtu),
            Effect::Move { link, to, name, .. } => self.move_link(effect, link, *to, name),
            Effect::Set { link, property, .. } => self.set(effect, link, property),
            Effect::Sysctl { space, key, value, .. } => {
                self.ask_in(*space, effect, |space| space.set_setting(key, value))
            }
            Effect::Address { link, address, .. } => {
                self.ask_in(link.space, effect, |space| space.add_address(link.index, *address))
            }
            Effect::NoAddress { link, address } => self.drop_address(link, *address),
            Effect::Route { link, route, .. } => {
                self.ask_in(link.space, effect, |space| space.add_route(link.index, route))
            }
            Effect::NoRoute { link, route } => {
                self.ask_in(link.space, effect, |space| space.drop_route(link.index, route))
            }
            Effect::Neighbour { link, address, mac } => {
                self.ask_in(link.space, effect, |space| space.add_neighbour(link.index, *address, *mac))
            }
            Effect::Masquerade { id, address, network } => {
                let rule = Rule::Masquerade { address: *address, network: *network };
                self.ask_in(Space::Host, effect, |space| space.add_rule(id, rule))
            }
            Effect::SpoofCheck { id, port, mac } => self.ask_in(port.space, effect, |space| {
                let port = space.device(port.index)?.name.clone();
                space.add_rule(id, Rule::SpoofCheck { port, mac: *mac })
            }),
            Effect::Announce { link, .. } => {
                self.ask_in(link.space, effect, |space| space.device(link.index).map(|_| ()))
            }
        }
    }

    fn settle(&mut self, link: &LinkRef, deadline: Instant) -> Result<(), Refused> {
        let tried = format_args!("addresses of {link} to settle");
        in_time(&tried, deadline)?;
        self.ask_in(link.space, &tried, |space| space.device(link.index).map(|_| ()))
    }

    fn drop_address(&mut self, link: &LinkRef, address: IpNet) -> Result<(), Refused> {
        let tried = format_args!("address {address} taken off {link}");
        let done = self.ask_in(link.space, &tried, |space| space.drop_address(link.index, address));
        gone_is_good(done)
    }

    fn undo(&mut self, effects: &[&Effect], deadline: Instant) -> Vec<(usize, Refused)> {
        super::undo::undo(self, effects, deadline)
    }

    fn compare(&mut self, effect: &Effect) -> Result<Option<String>, Refused> {
        super::undo::compare(self, effect)
    }
}

impl Simulated {
    /// A question about a namespace; nothing is in one that is gone.
    fn look<T: Default>(
        &mut self,
        space: Space,
        tried: &dyn Display,
        work: impl FnOnce(&Namespace) -> T,
    ) -> Result<T, Refused> {
        let space = self.sandbox.space(space);
        self.ask(tried, |world| Ok(world.space(space).map(work).unwrap_or_default()))
    }

    fn add_veth(&mut self, tried: &Effect, ends: [&NewLink; 2], mtu: Option<u32>) -> Result<(), Refused> {
        let ends = ends.map(|end| (self.sandbox.space(end.space), end));
        self.ask(tried, |world| world.add_veth(ends, mtu))
    }

    /// A bridge that is there is as good; another link of that name is not.
    fn ensure_bridge(&mut self, tried: &Effect, link: &NewLink, mtu: Option<u32>) -> Result<(), Refused> {
        let space = self.sandbox.space(link.space);
        let done = self.ask(tried, |world| world.add_bridge(space, link, mtu));
        match done {
            Err(refused) if refused.errno == Some(libc::EEXIST) => {
                let there = self.link_named(link.space, &link.name)?;
                if there.is_some_and(|there| there.kind == "bridge") { Ok(()) } else { Err(refused) }
            }
            done => done,
        }
    }

    /// Three requests: it leaves its name, its namespace, and gets its new name; or all is as it was.
    fn move_link(&mut self, tried: &Effect, link: &LinkRef, to: Space, name: &str) -> Result<(), Refused> {
        let from = Place { space: self.sandbox.space(link.space), index: link.index };
        let to = self.sandbox.space(to);
        let temporary = format!("mv{}", link.index);
        let before = self.ask(tried, |world| {
            let space = world.space_mut(from.space)?;
            let before = space.device(from.index)?.name.clone();
            space.rename(from.index, &temporary).map(|()| before)
        })?;
        let there = match self.ask(tried, |world| world.relocate(from, to, &temporary)) {
            Ok(there) => there,
            Err(refused) => {
                self.ask(tried, |world| world.space_mut(from.space)?.rename(from.index, &before))?;
                return Err(refused);
            }
        };
        let named = self.ask(tried, |world| world.space_mut(there.space)?.rename(there.index, name));
        if named.is_err() && !self.is_dead() {
            let back = self.ask(tried, |world| world.relocate(there, from.space, &temporary))?;
            self.ask(tried, |world| world.space_mut(back.space)?.rename(back.index, &before))?;
        }
        named
    }

    fn set(&mut self, tried: &Effect, link: &LinkRef, property: &Property) -> Result<(), Refused> {
        let index = link.index;
        self.ask_in(link.space, tried, |space| match property {
            Property::Up(up) => space.set_up(index, *up),
            Property::Mtu(mtu) => space.set_mtu(index, *mtu),
            Property::Mac(mac) => space.set_mac(index, *mac),
            Property::Master(master) => space.set_master(index, *master),
            Property::Promiscuous(on) => space.set_promiscuous(index, *on),
            Property::Hairpin(on) => space.set_hairpin(index, *on),
            Property::Name(name) => space.rename(index, name),
            Property::AlternativeName(name) => space.add_name(index, name),
        })
    }
}

fn home(device: &Device) -> Home {
    let bus_address = device.kind.hardware().map(|factory| factory.bus_address.clone());
    Home {
        name: device.name.clone(),
        up: device.up,
        mtu: device.mtu,
        mac: device.mac.to_string(),
        bus_address,
    }
}

/// Nothing begins after its deadline.
fn in_time(tried: &dyn Display, deadline: Instant) -> Result<(), Refused> {
    if Instant::now() < deadline { Ok(()) } else { Err(Refused::kernel(tried, libc::ETIMEDOUT)) }
}

/// What was to go and is not there.
fn gone_is_good(done: Result<(), Refused>) -> Result<(), Refused> {
    match done {
        Err(refused) if refused.why() == crate::Why::Missing => Ok(()),
        done => done,
    }
}
