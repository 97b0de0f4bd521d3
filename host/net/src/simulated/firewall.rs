//! Rules for packets, by kind and by the id that tells them from others. What they do to a packet is not simulated.

use std::net::IpAddr;

use ipnet::IpNet;
use nix::libc;

use super::no::Done;
use super::space::Namespace;
use crate::MacAddr;
use crate::effect::{HostPort, PortMapping};
use crate::undo::Rules;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    Masquerade { address: IpAddr, network: IpNet },
    SpoofCheck { port: u32, mac: MacAddr },
    PortMapping(PortMapping),
}

/// What rules are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Address(IpAddr),
    Port(u32),
    HostPort(HostPort),
}

/// What they are about, and their id.
pub(super) type Key = (About, String);

/// Where rules are kept.
pub(super) fn key(rules: &Rules<'_>) -> Key {
    let about = match rules {
        Rules::Masquerade { address, .. } => About::Address(*address),
        Rules::SpoofCheck { port, .. } => About::Port(*port),
        Rules::PortMapping { mapping, .. } => About::HostPort(mapping.from),
    };
    (about, rules.id().to_owned())
}

impl Namespace {
    /// Adds the rules of that id; nobody else has it for the same.
    pub(super) fn add_rule(&mut self, id: &str, rule: Rule) -> Done {
        let about = match rule {
            Rule::Masquerade { address, .. } => About::Address(address),
            Rule::SpoofCheck { port, .. } => About::Port(port),
            Rule::PortMapping(ref mapping) => About::HostPort(mapping.from),
        };
        let key = (about, id.to_owned());
        if self.rules.contains_key(&key) {
            return Err(libc::EEXIST.into());
        }
        self.rules.insert(key, rule);
        Ok(())
    }

    /// The same of a port that nobody has; if somebody has it, says who.
    pub(super) fn map_port(&mut self, id: &str, mapping: &PortMapping) -> Done<Option<String>> {
        let of_others = self.rules.keys().find_map(|(about, holder)| match about {
            About::HostPort(port) if mapping.from.overlaps(port) => Some((port, holder)),
            _ => None,
        });
        match of_others {
            Some((_, holder)) if holder == id => Err(libc::EEXIST.into()),
            Some((port, holder)) => Ok(Some(port.taken_by(holder))),
            None => self.add_rule(id, Rule::PortMapping(mapping.clone())).map(|()| None),
        }
    }

    /// Takes rules away, if they are there.
    pub(super) fn drop_rule(&mut self, rules: &Rules<'_>) {
        self.rules.remove(&key(rules));
    }
}
