//! The links of a namespace, with the properties that people and results name.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use nix::libc;

use crate::attribute::{attributes, bytes, text, u32_at};
use crate::netlink::Socket;

/// `struct ifinfomsg` and `struct ifaddrmsg`.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;

/// A network interface and its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// Interface index, unique within its namespace.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// Hardware address as `0a:58:0a:01:02:03`; empty where the link has none (tun, IP tunnels).
    pub mac: String,
    /// Maximum transmission unit in bytes.
    pub mtu: u32,
    /// Whether it is administratively up (`IFF_UP`).
    pub up: bool,
    /// The kernel's kind (`veth`, `macvlan`, `bridge`…); empty for hardware and loopback.
    pub kind: String,
    /// IPv4, then IPv6 addresses with prefix length, `10.1.2.3/24`, in the kernel's order.
    pub addresses: Vec<String>,
    /// The bridge or other link that it is a port of, by index.
    pub master: Option<u32>,
    /// Whether it was asked to receive what is for others.
    pub promiscuous: bool,
    /// Alternative names, which occupy the same name space as `name`.
    pub alternative_names: Vec<String>,
}

/// Every link in the socket's namespace, in the kernel's order, without addresses.
pub(crate) fn bare(socket: &Socket) -> io::Result<Vec<Link>> {
    let messages = socket.dump(libc::RTM_GETLINK, &[0; LINK_HEADER])?;
    let links = messages.iter().filter(|(kind, _)| *kind == libc::RTM_NEWLINK);
    Ok(links.filter_map(|(_, body)| link(body)).collect())
}

/// Every link in the socket's namespace, by index.
pub(crate) fn all(socket: &Socket) -> io::Result<Vec<Link>> {
    let mut links: BTreeMap<u32, Link> = bare(socket)?.into_iter().map(|link| (link.index, link)).collect();
    for (kind, body) in socket.dump(libc::RTM_GETADDR, &[0; ADDRESS_HEADER])? {
        if kind == libc::RTM_NEWADDR
            && let Some((index, address)) = address(&body)
            && let Some(link) = links.get_mut(&index)
        {
            link.addresses.push(address);
        }
    }
    Ok(links.into_values().collect())
}

/// One `RTM_NEWLINK`.
fn link(body: &[u8]) -> Option<Link> {
    let (index, flags) = (u32_at(body, 4)?, u32_at(body, 8)?);
    let mut link = Link { index, up: flags & libc::IFF_UP as u32 != 0, ..Link::default() };
    link.promiscuous = flags & libc::IFF_PROMISC as u32 != 0;
    for (kind, value) in attributes(body.get(LINK_HEADER..)?) {
        match kind {
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_ADDRESS => link.mac = mac(value),
            libc::IFLA_MTU => link.mtu = u32_at(value, 0)?,
            libc::IFLA_MASTER => link.master = u32_at(value, 0),
            libc::IFLA_LINKINFO => link.kind = nested(value, libc::IFLA_INFO_KIND).next().unwrap_or_default(),
            libc::IFLA_PROP_LIST => link.alternative_names = nested(value, libc::IFLA_ALT_IFNAME).collect(),
            _ => {}
        }
    }
    Some(link)
}

/// The texts of one kind among nested attributes.
fn nested(data: &[u8], wanted: u16) -> impl Iterator<Item = String> {
    attributes(data).filter(move |(kind, _)| *kind == wanted).map(|(_, value)| text(value))
}

/// Ethernet and InfiniBand addresses; IP tunnels have an IP address in this place.
fn mac(value: &[u8]) -> String {
    match value.len() {
        6 | 8 | 20 => value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
        _ => String::new(),
    }
}

/// One `RTM_NEWADDR`: the link's index, and the address with its prefix length.
fn address(body: &[u8]) -> Option<(u32, String)> {
    let [family, prefix] = bytes(body, 0)?;
    let index = u32_at(body, 4)?;
    let find = |wanted| {
        let mut all = attributes(body.get(ADDRESS_HEADER..).unwrap_or_default());
        all.find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    };
    // On a link with a peer IFA_ADDRESS is the peer's, and only IFA_LOCAL is ours.
    let value = find(libc::IFA_LOCAL).or_else(|| find(libc::IFA_ADDRESS))?;
    match libc::c_int::from(family) {
        libc::AF_INET => Some((index, format!("{}/{prefix}", Ipv4Addr::from(bytes::<4>(value, 0)?)))),
        libc::AF_INET6 => Some((index, format!("{}/{prefix}", Ipv6Addr::from(bytes::<16>(value, 0)?)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hardware_addresses_are_told_from_tunnel_ends() {
        for (value, expected) in [
            (&[0x0a, 0x58, 10, 1, 2, 3][..], "0a:58:0a:01:02:03"),
            (&[10, 0, 0, 1], ""),
            (&[], ""),
            (&[0xfe; 8], "fe:fe:fe:fe:fe:fe:fe:fe"),
        ] {
            assert_eq!(mac(value), expected);
        }
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (link(&data), address(&data));
        }
    }
}
