//! A route netlink socket, and asking it for everything of a kind.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, sockopt};
use nix::sys::time::TimeVal;

use crate::attribute::{after, bytes, u16_at, u32_at};

/// The kernel answers at once or, with the rtnl lock taken by somebody stuck, not at all.
const PATIENCE_SECONDS: libc::time_t = 5;
/// The kernel never sends more than this at once, however much a reader offers.
const LONGEST_DATAGRAM: usize = 64 << 10;
/// A table that changes while it is read must be read again; so often it only does in a storm of changes.
const ATTEMPTS: u32 = 10;
/// Length of a netlink message's header.
const HEADER: usize = 16;

/// Bound to the namespace that the opening thread was in.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

/// A message's kind (`RTM_…`) and what follows its header.
pub(crate) type Message = (u16, Vec<u8>);

/// What one datagram did for a dump.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    More,
    Complete,
    /// Complete, but the table changed meanwhile.
    Inconsistent,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Socket {
    pub(crate) fn open() -> io::Result<Self> {
        let protocol = SockProtocol::NetlinkRoute;
        let fd = socket::socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        socket::setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE_SECONDS, 0))?;
        Ok(Self(fd))
    }

    /// Everything of a kind: `request` is `RTM_GET…`, `body` the fixed part of its message, zeroed.
    pub(crate) fn dump(&self, request: u16, body: &[u8]) -> io::Result<Vec<Message>> {
        for sequence in 1..=ATTEMPTS {
            self.send(request, sequence, body)?;
            let mut messages = Vec::new();
            let mut interrupted = false;
            loop {
                match read(&self.receive()?, sequence, &mut messages, &mut interrupted)? {
                    Progress::More => {}
                    Progress::Complete => return Ok(messages),
                    Progress::Inconsistent => break,
                }
            }
        }
        Err(io::Error::other(format!("it changed during each of {ATTEMPTS} readings; try again")))
    }

    fn send(&self, request: u16, sequence: u32, body: &[u8]) -> io::Result<()> {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
        let length = (HEADER + body.len()) as u32;
        let mut message = Vec::new();
        message.extend(length.to_ne_bytes());
        message.extend(request.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes()); // from whom: the kernel fills that in
        message.extend(body);
        socket::send(self.0.as_raw_fd(), &message, MsgFlags::empty())?;
        Ok(())
    }

    fn receive(&self) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; LONGEST_DATAGRAM];
        loop {
            match socket::recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC) {
                Ok(length) if length <= buffer.len() => {
                    buffer.truncate(length);
                    return Ok(buffer);
                }
                Ok(length) => return Err(io::Error::other(format!("an answer of {length} bytes"))),
                Err(nix::Error::EINTR) => {}
                Err(nix::Error::EAGAIN) => {
                    let message = format!("the kernel gave no answer within {PATIENCE_SECONDS} s");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, message));
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Takes the messages of one datagram that answer request number `sequence`.
fn read(
    datagram: &[u8],
    sequence: u32,
    messages: &mut Vec<Message>,
    interrupted: &mut bool,
) -> io::Result<Progress> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a malformed netlink message");
    let mut rest = datagram;
    while !rest.is_empty() {
        let length = u32_at(rest, 0).ok_or_else(malformed)? as usize;
        let kind = u16_at(rest, 4).ok_or_else(malformed)?;
        let flags = libc::c_int::from(u16_at(rest, 6).ok_or_else(malformed)?);
        let answers = u32_at(rest, 8).ok_or_else(malformed)?;
        let body = rest.get(HEADER..length).ok_or_else(malformed)?;
        rest = after(rest, length);
        if answers != sequence {
            continue;
        }
        *interrupted |= flags & libc::NLM_F_DUMP_INTR != 0;
        match libc::c_int::from(kind) {
            libc::NLMSG_NOOP => {}
            libc::NLMSG_OVERRUN => return Err(io::Error::other("the kernel lost data")),
            libc::NLMSG_ERROR | libc::NLMSG_DONE => {
                check(body)?;
                return Ok(if *interrupted { Progress::Inconsistent } else { Progress::Complete });
            }
            _ => messages.push((kind, body.to_vec())),
        }
    }
    Ok(Progress::More)
}

/// Fails with the negated error number at the start of an ending message, if there is one.
fn check(body: &[u8]) -> io::Result<()> {
    let code = bytes(body, 0).map_or(0, i32::from_ne_bytes);
    if code < 0 { Err(io::Error::from_raw_os_error(code.saturating_neg())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut message = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(sequence.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(body);
        message
    }

    fn reading(datagram: &[u8]) -> io::Result<(Progress, usize)> {
        let mut messages = Vec::new();
        read(datagram, 7, &mut messages, &mut false).map(|progress| (progress, messages.len()))
    }

    #[test]
    fn a_dump_ends_with_done_and_starts_again_if_interrupted() {
        let (done, error) = (libc::NLMSG_DONE as u16, libc::NLMSG_ERROR as u16);
        let link = message(16, 2, 7, &[0; 16]);
        let interrupted = message(16, libc::NLM_F_DUMP_INTR as u16, 7, &[0; 16]);
        let (end, refused) = (message(done, 2, 7, &[0; 4]), message(error, 0, 7, &(-1_i32).to_ne_bytes()));
        let (failed, old) = (message(done, 2, 7, &(-12_i32).to_ne_bytes()), message(done, 2, 6, &[0; 4]));

        assert_eq!(reading(&link).unwrap(), (Progress::More, 1));
        assert_eq!(reading(&[link.clone(), end.clone()].concat()).unwrap(), (Progress::Complete, 1));
        assert_eq!(reading(&[interrupted, end.clone()].concat()).unwrap(), (Progress::Inconsistent, 1));
        assert_eq!(reading(&[old, link].concat()).unwrap(), (Progress::More, 1));
        assert_eq!(reading(&refused).unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(reading(&failed).unwrap_err().raw_os_error(), Some(libc::ENOMEM));
        assert!(reading(&end[..end.len() - 1]).is_err());
    }

    proptest! {
        #[test]
        fn no_datagram_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = reading(&data);
        }
    }
}
