//! The packet filter's rules, asked for over netlink: not every node has a program that lists them.

use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

/// `NFT_MSG_GETRULE` of the subsystem nf_tables, and `NLM_F_REQUEST | NLM_F_DUMP`.
const GET_RULES: u16 = (10 << 8) | 7;
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR`, `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `struct nlmsghdr`, `struct nfgenmsg`.
const HEADER: usize = 16;
const FAMILY: usize = 4;
/// `NFTA_RULE_TABLE`, `…_CHAIN`, `…_EXPRESSIONS`, `…_USERDATA`.
const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const EXPRESSIONS: u16 = 4;
const COMMENT: u16 = 7;

/// Every rule of this process's network namespace, one line each: family, table, chain, what is in it, comment. None
/// where the kernel has no nf_tables.
pub(crate) fn rules() -> Vec<String> {
    let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC);
    let Ok(socket) = socket(AddressFamily::Netlink, kind.0, kind.1, SockProtocol::NetlinkNetFilter) else {
        return Vec::new();
    };
    let length = u32::try_from(HEADER + FAMILY).unwrap();
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(GET_RULES.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend([0; 8 + FAMILY]);
    send(socket.as_raw_fd(), &request, MsgFlags::empty()).expect("the kernel takes a question");
    let mut rules = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).expect("the kernel answers");
        let mut rest = &buffer[..read];
        while rest.len() >= HEADER {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]);
            let length = usize::try_from(length).unwrap().clamp(HEADER + FAMILY, rest.len());
            match short(&rest[4..]) {
                ERROR | DONE => return rules,
                _ => rules.push(line(&rest[HEADER..length])),
            }
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
    }
}

fn short(bytes: &[u8]) -> u16 {
    u16::from_ne_bytes([bytes[0], bytes[1]])
}

fn line(body: &[u8]) -> String {
    let mut attributes = std::collections::BTreeMap::new();
    let mut rest = &body[FAMILY..];
    while rest.len() >= 4 {
        let (length, kind) = (usize::from(short(rest)).clamp(4, rest.len()), short(&rest[2..]) & 0x3fff);
        attributes.insert(kind, &rest[4..length]);
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    let text = |kind| printable(attributes.get(&kind).copied().unwrap_or_default());
    let expressions = attributes.get(&EXPRESSIONS).copied().unwrap_or_default();
    let sum = expressions.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("{} {} {}: {sum:016x} {}", body[0], text(TABLE), text(CHAIN), text(COMMENT))
}

fn printable(bytes: &[u8]) -> String {
    let shown = bytes.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b' ');
    shown.map(|byte| char::from(*byte)).collect()
}
