//! Telling everybody on a link of its addresses: gratuitous ARP (RFC 5227, 3) and unsolicited neighbour advertisements
//! (RFC 4861, 7.2.6).

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, bind, sendto, setsockopt, socket,
    sockopt,
};

use super::Kernel;
use crate::effect::{LinkRef, MacAddr};
use crate::{Refused, sys};

const EVERYBODY: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// With fewer hops left it would come from another network.
const HOPS: libc::c_int = 255;
const ETHERNET: u16 = 1;
const REQUEST: u16 = 1;
const ADVERTISEMENT: u8 = 136;
/// Entries of others are to be changed.
const OVERRIDE: u8 = 0x20;
const TARGET_LINK_LAYER: u8 = 2;

impl Kernel {
    pub(super) fn announce(
        &self,
        link: &LinkRef,
        addresses: &[IpAddr],
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let found = self.details(link.space, link.index)?;
        let found = found.ok_or_else(|| Refused::kernel(tried, libc::ENODEV))?;
        let mac: MacAddr = found.link.mac.parse().map_err(|_| {
            Refused::because(tried, libc::EOPNOTSUPP, "the link has no Ethernet address to tell of")
        })?;
        self.inside(link.space, tried, || {
            addresses.iter().try_for_each(|address| tell(link.index, mac, *address))
        })
    }
}

fn tell(link: u32, mac: MacAddr, address: IpAddr) -> io::Result<()> {
    match address {
        IpAddr::V4(address) => {
            let arp = libc::ETH_P_ARP as u16;
            // A protocol of 0: it only sends.
            let socket = socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
            sys::broadcast(socket.as_fd(), link, arp, &gratuitous_arp(mac, address))
        }
        IpAddr::V6(address) => {
            let protocol = SockProtocol::IcmpV6;
            let socket = socket(AddressFamily::Inet6, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
            setsockopt(&socket, sockopt::Ipv6MulticastHops, &HOPS)?;
            let place = |address| SockaddrIn6::from(SocketAddrV6::new(address, 0, 0, link));
            bind(socket.as_raw_fd(), &place(address))?;
            let advertisement = advertisement(mac, address);
            sendto(socket.as_raw_fd(), &advertisement, &place(EVERYBODY), MsgFlags::empty())?;
            Ok(())
        }
    }
}

/// A request for one's own address.
fn gratuitous_arp(MacAddr(mac): MacAddr, address: Ipv4Addr) -> Vec<u8> {
    let numbers =
        [ETHERNET.to_be_bytes(), (libc::ETH_P_IP as u16).to_be_bytes(), [6, 4], REQUEST.to_be_bytes()];
    let address = address.octets();
    [numbers.as_flattened(), &mac, &address, &[0; 6], &address].concat()
}

/// Without its checksum, which the kernel fills in.
fn advertisement(MacAddr(mac): MacAddr, address: Ipv6Addr) -> Vec<u8> {
    let header = [ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0];
    [&header[..], &address.octets(), &[TARGET_LINK_LAYER, 1], &mac].concat()
}
