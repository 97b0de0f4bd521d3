//! The links of a namespace, with the properties that people and results name.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::{fmt, io};

use ipnet::IpNet;
use netlink_packet_core::DefaultNla;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use nix::libc;

use crate::answer::Refusal;
use crate::attribute::{attributes, bytes, text, u32_at, value};
use crate::netlink::{Socket, body};

/// `struct ifinfomsg` and `struct ifaddrmsg`.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;
/// `IFLA_BRPORT_MODE`, `IFLA_BRPORT_ISOLATED`.
pub(crate) const PORT_MODE: u16 = 4;
pub(crate) const PORT_ISOLATED: u16 = 33;
/// `IFLA_BR_VLAN_FILTERING`, `IFLA_VRF_TABLE`.
const VLAN_FILTERING: u16 = 7;
const VRF_TABLE: u16 = 1;

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
    /// Whether it was asked to receive what is for any group.
    pub all_multicast: bool,
    /// How many packets may wait to be sent.
    pub tx_queue_length: u32,
    /// Alternative names, which occupy the same name space as `name`.
    pub alternative_names: Vec<String>,
}

/// A link with what taking it back needs to know beside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Details {
    /// Without addresses.
    pub(crate) link: Link,
    /// Whether something is at its other end (`IFF_LOWER_UP`).
    pub(crate) carrier: bool,
    /// Address of its device on the bus; `None` for virtual links, and before Linux 5.14.
    pub(crate) bus_address: Option<String>,
    /// Whether it sends back out of itself, as the port of a bridge.
    pub(crate) hairpin: Option<bool>,
    /// Whether it has nothing to do with others that are so, likewise.
    pub(crate) isolated: Option<bool>,
    /// Whether it tells VLANs apart, as a bridge.
    pub(crate) tells_vlans_apart: bool,
    /// The link that it is on or the other end of, by index in that one's namespace.
    pub(crate) below: Option<u32>,
    /// That namespace, as this one numbers it, if it is another one.
    pub(crate) namespace: Option<i32>,
    /// The table of its ports' routes, if they have one of their own.
    pub(crate) table: Option<u32>,
}

/// How a link is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Index(u32),
    /// A name or an alternative name.
    Name(&'a str),
}

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "link {index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Every link in the socket's namespace, in the kernel's order, without addresses.
pub(crate) fn bare(socket: &Socket) -> io::Result<Vec<Link>> {
    Ok(detailed(socket)?.into_iter().map(|details| details.link).collect())
}

/// Every link in the socket's namespace, in the kernel's order.
pub(crate) fn detailed(socket: &Socket) -> io::Result<Vec<Details>> {
    let messages = socket.dump(libc::RTM_GETLINK, &request(Wanted::Index(0)))?;
    let links = messages.iter().filter(|(kind, _)| *kind == libc::RTM_NEWLINK);
    Ok(links.filter_map(|(_, body)| details(body)).collect())
}

/// Every link in the socket's namespace, by index.
pub(crate) fn all(socket: &Socket) -> io::Result<Vec<Link>> {
    let mut links: BTreeMap<u32, Link> = bare(socket)?.into_iter().map(|link| (link.index, link)).collect();
    for found in addresses(socket, libc::AF_UNSPEC, 0)? {
        if let Some(link) = links.get_mut(&found.index) {
            link.addresses.push(found.net.to_string());
        }
    }
    Ok(links.into_values().collect())
}

