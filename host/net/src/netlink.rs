//! A netlink socket: asking it for everything of a kind or for one thing, and for changes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use netlink_packet_core::Emitable;
use nix::libc;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::answer::{self, HEADER, Message, Progress, Refusal};
use crate::sys;

/// The kernel answers at once or, with a lock taken by somebody stuck, not at all.
const PATIENCE_MILLISECONDS: u32 = 5_000;
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
    /// How long an answer is waited for.
    patience: AtomicU32,
}

/// A change to ask for.
#[derive(Debug)]
pub(crate) struct Request {
    /// `RTM_NEW…`, `RTM_DEL…`.
    pub(crate) kind: u16,
    /// What may be there already (`NLM_F_CREATE`…), and whether it is to be acknowledged.
    pub(crate) flags: libc::c_int,
    /// The message after its header.
    pub(crate) body: Vec<u8>,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A message of the library's as bytes.
pub(crate) fn body(message: &impl Emitable) -> Vec<u8> {
    let mut body = vec![0; message.buffer_len()];
    message.emit(&mut body);
    body
}

impl Socket {
    /// For links, addresses, routes and neighbours.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Self::of(SockProtocol::NetlinkRoute)?;
        // Without it (before 4.20) a question for one link's addresses is answered with those of all.
        let _ = sys::netlink_option(socket.as_fd(), libc::NETLINK_GET_STRICT_CHK, 1);
        Ok(socket)
    }

    /// For rules for packets.
    pub(crate) fn netfilter() -> io::Result<Self> {
        Self::of(SockProtocol::NetlinkNetFilter)
    }

    fn of(protocol: SockProtocol) -> io::Result<Self> {
        let fd = socket::socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        let socket = Self { fd, sequence: AtomicU32::new(0), patience: AtomicU32::new(0) };
        socket.wait_at_most(PATIENCE_MILLISECONDS)?;
        // Without it (before 4.12) a refusal has no words.
        let _ = sys::netlink_option(socket.as_fd(), libc::NETLINK_EXT_ACK, 1);
        Ok(socket)
    }

    /// How many messages were sent.
    pub(crate) fn sent(&self) -> u32 {
        self.sequence.load(Ordering::Relaxed)
    }

    /// From now on no answer is waited for longer than until then, nor longer than usual.
    pub(crate) fn be_patient_until(&self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis();
        self.wait_at_most(u32::try_from(left).unwrap_or(u32::MAX).clamp(1, PATIENCE_MILLISECONDS))
    }

    fn wait_at_most(&self, milliseconds: u32) -> io::Result<()> {
        if self.patience.swap(milliseconds, Ordering::Relaxed) != milliseconds {
            let patience = TimeVal::milliseconds(milliseconds.into());
            socket::setsockopt(&self.fd, sockopt::ReceiveTimeout, &patience)?;
        }
        Ok(())
    }

    /// Everything of a kind: `request` is `RTM_GET…`, `body` the fixed part of its message, zeroed but for what
    /// selects.
    pub(crate) fn dump(&self, request: u16, body: &[u8]) -> io::Result<Vec<Message>> {
        for _ in 0..ATTEMPTS {
            let sequence = self.send(&[(request, libc::NLM_F_DUMP, body)])?;
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

    /// One thing: `request` is `RTM_GET…`, `body` says which.
    pub(crate) fn get(&self, request: u16, body: &[u8]) -> Result<Message, Refusal> {
        let sequence = self.send(&[(request, 0, body)])?;
        loop {
            if let Some(answer) = answer::reply(&self.receive()?, sequence)? {
                return answer;
            }
        }
    }

    /// One change: `request` is `RTM_NEW…` or `RTM_DEL…`, `flags` say what may be there already (`NLM_F_CREATE`…),
    /// `body` is the message after its header.
    pub(crate) fn change(&self, request: u16, flags: libc::c_int, body: &[u8]) -> Result<(), Refusal> {
        let sequence = self.send(&[(request, libc::NLM_F_ACK | flags, body)])?;
        loop {
            let answers = answer::acknowledgements(&self.receive()?)?;
            if let Some((_, done)) = answers.into_iter().find(|(number, _)| *number == sequence) {
                return done;
            }
        }
    }

    /// Several changes with one system call, and how each of them went. Waits until all that are to be acknowledged
    /// (`NLM_F_ACK`) are, or another one is refused.
    pub(crate) fn changes(&self, requests: &[Request]) -> io::Result<Vec<Result<(), Refusal>>> {
        let messages: Vec<_> =
            requests.iter().map(|request| (request.kind, request.flags, request.body.as_slice())).collect();
        let first = self.send(&messages)?;
        let is_awaited = |request: &Request| request.flags & libc::NLM_F_ACK != 0;
        let mut awaited = requests.iter().filter(|request| is_awaited(request)).count();
        let mut done: Vec<_> = requests.iter().map(|_| Ok(())).collect();
        while awaited > 0 {
            for (sequence, answer) in answer::acknowledgements(&self.receive()?)? {
                let at = usize::try_from(sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                let (Some(request), Some(slot)) = (requests.get(at), done.get_mut(at)) else { continue };
                awaited = match answer {
                    // What belongs to all of them was refused.
                    Err(_) if !is_awaited(request) => 0,
                    _ => awaited.saturating_sub(1),
                };
                *slot = answer;
            }
        }
        Ok(done)
    }

    /// Waits for the first word of a group (`RTNLGRP_…`) after `begin`, in which the caller looks for itself; false if
    /// there was none until the deadline.
    pub(crate) fn hear(&self, deadline: Instant) -> io::Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = TimeVal::milliseconds(i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(1));
        self.patience.store(0, Ordering::Relaxed);
        socket::setsockopt(&self.fd, sockopt::ReceiveTimeout, &patience)?;
        match self.receive() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(false),
            // There was more than there is room for.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether to be told of changes of a kind (`RTNLGRP_…`), between other answers.
    pub(crate) fn listen(&self, group: libc::c_uint, on: bool) -> io::Result<()> {
        let option = if on { libc::NETLINK_ADD_MEMBERSHIP } else { libc::NETLINK_DROP_MEMBERSHIP };
        sys::netlink_option(self.as_fd(), option, group.cast_signed())
    }

    /// Sends messages of these kinds and flags with one system call. Returns the number that answers to the first will
    /// have; the others follow.
    fn send(&self, messages: &[(u16, libc::c_int, &[u8])]) -> io::Result<u32> {
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        let first = self.sequence.fetch_add(count, Ordering::Relaxed).wrapping_add(1);
        let mut datagram = Vec::new();
        for (sequence, (kind, flags, body)) in (first..).zip(messages) {
            let flags = (libc::NLM_F_REQUEST | flags) as u16;
            let length = (HEADER + body.len()) as u32;
            datagram.extend(length.to_ne_bytes());
            datagram.extend(kind.to_ne_bytes());
            datagram.extend(flags.to_ne_bytes());
            datagram.extend(sequence.to_ne_bytes());
            datagram.extend(0_u32.to_ne_bytes()); // from whom: the kernel fills that in
            datagram.extend_from_slice(body);
            datagram.resize(datagram.len().next_multiple_of(4), 0);
        }
        socket::send(self.fd.as_raw_fd(), &datagram, MsgFlags::empty())?;
        Ok(first)
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
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the kernel gave no answer in time"));
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
