//! Questions and effects, as requests to the simulated kernel.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use nix::libc;

use super::device::{Device, Kind, Place};
use super::firewall::Rule;
use super::handle::Simulated;
use super::no::{Done, No};
use super::space::Namespace;
use crate::link::Details;
use crate::sriov::Function;
use crate::{
    Backend, Effect, FunctionRef, Home, Link, LinkKind, LinkRef, MacAddr, NetnsId, NewLink, PciAddress,
    PolicyRule, PortVlans, Property, Refused, Route, Space, compare, undo,
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
        let here = self.sandbox.space(Space::Host);
        let of_device =
            |device: &&Device| device.kind.hardware().is_some_and(|own| own.bus_address == wanted);
        self.ask(&format_args!("looking for the link of device {device}"), |world| {
            let found = |space: &Namespace| space.devices().find(of_device).map(Device::view);
            if let Some(link) = world.space(here).ok().and_then(found) {
                return Ok(Some(link));
            }
            let elsewhere = world.spaces().any(|(_, space)| found(space).is_some());
            match world.is_left_to_programs(wanted) {
                true => Ok(None),
                false => Err(No::from(if elsewhere { libc::EBUSY } else { libc::ENODEV })),
            }
        })
    }

    fn sysctl(&mut self, space: Space, key: &str) -> Result<String, Refused> {
        self.ask_in(space, &format_args!("a look at {key} {space}"), |space| {
            space.setting(key).map(ToOwned::to_owned)
        })
    }

    fn vrfs(&mut self) -> Result<Vec<(Link, u32)>, Refused> {
        self.look(Space::Sandbox, &"a list of the links", |space| {
            let all = space.devices().map(details);
            all.filter_map(|found| Some((found.link, found.table?))).collect()
        })
    }

    fn tells_vlans_apart(&mut self, bridge: &LinkRef) -> Result<bool, Refused> {
        self.look(bridge.space, &format_args!("a look at {bridge}"), |space| {
            space.device(bridge.index).is_ok_and(|device| details(device).tells_vlans_apart)
        })
    }

    fn vlans(&mut self, port: &LinkRef) -> Result<Vec<PortVlans>, Refused> {
        self.look(port.space, &format_args!("a list of the VLANs of {port}"), |space| {
            space.vlans_of(port.index)
        })
    }

    fn other_end(&mut self, link: &LinkRef) -> Result<Option<Link>, Refused> {
        let (inside, here) = (self.sandbox.space(link.space), self.sandbox.space(Space::Host));
        self.ask(&format_args!("a look for the other end of {link}"), |world| {
            let end = world.space(inside).ok().and_then(|space| space.device(link.index).ok());
            let peer = end.and_then(|device| device.kind.peer()).filter(|peer| peer.space == here);
            Ok(peer.and_then(|peer| Some(world.space(here).ok()?.device(peer.index).ok()?.view())))
        })
    }

    fn policy_rules(&mut self) -> Result<Vec<PolicyRule>, Refused> {
        self.look(Space::Sandbox, &"a list of the rules", |space| space.policy.clone())
    }

    fn apply(&mut self, effect: &Effect, deadline: Instant) -> Result<(), Refused> {
        effect.check_names()?;
        in_time(effect, deadline)?;
        match effect {
            Effect::Veth { inside, outside, mtu } => self.add_veth(effect, [outside, inside], *mtu),
            Effect::Link { link, parent, kind, mtu } => {
                let space = self.sandbox.space(link.space);
                let place =
                    |link: &LinkRef| Place { space: self.sandbox.space(link.space), index: link.index };
                let parent = parent.as_ref().map(place);
                self.ask(effect, |world| world.add_link((space, link), parent, *kind, *mtu))
            }
            Effect::Bridge { link, mtu, vlans } => self.ensure_bridge(effect, link, *mtu, *vlans),
            Effect::Pair { end, port, mtu } => self.ensure_pair(effect, end, port, *mtu),
            Effect::Move { link, to, name, home } => self.move_link(effect, link, *to, name, home),
            Effect::Set { link, property, .. } => self.set(effect, link, std::slice::from_ref(property)),
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
            Effect::NoRoute { link, route, .. } => {
                self.ask_in(link.space, effect, |space| space.drop_route(link.index, route))
            }
            Effect::Neighbour { link, address, mac } => {
                self.ask_in(link.space, effect, |space| space.add_neighbour(link.index, *address, *mac))
            }
            Effect::Vlans { link, vlans } => {
                self.ask_in(link.space, effect, |space| space.add_vlans(link.index, vlans))
            }
            Effect::NoVlans { link, vlans } => {
                self.ask_in(link.space, effect, |space| space.drop_vlans(link.index, vlans))
            }
            Effect::Masquerade { id, address, network } => {
                let rule = Rule::Masquerade { address: *address, network: *network };
                self.ask_in(Space::Host, effect, |space| space.add_rule(id, rule))
            }
            Effect::SpoofCheck { id, port, mac } => {
                let rule = Rule::SpoofCheck { port: port.index, mac: *mac };
                self.ask_in(Space::Host, effect, |space| space.add_rule(id, rule))
            }
            Effect::PortMapping { id, mapping } => {
                match self.ask_in(Space::Host, effect, |space| space.map_port(id, mapping))? {
                    Some(taken) => Err(No::from(libc::EADDRINUSE).to(effect).saying(&taken)),
                    None => Ok(()),
                }
            }
            Effect::Limit { link, limit, apart } => {
                self.ask_in(link.space, effect, |space| space.add_limit(link.index, *limit, apart.as_ref()))
            }
            Effect::Redirect { link, to } => {
                self.ask_in(link.space, effect, |space| space.add_redirect(link.index, to.index))
            }
            Effect::PolicyRule { rule } => {
                self.ask_in(Space::Sandbox, effect, |space| space.add_policy_rule(*rule))
            }
            Effect::Announce { link, addresses } => {
                if self.link_at(link.space, link.index)?.is_none() {
                    return Err(Refused::kernel(effect, libc::ENODEV));
                }
                self.ask_in(link.space, effect, |space| space.announce(link.index, addresses))
            }
            Effect::Function(change) => self.change_function(change, effect),
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
        undo::run(self, effects, deadline)
    }

    fn drop_bridges(
        &mut self,
        bridges: &[NewLink],
        pairs: &[NewLink],
        deadline: Instant,
    ) -> Result<(), Refused> {
        undo::drop_bridges(self, bridges, pairs, deadline)
    }

    fn compare(&mut self, effect: &Effect) -> Result<Option<String>, Refused> {
        compare::effect(self, effect)
    }

    fn function(&mut self, address: &PciAddress) -> Result<Option<Function>, Refused> {
        self.function_at(address)
    }

    fn functions_of(&mut self, physical: &str) -> Result<Vec<FunctionRef>, Refused> {
        self.functions_by(physical)
    }
}