/// One link, without addresses; `None` if it is not there.
pub(crate) fn one(socket: &Socket, wanted: Wanted<'_>) -> Result<Option<Details>, Refusal> {
    match socket.get(libc::RTM_GETLINK, &request(wanted)) {
        Ok((_, body)) => Ok(details(&body)),
        // The second is for a name that no link can have.
        Err(refusal) if matches!(refusal.errno(), Some(libc::ENODEV | libc::ERANGE)) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// One link with its addresses; `None` if it is not there.
pub(crate) fn whole(socket: &Socket, wanted: Wanted<'_>) -> Result<Option<Link>, Refusal> {
    let Some(Details { mut link, .. }) = one(socket, wanted)? else { return Ok(None) };
    match addresses(socket, libc::AF_UNSPEC, link.index) {
        Ok(found) => link.addresses = found.iter().map(|found| found.net.to_string()).collect(),
        // It went just now.
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    Ok(Some(link))
}

/// The question for one link, or, with index 0, for all. Counters are not wanted: they cost more than all the rest.
fn request(wanted: Wanted<'_>) -> Vec<u8> {
    let mut message = LinkMessage::default();
    match wanted {
        Wanted::Index(index) => message.header.index = index,
        Wanted::Name(name) if name.len() < libc::IFNAMSIZ => {
            message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        }
        Wanted::Name(name) => {
            let name = [name.as_bytes(), &[0]].concat();
            message.attributes.push(LinkAttribute::Other(DefaultNla::new(libc::IFLA_ALT_IFNAME, name)));
        }
    }
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    body(&message)
}

/// An address of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    /// The link's index.
    pub(crate) index: u32,
    /// With the length of its prefix.
    pub(crate) net: IpNet,
    /// `IFA_F_…`.
    pub(crate) flags: u32,
}

/// The addresses of one link or, with index 0, of all; of one family (`AF_INET…`) or of both.
pub(crate) fn addresses(socket: &Socket, family: libc::c_int, index: u32) -> io::Result<Vec<Address>> {
    let mut request = [family as u8, 0, 0, 0, 0, 0, 0, 0];
    if let Some(place) = request.last_chunk_mut() {
        *place = index.to_ne_bytes();
    }
    let messages = socket.dump(libc::RTM_GETADDR, &request)?;
    let found = messages.iter().filter(|(kind, _)| *kind == libc::RTM_NEWADDR);
    let found = found.filter_map(|(_, body)| address(body));
    Ok(found.filter(|found| index == 0 || found.index == index).collect())
}

/// One `RTM_NEWLINK`.
fn details(body: &[u8]) -> Option<Details> {
    let (index, flags) = (u32_at(body, 4)?, u32_at(body, 8)?);
    let carrier = flags & libc::IFF_LOWER_UP as u32 != 0;
    let mut found = Details { carrier, ..Details::default() };
    let link = &mut found.link;
    (link.index, link.up) = (index, flags & libc::IFF_UP as u32 != 0);
    link.promiscuous = flags & libc::IFF_PROMISC as u32 != 0;
    link.all_multicast = flags & libc::IFF_ALLMULTI as u32 != 0;
    for (kind, value) in attributes(body.get(LINK_HEADER..)?) {
        match kind {
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_ADDRESS => link.mac = mac(value),
            libc::IFLA_MTU => link.mtu = u32_at(value, 0)?,
            libc::IFLA_TXQLEN => link.tx_queue_length = u32_at(value, 0)?,
            libc::IFLA_MASTER => link.master = u32_at(value, 0),
            libc::IFLA_LINK => found.below = u32_at(value, 0),
            libc::IFLA_LINK_NETNSID => found.namespace = bytes(value, 0).map(i32::from_ne_bytes),
            libc::IFLA_LINKINFO => {
                link.kind = nested(value, libc::IFLA_INFO_KIND).next().unwrap_or_default();
                found.hairpin = of_port(value, PORT_MODE);
                found.isolated = of_port(value, PORT_ISOLATED);
                let of_kind =
                    |kind: &str, wanted| (link.kind == kind).then(|| of_link(value, wanted)).flatten();
                found.tells_vlans_apart =
                    of_kind("bridge", VLAN_FILTERING).is_some_and(|value| value.first() == Some(&1));
                found.table = of_kind("vrf", VRF_TABLE).and_then(|value| u32_at(value, 0));
            }
            libc::IFLA_PROP_LIST => link.alternative_names = nested(value, libc::IFLA_ALT_IFNAME).collect(),
            libc::IFLA_PARENT_DEV_NAME => found.bus_address = Some(text(value)),
            _ => {}
        }
    }
    Some(found)
}

/// A switch of a port that the bridge has whose port a link is.
fn of_port(link_info: &[u8], wanted: u16) -> Option<bool> {
    if text(value(link_info, libc::IFLA_INFO_SLAVE_KIND)?) != "bridge" {
        return None;
    }
    value(value(link_info, libc::IFLA_INFO_SLAVE_DATA)?, wanted)?.first().map(|on| *on != 0)
}

/// What a link's own kind says about it.
fn of_link(link_info: &[u8], wanted: u16) -> Option<&[u8]> {
    value(value(link_info, libc::IFLA_INFO_DATA)?, wanted)
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

/// One `RTM_NEWADDR`.
fn address(body: &[u8]) -> Option<Address> {
    let [family, prefix, flags] = bytes(body, 0)?;
    let index = u32_at(body, 4)?;
    let find = |wanted| {
        let mut all = attributes(body.get(ADDRESS_HEADER..).unwrap_or_default());
        all.find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    };
    // The header has room for the first eight alone.
    let flags = find(libc::IFA_FLAGS).and_then(|value| u32_at(value, 0)).unwrap_or(flags.into());
    // On a link with a peer IFA_ADDRESS is the peer's, and only IFA_LOCAL is ours.
    let value = find(libc::IFA_LOCAL).or_else(|| find(libc::IFA_ADDRESS))?;
    Some(Address { index, net: IpNet::new(ip(family, value)?, prefix).ok()?, flags })
}

/// An address of this family.
pub(crate) fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match libc::c_int::from(family) {
        libc::AF_INET => bytes::<4>(value, 0).map(IpAddr::from),
        libc::AF_INET6 => bytes::<16>(value, 0).map(IpAddr::from),
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
            let _ = (details(&data), address(&data));
        }
    }
}
