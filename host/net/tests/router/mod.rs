//! A router that says so, as RFC 4861 has it.

use std::net::Ipv6Addr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, sendto, setsockopt, socket,
    sockopt,
};

use crate::private::ip;

/// Sends one router advertisement over a link of this namespace to a link-local address behind it.
pub(crate) fn advertise(link: &str, to: &str) {
    let links: serde_json::Value = serde_json::from_str(&ip(&format!("-j link show {link}"))).unwrap();
    let index = u32::try_from(links[0]["ifindex"].as_u64().unwrap()).unwrap();
    let socket =
        socket(AddressFamily::Inet6, SockType::Raw, SockFlag::empty(), SockProtocol::IcmpV6).unwrap();
    // With fewer hops left it would come from another network.
    setsockopt(&socket, sockopt::Ipv6Ttl, &255).unwrap();
    let mut message = [0_u8; 16];
    (message[0], message[4]) = (134, 64);
    message[6..8].copy_from_slice(&1800_u16.to_be_bytes());
    let address: Ipv6Addr = to.parse().unwrap();
    let to = SockaddrIn6::from(std::net::SocketAddrV6::new(address, 0, 0, index));
    sendto(socket.as_raw_fd(), &message, &to, MsgFlags::empty()).unwrap();
}
