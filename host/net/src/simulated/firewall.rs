//! Rules for packets, by the id that tells them from others. What they do to a packet is not simulated.

use std::net::IpAddr;

use ipnet::IpNet;
use nix::libc;

use super::no::Done;
use super::space::Namespace;
use crate::MacAddr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    Masquerade { address: IpAddr, network: IpNet },
    SpoofCheck { port: String, mac: MacAddr },
}

impl Namespace {
    /// Adds the rules of that id; nobody else has it.
    pub(super) fn add_rule(&mut self, id: &str, rule: Rule) -> Done {
        if self.rules.contains_key(id) {
            return Err(libc::EEXIST.into());
        }
        self.rules.insert(id.to_owned(), rule);
        Ok(())
    }

    /// Takes the rules of that id away.
    pub(super) fn drop_rule(&mut self, id: &str) -> Done {
        self.rules.remove(id).map(|_| ()).ok_or(libc::ENOENT.into())
    }
}
