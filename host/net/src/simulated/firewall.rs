//! Rules for packets, by kind and by the id that tells them from others. What they do to a packet is not simulated.

use std::net::IpAddr;

use ipnet::IpNet;
use nix::libc;

use super::no::Done;
use super::space::Namespace;
use crate::MacAddr;
use crate::undo::Rules;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    Masquerade { address: IpAddr, network: IpNet },
    SpoofCheck { port: u32, mac: MacAddr },
}

impl Namespace {
    /// Adds the rules of that id; nobody else has it.
    pub(super) fn add_rule(&mut self, id: &str, rule: Rule) -> Done {
        let kind = match rule {
            Rule::Masquerade { .. } => Rules::Masquerade,
            Rule::SpoofCheck { .. } => Rules::SpoofCheck,
        };
        let key = (kind, id.to_owned());
        if self.rules.contains_key(&key) {
            return Err(libc::EEXIST.into());
        }
        self.rules.insert(key, rule);
        Ok(())
    }

    /// Takes the rules of that id away, if there are any.
    pub(super) fn drop_rule(&mut self, kind: Rules, id: &str) {
        self.rules.remove(&(kind, id.to_owned()));
    }
}
