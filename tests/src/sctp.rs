//! Sockets of SCTP, each for one association: those of TCP read and write them as well.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, SockaddrLike, bind,
    connect as associate, listen as open, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

/// Whether the kernel has it; one that can load it does.
#[must_use]
pub fn speaks_sctp() -> bool {
    ours(AddressFamily::Inet).is_ok()
}

pub(crate) fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = ours(family(&at))?;
    bind(socket.as_raw_fd(), &*like(at))?;
    open(&socket, Backlog::new(1)?)?;
    Ok(TcpListener::from(socket))
}

pub(crate) fn connect(to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = ours(family(&to))?;
    let micros = i64::try_from(patience.as_micros()).map_err(io::Error::other)?;
    setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(micros / 1_000_000, micros % 1_000_000))?;
    associate(socket.as_raw_fd(), &*like(to))?;
    Ok(TcpStream::from(socket))
}

fn ours(family: AddressFamily) -> nix::Result<OwnedFd> {
    socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, SockProtocol::Sctp)
}

fn family(address: &SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

fn like(address: SocketAddr) -> Box<dyn SockaddrLike> {
    match address {
        SocketAddr::V4(address) => Box::new(SockaddrIn::from(address)),
        SocketAddr::V6(address) => Box::new(SockaddrIn6::from(address)),
    }
}
