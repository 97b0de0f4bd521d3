//! Effects taken back, and compared with what is there.

use std::time::Instant;

use super::device::Place;
use super::handle::Simulated;
use crate::{Backend, Effect, Link, LinkRef, NewLink, Property, Refused, Space, Why};

/// See [`Backend::undo`].
pub(super) fn undo(node: &mut Simulated, effects: &[&Effect], _deadline: Instant) -> Vec<(usize, Refused)> {
    let mut failed = Vec::new();
    let mut doomed = Vec::new();
    for (number, effect) in effects.iter().enumerate().rev() {
        match node.undo_one(effect) {
            Ok(None) => {}
            Ok(Some(link)) => doomed.push((number, link)),
            Err(refused) => failed.push((number, refused)),
        }
    }
    for (number, link) in doomed {
        let space = node.sandbox.space(link.space);
        let place = Place { space, index: link.index };
        let done = node.ask(&format_args!("deletion of {link}"), |world| world.delete(place));
        if let Err(refused) = done
            && refused.why() != Why::Missing
        {
            failed.push((number, refused));
        }
    }
    failed
}

/// See [`Backend::compare`].
pub(super) fn compare(node: &mut Simulated, effect: &Effect) -> Result<Option<String>, Refused> {
    let there = match effect {
        Effect::Veth { outside, .. } => node.ours(outside)?.is_some(),
        Effect::Address { link, address, .. } => {
            let found = node.link_at(link.space, link.index)?;
            found.is_some_and(|found| found.addresses.contains(&address.to_string()))
        }
        _ => true,
    };
    Ok((!there).then(|| format!("there is no {effect}")))
}

impl Simulated {
    /// Takes back one effect, or says which link is to be deleted for it.
    fn undo_one(&mut self, effect: &Effect) -> Result<Option<LinkRef>, Refused> {
        match effect {
            Effect::Veth { outside, .. } => Ok(self.ours(outside)?),
            Effect::Set { link, property, before: Some(before) } => {
                self.restore(link, property, before).map(|()| None)
            }
            Effect::Address { link, address, lasting: true } => {
                self.drop_address(link, *address).map(|()| None)
            }
            Effect::Masquerade { id, .. } | Effect::SpoofCheck { id, .. } => {
                let done = self.ask_in(Space::Host, effect, |space| space.drop_rule(id));
                done.or_else(|refused| if refused.why() == Why::Missing { Ok(()) } else { Err(refused) })?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// The link that was made so, wherever it got its name from since.
    fn ours(&mut self, made: &NewLink) -> Result<Option<LinkRef>, Refused> {
        let found = self.link_at(made.space, made.index)?.filter(|found| found.mac == made.mac.to_string());
        Ok(found.map(|found| LinkRef { space: made.space, index: found.index, name: found.name }))
    }

    fn restore(&mut self, link: &LinkRef, ours: &Property, before: &Property) -> Result<(), Refused> {
        let Some(now) = self.link_at(link.space, link.index)? else { return Ok(()) };
        if holds(&now, ours) {
            let effect = Effect::Set { link: link.clone(), property: before.clone(), before: None };
            return self.apply(&effect, Instant::now() + std::time::Duration::from_secs(1));
        }
        Ok(())
    }
}

fn holds(link: &Link, property: &Property) -> bool {
    match property {
        Property::Up(up) => link.up == *up,
        Property::Mtu(mtu) => link.mtu == *mtu,
        Property::Mac(mac) => link.mac == mac.to_string(),
        Property::Master(master) => link.master == *master,
        Property::Promiscuous(on) => link.promiscuous == *on,
        Property::Name(name) => link.name == *name,
        Property::Hairpin(_) | Property::AlternativeName(_) => true,
    }
}
