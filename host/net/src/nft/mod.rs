//! The few messages of nf_tables that are needed, over netlink: no program on the node has to know them. The rules carry
//! the id of who made them as their comment, where `nft list ruleset` shows it.

mod encode;
mod place;
mod port;
mod rule;

use std::io;

use nix::libc;

use crate::answer::Refusal;
use crate::attribute::{attributes, bytes, text};
use crate::netlink::{Request, Socket};
use encode::Attributes;

pub(crate) use place::Place;
pub(crate) use port::{map_port, places_of};
pub(crate) use rule::{Rule, masquerade, spoof_check};

/// `NFNL_MSG_BATCH_BEGIN` and its end: what is between comes about whole or not at all.
const BEGIN: u16 = libc::NFNL_MSG_BATCH_BEGIN as u16;
const END: u16 = libc::NFNL_MSG_BATCH_END as u16;
const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
/// `struct nfgenmsg`.
const HEADER: usize = 4;
/// Somebody else may add or delete a rule between our look and our change, which then is refused.
const ATTEMPTS: u32 = 10;
/// A comment's type within a rule's data, and how long one may be with the zero at its end.
const COMMENT: u8 = 0;
const LONGEST_COMMENT: usize = 128;

/// Adds a rule. What all pods share is made where it is missing.
///
/// # Errors
/// The kernel's refusal; `EEXIST` if there is a rule with this id, `EINVAL` for an id that is too long.
pub(crate) fn add(socket: &Socket, place: &Place, id: &str, rule: impl Fn() -> Rule) -> Result<(), Refusal> {
    check_length(id)?;
    if has(socket, place, id)? {
        return Err(io::Error::from_raw_os_error(libc::EEXIST).into());
    }
    let rule = || place.add(&place::userdata(id), rule());
    match commit(socket, rule()) {
        Err(refusal) if refusal.errno() == Some(libc::ENOENT) => {
            let mut all = place.ensure();
            all.extend(rule());
            commit(socket, all)
        }
        done => done,
    }
}

fn check_length(id: &str) -> Result<(), Refusal> {
    if id.len() < LONGEST_COMMENT {
        return Ok(());
    }
    Err(Refusal::new(libc::EINVAL, "the id is too long for a rule's comment"))
}

/// Whether there is a rule with this id.
///
/// # Errors
/// The kernel does not answer.
pub(crate) fn has(socket: &Socket, place: &Place, id: &str) -> Result<bool, Refusal> {
    Ok(rules(socket, place)?.iter().any(|(_, comment)| comment == id))
}

/// Deletes all rules with these ids at once. Those that are gone are as good.
///
/// # Errors
/// The kernel's refusal.
pub(crate) fn delete(socket: &Socket, doomed: &[(Place, &str)]) -> Result<(), Refusal> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let requests = deletion(socket, doomed)?;
        if requests.is_empty() {
            return Ok(());
        }
        match commit(socket, requests) {
            Err(refusal) if attempts < ATTEMPTS && is_race(&refusal) => {}
            done => return done,
        }
    }
}

/// A rule is gone meanwhile, or one more is in the chain.
fn is_race(refusal: &Refusal) -> bool {
    matches!(refusal.errno(), Some(libc::ENOENT | libc::EBUSY))
}

/// What deletes the rules that are there.
fn deletion(socket: &Socket, doomed: &[(Place, &str)]) -> Result<Vec<Request>, Refusal> {
    let mut requests = Vec::new();
    for (at, (place, _)) in doomed.iter().enumerate() {
        if doomed.iter().take(at).any(|(earlier, _)| earlier.is(place)) {
            continue;
        }
        let ids: Vec<_> = doomed.iter().filter(|(other, _)| other.is(place)).map(|(_, id)| *id).collect();
        let (ours, others): (Vec<_>, Vec<_>) =
            rules(socket, place)?.into_iter().partition(|(_, comment)| ids.contains(&comment.as_str()));
        let handles: Vec<_> = ours.into_iter().map(|(handle, _)| handle).collect();
        if handles.is_empty() {
            continue;
        }
        requests.extend(place.delete(&handles));
        if others.is_empty() {
            requests.extend(place.close());
        }
    }
    Ok(requests)
}

/// Handle and comment of each rule of a chain. Where there is no such chain, there are none.
fn rules(socket: &Socket, place: &Place) -> Result<Vec<(u64, String)>, Refusal> {
    match socket.dump(kind(libc::NFT_MSG_GETRULE), &place.rules()) {
        Ok(messages) => Ok(messages.iter().filter_map(|(_, body)| read(body)).collect()),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// One `NFT_MSG_NEWRULE`.
fn read(body: &[u8]) -> Option<(u64, String)> {
    let all = || body.get(HEADER..).map(attributes).into_iter().flatten();
    let find = |wanted| all().find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let handle = bytes(find(place::RULE_HANDLE)?, 0).map(u64::from_be_bytes)?;
    Some((handle, find(place::RULE_USERDATA).and_then(comment).unwrap_or_default()))
}

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
    batch(socket, changes, Attributes::default())
}

/// The same between marks, of which the first may say more.
fn batch(socket: &Socket, changes: Vec<Request>, first: Attributes) -> Result<(), Refusal> {
    let mark = |kind, more: Attributes| {
        let body = [&header(libc::NFPROTO_UNSPEC, SUBSYSTEM)[..], &more.into_bytes()].concat();
        Request { kind, flags: 0, body }
    };
    let mut requests = vec![mark(BEGIN, first)];
    requests.extend(changes);
    requests.push(mark(END, Attributes::default()));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rule_is_found_by_its_comment() {
        let body = |data: &[u8]| {
            let rule = Attributes::default().bytes(place::RULE_HANDLE, &7_u64.to_be_bytes());
            let rule = rule.bytes(place::RULE_USERDATA, data).into_bytes();
            [&header(libc::NFPROTO_INET, 0)[..], &rule].concat()
        };
        let told = |data: &[u8], comment: &str| {
            assert_eq!(read(&body(data)), Some((7, comment.to_owned())), "{data:?}");
        };
        told(&place::userdata("pod 1"), "pod 1");
        told(b"\x01\x02xx\0\x05pod1\0", "pod1");
        told(b"\x01\x02xx", "");
        told(b"\0\x09pod1", "");
        told(b"", "");
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (read(&data), comment(&data));
        }
    }
}
