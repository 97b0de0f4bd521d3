//! How fast packets may leave, where they leave that come in, and by which table they are routed. Nothing is sent.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use nix::libc;

use super::no::{Done, No};
use super::space::Namespace;
use crate::{Apart, Limit, PolicyRule};

/// Rules that a new namespace has: of both families, but the last.
const OF_A_NAMESPACE: [(u32, u32); 3] = [(0, 255), (32766, 254), (32767, 253)];

/// What a new namespace has.
pub(super) fn rules_of_a_namespace() -> Vec<PolicyRule> {
    let all = [
        IpNet::from(ipnet::Ipv4Net::from(Ipv4Addr::UNSPECIFIED)),
        ipnet::Ipv6Net::from(Ipv6Addr::UNSPECIFIED).into(),
    ];
    let mut rules = Vec::new();
    for (source, known) in all.into_iter().zip([3, 2]) {
        let source = IpNet::new(source.addr(), 0).unwrap_or(source);
        let of_family = OF_A_NAMESPACE.iter().take(known);
        rules.extend(of_family.map(|(priority, table)| PolicyRule {
            source,
            table: *table,
            priority: *priority,
        }));
    }
    rules
}

impl Namespace {
    pub(super) fn add_limit(&mut self, index: u32, limit: Limit, apart: Option<&Apart>) -> Done {
        let device = self.device_mut(index)?;
        if device.limit.is_some() {
            return Err(No::because(libc::EEXIST, "Exclusivity flag on, cannot modify"));
        }
        device.limit = Some((limit, apart.cloned()));
        Ok(())
    }

    pub(super) fn drop_limit(&mut self, index: u32) -> Done {
        let device = self.device_mut(index)?;
        device.limit.take().map(drop).ok_or(No::from(libc::ENOENT))
    }

    pub(super) fn add_redirect(&mut self, index: u32, to: u32) -> Done {
        self.device(to)?;
        let device = self.device_mut(index)?;
        if device.redirect.is_some() {
            return Err(No::because(libc::EEXIST, "Exclusivity flag on, cannot modify"));
        }
        device.redirect = Some(to);
        Ok(())
    }

    pub(super) fn drop_redirect(&mut self, index: u32) -> Done {
        let device = self.device_mut(index)?;
        device.redirect.take().map(drop).ok_or(No::from(libc::ENOENT))
    }

    /// What went by a link that is gone goes nowhere.
    pub(super) fn way_gone(&mut self, index: u32) {
        for device in self.devices_mut() {
            if device.redirect == Some(index) {
                device.redirect = Some(0);
            }
        }
    }

    pub(super) fn add_policy_rule(&mut self, rule: PolicyRule) -> Done {
        if self.policy.contains(&rule) {
            return Err(libc::EEXIST.into());
        }
        self.policy.push(rule);
        self.policy.sort_by_key(|rule| (rule.source.addr().is_ipv6(), rule.priority));
        Ok(())
    }

    pub(super) fn drop_policy_rule(&mut self, rule: &PolicyRule) -> Done {
        let at = self.policy.iter().position(|known| known == rule).ok_or(No::from(libc::ENOENT))?;
        self.policy.remove(at);
        Ok(())
    }
}
