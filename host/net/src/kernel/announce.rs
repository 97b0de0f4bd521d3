//! Telling everybody on a link of its addresses: gratuitous ARP (RFC 5227, 3) and unsolicited neighbour advertisements
//! (RFC 4861, 7.2.6).

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage};
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, bind, sendto, setsockopt, socket,
    sockopt,
};

use super::{Kernel, failed, gone_is_good, refused};
use crate::answer::Refusal;
use crate::effect::{LinkRef, MacAddr};
use crate::link::{self, Address, Details};
use crate::netlink::{Socket, body};
use crate::{Refused, sys};

const EVERYBODY: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// With fewer hops left it would come from another network.
const HOPS: libc::c_int = 255;
const ETHERNET: u16 = 1;
const REQUEST: u16 = 1;
const ADVERTISEMENT: u8 = 136;
/// How long hardware may take to connect: an emulated card takes a second.
const CONNECTING: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);
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
        let found = self.once_connected(link, tried)?.link;
        if !found.up {
            return Err(Refused::kernel(tried, libc::ENETDOWN));
        }
        let mac: MacAddr = found.mac.parse().map_err(|_| {
            Refused::because(tried, libc::EOPNOTSUPP, "the link has no Ethernet address to tell of")
        })?;
        let socket = self.socket(link.space, tried)?;
        let own = link::addresses(socket, libc::AF_INET, link.index).map_err(failed(tried))?;
        let mut rest = Vec::new();
        for address in addresses {
            match address {
                IpAddr::V4(v4)
                    if asks_as(&own, *v4) && ask(socket, link.index, *v4).map_err(refused(tried))? => {}
                address => rest.push(*address),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        self.inside(link.space, tried, || rest.iter().try_for_each(|address| tell(link.index, mac, *address)))
    }

    /// The link, which hardware connects some time after it came up: until then what is sent is lost. Where nothing is at
    /// its other end, nobody is to be told.
    fn once_connected(&self, link: &LinkRef, tried: &dyn Display) -> Result<Details, Refused> {
        let end = self.patience().min(Instant::now() + CONNECTING);
        loop {
            let found = self.details(link.space, link.index)?;
            let found = found.ok_or_else(|| Refused::kernel(tried, libc::ENODEV))?;
            let connects = found.link.up && !found.carrier && found.bus_address.is_some();
            if !connects || Instant::now() >= end {
                return Ok(found);
            }
            sleep(PAUSE);
        }
    }
}

/// Lets the kernel ask who has an address of its own, as it asks for any neighbour: that is a gratuitous ARP. False if
/// there is a neighbour of that address already.
///
/// A packet socket can send one as well, but closing it waits for a grace period of the kernel, 10 ms and more.
fn ask(socket: &Socket, link: u32, address: Ipv4Addr) -> Result<bool, Refusal> {
    let mut message = NeighbourMessage::default();
    message.header.family = IpAddr::V4(address).into();
    message.header.ifindex = link;
    message.header.flags = NeighbourFlags::Use;
    message.attributes = vec![NeighbourAttribute::Destination(IpAddr::V4(address).into())];
    let body = body(&message);
    match socket.change(libc::RTM_NEWNEIGH, libc::NLM_F_CREATE | libc::NLM_F_EXCL, &body) {
        Err(refusal) if refusal.errno() == Some(libc::EEXIST) => return Ok(false),
        done => done?,
    }
    // It has asked; no answer is to be waited for.
    gone_is_good(socket.change(libc::RTM_DELNEIGH, 0, &body))?;
    Ok(true)
}

/// Whether the kernel asks for an address in its own name: it takes the first one of the link's that has the address in
/// its network (`inet_select_addr`).
fn asks_as(own: &[Address], address: Ipv4Addr) -> bool {
    let mut primary = own.iter().filter(|own| own.flags & libc::IFA_F_SECONDARY == 0);
    let chosen = primary.find(|own| own.net.contains(&IpAddr::V4(address)));
    chosen.is_some_and(|chosen| chosen.net.addr() == address)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_asks_in_the_name_of_the_first_address_of_a_network() {
        let own = |net: &str, flags| Address { index: 2, net: net.parse().unwrap(), flags };
        let addresses = [
            own("10.1.0.2/24", 0),
            own("10.1.0.3/24", libc::IFA_F_SECONDARY),
            own("10.0.0.1/8", 0),
            own("10.9.0.1/24", 0),
            own("192.168.0.1/32", 0),
        ];
        for (address, itself) in [
            ("10.1.0.2", true),
            ("10.1.0.3", false),
            ("10.0.0.1", true),
            ("10.9.0.1", false),
            ("192.168.0.1", true),
            ("172.16.0.1", false),
        ] {
            assert_eq!(asks_as(&addresses, address.parse().unwrap()), itself, "{address}");
        }
    }
}
