//! A route netlink socket: asking it for everything of a kind, and for one change.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::libc;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, sockopt};
use nix::sys::time::TimeVal;

use crate::answer::{self, HEADER, Message, Progress, Refusal};
use crate::sys;

/// The kernel answers at once or, with the rtnl lock taken by somebody stuck, not at all.
const PATIENCE_SECONDS: libc::time_t = 5;
/// The kernel never sends more than this at once, however much a reader offers.
const LONGEST_DATAGRAM: usize = 64 << 10;
/// A table that changes while it is read must be read again; so often it only does in a storm of changes.
const ATTEMPTS: u32 = 10;

/// Bound to the namespace that the opening thread was in.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    /// Number of the last request.
    sequence: AtomicU32,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Socket {
    pub(crate) fn open() -> io::Result<Self> {
        let protocol = SockProtocol::NetlinkRoute;
        let fd = socket::socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        socket::setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE_SECONDS, 0))?;
        Ok(Self { fd, sequence: AtomicU32::new(0) })
    }

    /// Everything of a kind: `request` is `RTM_GET…`, `body` the fixed part of its message, zeroed but for what
    /// selects.
    pub(crate) fn dump(&self, request: u16, body: &[u8]) -> io::Result<Vec<Message>> {
        for _ in 0..ATTEMPTS {
            let sequence = self.send(request, libc::NLM_F_DUMP, body)?;
            let mut messages = Vec::new();
            let mut interrupted = false;
            loop {
                match answer::read(&self.receive()?, sequence, &mut messages, &mut interrupted)? {
                    Progress::More => {}
                    Progress::Complete => return Ok(messages),
                    Progress::Inconsistent => break,
                }
            }
        }
        Err(io::Error::other(format!("it changed during each of {ATTEMPTS} readings; try again")))
    }

    /// One change: `request` is `RTM_NEW…` or `RTM_DEL…`, `flags` say what may be there already (`NLM_F_CREATE`…),
    /// `body` is the message after its header.
    pub(crate) fn change(&self, request: u16, flags: libc::c_int, body: &[u8]) -> Result<(), Refusal> {
        // Without them a refusal has no words, and the change is the same.
        let _ = sys::ask_for_words(self.as_fd());
        let sequence = self.send(request, libc::NLM_F_ACK | flags, body)?;
        loop {
            if let Some(answer) = answer::acknowledgement(&self.receive()?, sequence)? {
                return answer;
            }
        }
    }

    /// Returns the number that answers will have.
    fn send(&self, request: u16, flags: libc::c_int, body: &[u8]) -> io::Result<u32> {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let flags = (libc::NLM_F_REQUEST | flags) as u16;
        let length = (HEADER + body.len()) as u32;
        let mut message = Vec::new();
        message.extend(length.to_ne_bytes());
        message.extend(request.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes()); // from whom: the kernel fills that in
        message.extend(body);
        socket::send(self.fd.as_raw_fd(), &message, MsgFlags::empty())?;
        Ok(sequence)
    }

    fn receive(&self) -> io::Result<Vec<u8>> {
        let mut buffer = Vec::new();
        loop {
            // Its length first: room for the longest there can be costs more than the question.
            let flags = if buffer.is_empty() { MsgFlags::MSG_PEEK } else { MsgFlags::empty() };
            match socket::recv(self.fd.as_raw_fd(), &mut buffer, flags | MsgFlags::MSG_TRUNC) {
                Ok(length) if buffer.is_empty() && length <= LONGEST_DATAGRAM => {
                    buffer.resize(length.max(1), 0);
                }
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
