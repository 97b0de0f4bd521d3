//! The few messages of nf_tables that are needed, over netlink: no program on the node has to know them.
//!
//! All that is ours is in tables called `multus`: one for IPv4 and IPv6 together, one for bridges. The rules carry the id
//! of who made them as their comment, where `nft list ruleset` shows it.

mod encode;
mod rule;

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use nix::libc;

use crate::answer::Refusal;
use crate::attribute::{attributes, bytes, text};
use crate::effect::MacAddr;
use crate::netlink::{Request, Socket};
use encode::Attributes;

pub(crate) use rule::Rule;

const TABLE: &str = "multus";
/// `NFNL_MSG_BATCH_BEGIN` and its end: what is between comes about whole or not at all.
const BEGIN: u16 = libc::NFNL_MSG_BATCH_BEGIN as u16;
const END: u16 = libc::NFNL_MSG_BATCH_END as u16;
const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
/// `struct nfgenmsg`.
const HEADER: usize = 4;
/// Somebody else may delete a rule between our look and our change, which ends the whole batch.
const ATTEMPTS: u32 = 4;
/// A comment's type within a rule's data, and how long one may be with the zero at its end.
const COMMENT: u8 = 0;
const LONGEST_COMMENT: usize = 128;

/// Where packets meet rules.
#[derive(Debug)]
pub(crate) struct Chain {
    family: libc::c_int,
    name: &'static str,
    kind: &'static str,
    hook: libc::c_int,
    priority: libc::c_int,
}

/// After a packet was routed, and its source may be changed (`srcnat`).
pub(crate) const POSTROUTING: Chain = Chain {
    family: libc::NFPROTO_INET,
    name: "postrouting",
    kind: "nat",
    hook: libc::NF_INET_POST_ROUTING,
    priority: libc::NF_IP_PRI_NAT_SRC,
};

/// Before a bridge looks at a frame, and before everybody else's rules.
pub(crate) const BRIDGE_PREROUTING: Chain = Chain {
    family: libc::NFPROTO_BRIDGE,
    name: "prerouting",
    kind: "filter",
    hook: libc::NF_BR_PRE_ROUTING,
    priority: libc::NF_BR_PRI_NAT_DST_BRIDGED,
};

/// Adds a rule; table and chain are made if they are not there.
///
/// # Errors
/// The kernel's refusal; `EEXIST` if there is a rule with this id, `EINVAL` for an id that is too long.
pub(crate) fn add(socket: &Socket, chain: &Chain, id: &str, rule: Rule) -> Result<(), Refusal> {
    if id.len() >= LONGEST_COMMENT {
        return Err(Refusal::new(libc::EINVAL, "the id is too long for a rule's comment"));
    }
    if !handles(socket, chain, &[id])?.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::EEXIST).into());
    }
    let new = |message, flags, body| request(message, libc::NLM_F_CREATE | flags, body);
    commit(
        socket,
        vec![
            new(libc::NFT_MSG_NEWTABLE, 0, chain.table()),
            new(libc::NFT_MSG_NEWCHAIN, 0, chain.chain()),
            new(libc::NFT_MSG_NEWRULE, libc::NLM_F_APPEND, chain.rule(id, rule)),
        ],
    )
}

/// Whether there is a rule with this id.
///
/// # Errors
/// The kernel does not answer.
pub(crate) fn has(socket: &Socket, chain: &Chain, id: &str) -> Result<bool, Refusal> {
    Ok(!handles(socket, chain, &[id])?.is_empty())
}

/// Deletes all rules with one of these ids.
///
/// # Errors
/// The kernel's refusal.
pub(crate) fn delete(socket: &Socket, chain: &Chain, ids: &[&str]) -> Result<(), Refusal> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let handles = handles(socket, chain, ids)?;
        if handles.is_empty() {
            return Ok(());
        }
        let delete = |handle: &u64| request(libc::NFT_MSG_DELRULE, 0, chain.handle(*handle));
        match commit(socket, handles.iter().map(delete).collect()) {
            Err(refusal) if refusal.errno() == Some(libc::ENOENT) && attempts < ATTEMPTS => {}
            done => return done,
        }
    }
}