impl Simulated {
    /// A question about a namespace; nothing is in one that is gone.
    pub(super) fn look<T: Default>(
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
    fn ensure_bridge(
        &mut self,
        tried: &Effect,
        link: &NewLink,
        mtu: Option<u32>,
        vlans: bool,
    ) -> Result<(), Refused> {
        let space = self.sandbox.space(link.space);
        let done = self.ask(tried, |world| world.add_bridge(space, link, mtu, vlans));
        match done {
            Err(refused) if refused.errno == Some(libc::EEXIST) => {
                let there = self.link_named(link.space, &link.name)?;
                if there.is_some_and(|there| there.kind == "bridge") { Ok(()) } else { Err(refused) }
            }
            done => done,
        }
    }

    /// A pair whose end is there is as good; another link of that name is not.
    fn ensure_pair(
        &mut self,
        tried: &Effect,
        end: &NewLink,
        port: &NewLink,
        mtu: Option<u32>,
    ) -> Result<(), Refused> {
        match self.add_veth(tried, [end, port], mtu) {
            Err(refused) if refused.errno == Some(libc::EEXIST) => {
                let there = self.link_named(end.space, &end.name)?;
                if there.is_some_and(|there| there.kind == "veth") { Ok(()) } else { Err(refused) }
            }
            done => done,
        }
    }

    /// Changes properties of a link with one request; after one that can't be, the others are not done.
    pub(super) fn set(
        &mut self,
        tried: &dyn Display,
        link: &LinkRef,
        properties: &[Property],
    ) -> Result<(), Refused> {
        let place = Place { space: self.sandbox.space(link.space), index: link.index };
        self.ask(tried, |world| {
            for property in properties {
                match property {
                    Property::Up(true) => world.check_up(place)?,
                    Property::Master(Some(master)) => world.check_port(place, *master)?,
                    Property::Mac(mac) => world.may_change_mac(place, *mac)?,
                    _ => {}
                }
                set(world.space_mut(place.space)?, place.index, property)?;
            }
            Ok(())
        })
    }
}

fn set(space: &mut Namespace, index: u32, property: &Property) -> Done {
    match property {
        Property::Up(up) => space.set_up(index, *up),
        Property::Mtu(mtu) => space.set_mtu(index, *mtu),
        Property::Mac(mac) => space.set_mac(index, *mac),
        Property::Master(master) => space.set_master(index, *master),
        Property::Promiscuous(on) => space.set_promiscuous(index, *on),
        Property::AllMulticast(on) => {
            space.device_mut(index)?.all_multicast = *on;
            Ok(())
        }
        Property::TxQueueLength(packets) => {
            space.device_mut(index)?.tx_queue_length = *packets;
            Ok(())
        }
        Property::Hairpin(on) => space.set_hairpin(index, *on),
        Property::Isolated(on) => space.set_isolated(index, *on),
        Property::Name(name) => space.rename(index, name),
        Property::AlternativeName(name) => space.add_name(index, name),
    }
}

/// A link with what taking it back needs to know beside.
pub(super) fn details(device: &Device) -> Details {
    let switch = device.port.as_ref().and_then(|port| port.switch.as_ref());
    Details {
        link: device.view(),
        carrier: true,
        bus_address: device.kind.hardware().map(|factory| factory.bus_address.clone()),
        hairpin: switch.map(|switch| switch.hairpin),
        isolated: switch.map(|switch| switch.isolated),
        below: None,
        namespace: None,
        tells_vlans_apart: matches!(device.kind, Kind::Bridge { vlans: true, .. }),
        table: match device.kind {
            Kind::Made { kind: LinkKind::Vrf { table }, .. } => Some(table),
            _ => None,
        },
    }
}

fn home(device: &Device) -> Home {
    let Details { link, bus_address, .. } = details(device);
    Home {
        name: link.name,
        up: link.up,
        mtu: link.mtu,
        mac: link.mac,
        bus_address,
        alternative_names: link.alternative_names,
        promiscuous: link.promiscuous,
        all_multicast: link.all_multicast,
        tx_queue_length: Some(link.tx_queue_length),
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
