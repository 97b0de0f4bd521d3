//! The packet filter's rules, asked for over netlink: not every node has a program that lists them.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

/// `NFT_MSG_GETCHAIN` and `NFT_MSG_GETRULE` of the subsystem nf_tables, and `NLM_F_REQUEST | NLM_F_DUMP`.
const GET_CHAINS: u16 = (10 << 8) | 4;
const GET_RULES: u16 = (10 << 8) | 7;
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR`, `NLMSG_DONE`, `NLM_F_DUMP_INTR`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const INTERRUPTED: u16 = 0x10;
/// `struct nlmsghdr`, `struct nfgenmsg`.
const HEADER: usize = 16;
const FAMILY: usize = 4;
/// `NFTA_RULE_TABLE`, `…_CHAIN`, `…_EXPRESSIONS`, `…_USERDATA`.
const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const EXPRESSIONS: u16 = 4;
const COMMENT: u16 = 7;
/// `NFTA_CHAIN_NAME`, `NFTA_CHAIN_HOOK`.
const NAME: u16 = 3;
const HOOK: u16 = 4;

type Attributes<'a> = BTreeMap<u16, &'a [u8]>;

/// Every rule of this process's network namespace, one line each: family, table, chain, what is in it, comment; and
/// every chain that others lead to, empty ones too. None where the kernel has no nf_tables.
pub(crate) fn rules() -> Vec<String> {
    let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC);
    let Ok(socket) = socket(AddressFamily::Netlink, kind.0, kind.1, SockProtocol::NetlinkNetFilter) else {
        return Vec::new();
    };
    let mut lines: Vec<String> = list(&socket, GET_RULES).iter().map(|body| rule(body)).collect();
    lines.extend(list(&socket, GET_CHAINS).iter().filter_map(|body| chain(body)));
    lines
}

/// All things of a kind. The kernel's list is asked for again if somebody changed it meanwhile.
fn list(socket: &OwnedFd, what: u16) -> Vec<Vec<u8>> {
    loop {
        ask(socket, what);
        if let Some(bodies) = answer(socket) {
            return bodies;
        }
    }
}

fn ask(socket: &OwnedFd, what: u16) {
    let length = u32::try_from(HEADER + FAMILY).unwrap();
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(what.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend([0; 8 + FAMILY]);
    send(socket.as_raw_fd(), &request, MsgFlags::empty()).expect("the kernel takes a question");
}

/// `None` if it is not of one moment.
fn answer(socket: &OwnedFd) -> Option<Vec<Vec<u8>>> {
    let (mut bodies, mut whole) = (Vec::new(), true);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).expect("the kernel answers");
        let mut rest = &buffer[..read];
        while rest.len() >= HEADER + FAMILY {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]);
            let length = usize::try_from(length).unwrap().clamp(HEADER + FAMILY, rest.len());
            let body = &rest[HEADER..length];
            whole &= short(&rest[6..]) & INTERRUPTED == 0;
            match short(&rest[4..]) {
                DONE => return whole.then_some(bodies),
                ERROR => match Errno::from_raw(-i32::from_ne_bytes([body[0], body[1], body[2], body[3]])) {
                    // There is no nf_tables.
                    Errno::EINVAL | Errno::EOPNOTSUPP => return Some(Vec::new()),
                    Errno::EINTR => return None,
                    errno => panic!("the kernel does not list its packet rules: {errno}"),
                },
                _ => bodies.push(body.to_vec()),
            }
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
    }
}

fn short(bytes: &[u8]) -> u16 {
    u16::from_ne_bytes([bytes[0], bytes[1]])
}

fn attributes(body: &[u8]) -> Attributes<'_> {
    let mut attributes = BTreeMap::new();
    let mut rest = &body[FAMILY..];
    while rest.len() >= 4 {
        let (length, kind) = (usize::from(short(rest)).clamp(4, rest.len()), short(&rest[2..]) & 0x3fff);
        attributes.insert(kind, &rest[4..length]);
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    attributes
}

fn text(attributes: &Attributes<'_>, kind: u16) -> String {
    printable(attributes.get(&kind).copied().unwrap_or_default())
}

fn rule(body: &[u8]) -> String {
    let all = attributes(body);
    let expressions = all.get(&EXPRESSIONS).copied().unwrap_or_default();
    let sum = expressions.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let [table, chain, comment] = [TABLE, CHAIN, COMMENT].map(|kind| text(&all, kind));
    format!("rule {} {table} {chain}: {sum:016x} {comment}", body[0])
}

/// A chain that no hook of the kernel leads to.
fn chain(body: &[u8]) -> Option<String> {
    let all = attributes(body);
    let own = !all.contains_key(&HOOK);
    own.then(|| format!("chain {} {} {}", body[0], text(&all, TABLE), text(&all, NAME)))
}

fn printable(bytes: &[u8]) -> String {
    let shown = bytes.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b' ');
    shown.map(|byte| char::from(*byte)).collect()
}