/// The rules with these ids.
fn handles(socket: &Socket, chain: &Chain, ids: &[&str]) -> Result<Vec<u64>, Refusal> {
    match socket.dump(kind(libc::NFT_MSG_GETRULE), &chain.place().into_body(chain.family)) {
        Ok(messages) => Ok(messages.iter().filter_map(|(_, body)| of_one(body, ids)).collect()),
        // No table: no rules.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The handle of a rule in an `NFT_MSG_NEWRULE`, if it has one of these ids.
fn of_one(body: &[u8], ids: &[&str]) -> Option<u64> {
    let find =
        |wanted| attributes(body.get(HEADER..)?).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let comment = comment(find(encode::RULE_USERDATA)?)?;
    let handle = bytes(find(encode::RULE_HANDLE)?, 0).map(u64::from_be_bytes)?;
    ids.contains(&comment.as_str()).then_some(handle)
}

/// A rule's data are entries of a type, a length and a value.
fn comment(mut data: &[u8]) -> Option<String> {
    loop {
        let [kind, length] = bytes(data, 0)?;
        let value = data.get(2..2 + usize::from(length))?;
        if kind == COMMENT {
            return Some(text(value));
        }
        data = data.get(2 + usize::from(length)..)?;
    }
}

/// Does these changes, whole or not at all.
fn commit(socket: &Socket, changes: Vec<Request>) -> Result<(), Refusal> {
    let mark = |kind| Request { kind, flags: 0, body: header(libc::NFPROTO_UNSPEC, SUBSYSTEM).to_vec() };
    let mut requests = vec![mark(BEGIN)];
    requests.extend(changes);
    requests.push(mark(END));
    socket.changes(&requests)?.into_iter().collect()
}

fn request(message: libc::c_int, flags: libc::c_int, body: Vec<u8>) -> Request {
    Request { kind: kind(message), flags: libc::NLM_F_ACK | flags, body }
}

fn kind(message: libc::c_int) -> u16 {
    SUBSYSTEM << 8 | message as u16
}

/// `struct nfgenmsg`: family, version, and for a batch whose it is.
fn header(family: libc::c_int, subsystem: u16) -> [u8; HEADER] {
    let [high, low] = subsystem.to_be_bytes();
    [family as u8, 0, high, low]
}

impl Attributes {
    fn into_body(self, family: libc::c_int) -> Vec<u8> {
        [&header(family, 0)[..], &self.into_bytes()].concat()
    }
}

impl Chain {
    /// Which chain of which table, as rules say it.
    fn place(&self) -> Attributes {
        Attributes::default().text(encode::RULE_TABLE, TABLE).text(encode::RULE_CHAIN, self.name)
    }

    fn table(&self) -> Vec<u8> {
        Attributes::default().text(encode::TABLE_NAME, TABLE).into_body(self.family)
    }

    fn chain(&self) -> Vec<u8> {
        let hook = Attributes::default()
            .number(encode::HOOK_NUMBER, self.hook)
            .number(encode::HOOK_PRIORITY, self.priority);
        Attributes::default()
            .text(encode::CHAIN_TABLE, TABLE)
            .text(encode::CHAIN_NAME, self.name)
            .nested(encode::CHAIN_HOOK, hook)
            .text(encode::CHAIN_TYPE, self.kind)
            .into_body(self.family)
    }

    fn rule(&self, id: &str, rule: Rule) -> Vec<u8> {
        let length = u8::try_from(id.len() + 1).unwrap_or(u8::MAX);
        let comment = [&[COMMENT, length], id.as_bytes(), &[0]].concat();
        self.place()
            .nested(encode::RULE_EXPRESSIONS, rule.into_expressions())
            .bytes(encode::RULE_USERDATA, &comment)
            .into_body(self.family)
    }

    fn handle(&self, handle: u64) -> Vec<u8> {
        self.place().bytes(encode::RULE_HANDLE, &handle.to_be_bytes()).into_body(self.family)
    }
}

/// Packets from `address` that leave `network`, and are not for several, get the node's address.
pub(crate) fn masquerade(address: IpAddr, network: IpNet) -> Rule {
    Rule::default().from(address).not_to(network).not_to(multicast(address)).masquerade()
}

fn multicast(like: IpAddr) -> IpNet {
    match like {
        IpAddr::V4(_) => IpNet::V4(ipnet::Ipv4Net::new_assert([224, 0, 0, 0].into(), 4)),
        IpAddr::V6(_) => IpNet::V6(ipnet::Ipv6Net::new_assert([0xff00, 0, 0, 0, 0, 0, 0, 0].into(), 8)),
    }
}

/// Frames that come in by a port from another address than `mac` are dropped.
pub(crate) fn spoof_check(port: u32, mac: MacAddr) -> Rule {
    Rule::default().comes_in_by(port).not_from(mac).drop()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rule_is_found_by_its_comment() {
        let body = |comment: &[u8]| {
            let rule = Attributes::default().bytes(encode::RULE_HANDLE, &7_u64.to_be_bytes());
            rule.bytes(encode::RULE_USERDATA, comment).into_body(libc::NFPROTO_INET)
        };
        for (comment, found) in [
            (&b"\0\x05pod1\0"[..], Some(7)),
            (b"\x01\x02xx\0\x05pod1\0", Some(7)),
            (b"\0\x06pod11\0", None),
            (b"\x01\x02xx", None),
            (b"\0\x09pod1", None),
            (b"", None),
        ] {
            assert_eq!(of_one(&body(comment), &["pod0", "pod1"]), found, "{comment:?}");
        }
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (of_one(&data, &["pod"]), comment(&data));
        }
    }
}
