//! Rules by which the pod's packets find their routing table.

use std::fmt::Display;

use ipnet::IpNet;
use nix::libc;

use super::{Kernel, failed, refused};
use crate::Refused;
use crate::attribute::{attributes, bytes, put, u32_at};
use crate::effect::{PolicyRule, Space};
use crate::link::ip;

/// `struct fib_rule_hdr`.
const HEADER: usize = 12;
/// `RTM_NEWRULE`, `RTM_DELRULE`, `RTM_GETRULE`.
const NEW: u16 = 32;
const DELETE: u16 = 33;
const GET: u16 = 34;
/// `FR_ACT_TO_TBL`.
const TO_TABLE: u8 = 1;
/// `FRA_SRC`, `FRA_PRIORITY`, `FRA_TABLE`.
const SOURCE: u16 = 2;
const PRIORITY: u16 = 6;
const TABLE: u16 = 15;
/// The next rule is asked where the table has no route that is not a default one, and the like: not one of ours.
const MORE: [u16; 9] = [1, 3, 4, 5, 10, 13, 14, 16, 17];

impl Kernel {
    pub(super) fn add_policy_rule(&self, rule: &PolicyRule, tried: &dyn Display) -> Result<(), Refused> {
        let new = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        self.socket(Space::Sandbox, tried)?.change(NEW, new, &message(rule)).map_err(refused(tried))
    }

    pub(super) fn delete_policy_rule(&self, rule: &PolicyRule) -> Result<(), Refused> {
        let tried = format_args!("deleting rule {rule} {}", Space::Sandbox);
        self.socket(Space::Sandbox, &tried)?.change(DELETE, 0, &message(rule)).map_err(refused(&tried))
    }

    pub(super) fn all_policy_rules(&self) -> Result<Vec<PolicyRule>, Refused> {
        let tried = format_args!("listing the rules {}", Space::Sandbox);
        let mut rules = Vec::new();
        if self.is_gone(Space::Sandbox) {
            return Ok(rules);
        }
        let socket = self.socket(Space::Sandbox, &tried)?;
        for family in [libc::AF_INET, libc::AF_INET6] {
            let mut question = [0; HEADER];
            question[0] = family as u8;
            let all = match socket.dump(GET, &question) {
                // A kernel without IPv6, or without rules.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP)) => {
                    continue;
                }
                all => all.map_err(failed(&tried))?,
            };
            rules.extend(all.iter().filter_map(|(_, body)| read(body)));
        }
        Ok(rules)
    }
}

fn message(rule: &PolicyRule) -> Vec<u8> {
    let (family, address) = match rule.source {
        IpNet::V4(net) => (libc::AF_INET, net.addr().octets().to_vec()),
        IpNet::V6(net) => (libc::AF_INET6, net.addr().octets().to_vec()),
    };
    let mut message = vec![family as u8, 0, rule.source.prefix_len(), 0, 0, 0, 0, TO_TABLE, 0, 0, 0, 0];
    if rule.source.prefix_len() > 0 {
        put(&mut message, SOURCE, &address);
    }
    put(&mut message, PRIORITY, &rule.priority.to_ne_bytes());
    put(&mut message, TABLE, &rule.table.to_ne_bytes());
    message
}

/// One `RTM_NEWRULE`. Of one that asks for more than a source address the table and the order are told.
fn read(body: &[u8]) -> Option<PolicyRule> {
    let [family, _, prefix, _, table] = bytes(body, 0)?;
    let none = IpNet::new(ip(family, &[0; 16])?, 0).ok()?;
    let mut rule = PolicyRule { source: none, table: table.into(), priority: 0 };
    let mut asks_more = false;
    for (kind, value) in attributes(body.get(HEADER..)?) {
        match kind {
            SOURCE => rule.source = IpNet::new(ip(family, value)?, prefix).ok()?,
            PRIORITY => rule.priority = u32_at(value, 0)?,
            TABLE => rule.table = u32_at(value, 0)?,
            kind => asks_more |= MORE.contains(&kind) && value.iter().any(|byte| !matches!(byte, 0 | 0xff)),
        }
    }
    if asks_more {
        rule.source = none;
    }
    Some(rule)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rule_is_said_as_ip_says_it_and_read_as_it_is_said() {
        let v4 = PolicyRule { source: "10.1.0.5/32".parse().unwrap(), table: 100, priority: 32765 };
        let v6 = PolicyRule { source: "fd00::5/128".parse().unwrap(), table: 70_000, priority: 7 };
        assert_eq!([read(&message(&v4)), read(&message(&v6))], [Some(v4), Some(v6)]);
        let said = message(&v4);
        assert_eq!(said[..HEADER], [libc::AF_INET as u8, 0, 32, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        let attributes: Vec<_> = attributes(&said[HEADER..]).collect();
        let [priority, table] = [32765_u32.to_ne_bytes(), 100_u32.to_ne_bytes()];
        assert_eq!(attributes, [(2, &[10, 1, 0, 5][..]), (6, &priority), (15, &table)]);
    }

    #[test]
    fn a_rule_that_asks_for_more_is_nobodys() {
        let mut said = message(&PolicyRule { source: "10.1.0.5/32".parse().unwrap(), table: 9, priority: 7 });
        put(&mut said, 10, &5_u32.to_ne_bytes()); // FRA_FWMARK
        assert_eq!(read(&said).unwrap().to_string(), "7: from all lookup 9");
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let header = [libc::AF_INET as u8, 0, 32, 0, 0, 0, 0, 1, 0, 0, 0, 0];
            let _ = (read(&data), read(&[&header[..], &data].concat()));
        }
    }
}
