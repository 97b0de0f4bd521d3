//! What undoing and comparing take of the simulated kernel.

use super::device::{Device, Place};
use super::firewall::key;
use super::handle::Simulated;
use crate::effect::{Limited, LinkRef, PolicyRule, Property, Route, Space};
use crate::undo::{Moved, Rules, Undoing};
use crate::{Backend, Link, Refused, Why};

impl Undoing for Simulated {
    fn glance(&mut self, space: Space, index: u32) -> Result<Option<Link>, Refused> {
        let found = self.link_at(space, index)?;
        Ok(found.map(|link| Link { addresses: Vec::new(), ..link }))
    }

    fn property(&mut self, link: &LinkRef, like: &Property) -> Result<Option<Property>, Refused> {
        self.look(link.space, &format_args!("a look at {link}"), |space| {
            space.device(link.index).ok().and_then(|device| property(device, like))
        })
    }

    fn drop_name(&mut self, link: &LinkRef, name: &str) -> Result<(), Refused> {
        let tried = format_args!("alternative name {name} taken off {link}");
        self.ask_in(link.space, &tried, |space| space.drop_name(link.index, name))
    }

    fn drop_route(&mut self, link: &LinkRef, route: &Route) -> Result<(), Refused> {
        let tried = format_args!("route {route} taken off {link}");
        self.ask_in(link.space, &tried, |space| space.drop_route(link.index, route))
    }

    fn bring_route(&mut self, link: &LinkRef, route: &Route) -> Result<(), Refused> {
        let tried = format_args!("route {route} by {link} back again");
        self.ask_in(link.space, &tried, |space| space.bring_route(link.index, route))
    }

    fn set_sysctl(&mut self, space: Space, key: &str, value: &str) -> Result<(), Refused> {
        self.ask_in(space, &format_args!("{key} = {value} {space}"), |space| space.set_setting(key, value))
    }

    fn has_rules(&mut self, rules: Rules<'_>) -> Result<bool, Refused> {
        self.look(Space::Host, &"a look at the rules", |space| space.rules.contains_key(&key(&rules)))
    }

    fn drop_rules(&mut self, rules: &[Rules<'_>]) -> Result<(), Refused> {
        let ids: Vec<_> = rules.iter().map(Rules::id).collect();
        self.ask_in(Space::Host, &format_args!("rules of {} gone", ids.join(", ")), |space| {
            rules.iter().for_each(|rules| space.drop_rule(rules));
            Ok(())
        })
    }

    fn limit(&mut self, link: &LinkRef) -> Result<Option<Limited>, Refused> {
        self.look(link.space, &format_args!("a look at {link}"), |space| {
            let limit = space.device(link.index).ok().and_then(|device| device.limit.as_ref());
            limit.map(|(limit, apart)| Limited::by(limit, apart.as_ref()))
        })
    }

    fn drop_limit(&mut self, link: &LinkRef) -> Result<(), Refused> {
        self.ask_in(link.space, &format_args!("limit taken off {link}"), |space| space.drop_limit(link.index))
    }

    fn redirect(&mut self, link: &LinkRef) -> Result<Option<u32>, Refused> {
        self.look(link.space, &format_args!("a look at {link}"), |space| {
            space.device(link.index).ok().and_then(|device| device.redirect)
        })
    }

    fn drop_redirect(&mut self, link: &LinkRef) -> Result<(), Refused> {
        let tried = format_args!("what comes in by {link} taken off its way");
        self.ask_in(link.space, &tried, |space| space.drop_redirect(link.index))
    }

    fn drop_policy_rule(&mut self, rule: &PolicyRule) -> Result<(), Refused> {
        self.ask_in(Space::Sandbox, &format_args!("rule {rule} gone"), |space| space.drop_policy_rule(rule))
    }

    fn bring_home(&mut self, moved: &Moved<'_>) -> Result<(), Refused> {
        self.bring_back(moved)
    }

    fn delete(&mut self, space: Space, links: &[LinkRef]) -> Result<(), Refused> {
        let space = self.sandbox.space(space);
        for link in links {
            let place = Place { space, index: link.index };
            let done = self.ask(&format_args!("deletion of {link}"), |world| world.delete(place));
            match done {
                Err(refused) if refused.why() == Why::Missing => {}
                done => done?,
            }
        }
        Ok(())
    }
}

/// What a link has of the same kind as `like`.
fn property(device: &Device, like: &Property) -> Option<Property> {
    Some(match like {
        Property::Up(_) => Property::Up(device.up),
        Property::Mtu(_) => Property::Mtu(device.mtu),
        Property::Mac(_) => Property::Mac(device.mac),
        Property::Master(_) => Property::Master(device.port.as_ref().map(|port| port.master)),
        Property::Promiscuous(_) => Property::Promiscuous(device.promiscuous),
        Property::AllMulticast(_) => Property::AllMulticast(device.all_multicast),
        Property::TxQueueLength(_) => Property::TxQueueLength(device.tx_queue_length),
        Property::Hairpin(_) => Property::Hairpin(device.port.as_ref()?.switch.as_ref()?.hairpin),
        Property::Isolated(_) => Property::Isolated(device.port.as_ref()?.switch.as_ref()?.isolated),
        Property::Name(_) => Property::Name(device.name.clone()),
        Property::AlternativeName(name) => {
            return device.alternative_names.contains(name).then(|| like.clone());
        }
    })
}
