//! Making and changing links, each with one request.

use std::fmt::Display;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    InfoBridge, InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoVeth, InfoVlan, InfoVrf, IpVlanMode,
    LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkProtoInfoBridge, MacVlanMode, Prop,
};
use nix::libc;

use super::{Kernel, refused};
use crate::Refused;
use crate::answer::Refusal;
use crate::effect::{Home, IpvlanMode, LinkKind, LinkRef, MacvlanMode, NewLink, Property, Space};
use crate::link::{PORT_ISOLATED, PORT_MODE, Wanted};
use crate::netlink::body;
use crate::undo::Moved;

/// Nothing of that name or number may be there.
const NEW: libc::c_int = libc::NLM_F_CREATE | libc::NLM_F_EXCL;

/// `RTM_NEWLINKPROP`, `RTM_DELLINKPROP`.
const NEW_NAME: u16 = 108;
const DELETE_NAME: u16 = 109;

/// A message about a link that is there.
pub(super) fn about(index: u32, attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = attributes;
    message
}

fn new(link: &NewLink, mtu: Option<u32>) -> LinkMessage {
    let mut attributes =
        vec![LinkAttribute::IfName(link.name.clone()), LinkAttribute::Address(link.mac.0.to_vec())];
    attributes.extend(mtu.map(LinkAttribute::Mtu));
    about(link.index, attributes)
}

impl Kernel {
    /// Both ends at once, each in its namespace: neither is ever there alone, or under another name.
    pub(super) fn add_veth(
        &mut self,
        inside: &NewLink,
        outside: &NewLink,
        mtu: Option<u32>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut peer = new(inside, mtu);
        if inside.space != outside.space {
            peer.attributes.push(LinkAttribute::NetNsFd(self.descriptor(inside.space, tried)?));
        }
        let mut message = new(outside, mtu);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        self.change(outside.space, libc::RTM_NEWLINK, NEW, &message, tried)
    }

    /// In the other namespace at once, under its name: it is never on the node.
    pub(super) fn add_link(
        &mut self,
        link: &NewLink,
        parent: Option<&LinkRef>,
        kind: LinkKind,
        mtu: Option<u32>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let from = parent.map_or(link.space, |parent| parent.space);
        let target = (link.space != from).then(|| self.descriptor(link.space, tried)).transpose()?;
        let mut message = new(link, mtu);
        message.attributes.extend(parent.map(|parent| LinkAttribute::Link(parent.index)));
        message.attributes.extend(target.map(LinkAttribute::NetNsFd));
        message.attributes.push(info(kind));
        self.change(from, libc::RTM_NEWLINK, NEW, &message, tried)
    }

    /// A bridge that is there is as good; another link of that name is not.
    pub(super) fn ensure_bridge(
        &mut self,
        link: &NewLink,
        mtu: Option<u32>,
        vlans: bool,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut message = new(link, mtu);
        let mut info = vec![LinkInfo::Kind(InfoKind::Bridge)];
        if vlans {
            info.push(LinkInfo::Data(InfoData::Bridge(vec![InfoBridge::VlanFiltering(true)])));
        }
        message.attributes.push(LinkAttribute::LinkInfo(info));
        let Err(refused) = self.change(link.space, libc::RTM_NEWLINK, NEW, &message, tried) else {
            return Ok(());
        };
        if refused.errno != Some(libc::EEXIST) {
            return Err(refused);
        }
        let there = self.detailed(link.space, Wanted::Name(&link.name))?;
        if there.is_some_and(|there| there.link.kind == "bridge") { Ok(()) } else { Err(refused) }
    }

    /// A pair whose end is there is as good; another link of that name is not.
    pub(super) fn ensure_pair(
        &mut self,
        end: &NewLink,
        port: &NewLink,
        mtu: Option<u32>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let Err(refused) = self.add_veth(port, end, mtu, tried) else { return Ok(()) };
        if refused.errno != Some(libc::EEXIST) {
            return Err(refused);
        }
        let there = self.detailed(end.space, Wanted::Name(&end.name))?;
        if there.is_some_and(|there| there.link.kind == "veth") { Ok(()) } else { Err(refused) }
    }

    /// The kernel moves and names with one request, keeps the index where it is free, and keeps the old name from
    /// clashing; but if it can't name the link there, the link has moved. So the name is looked for before, also
    /// among the link's own alternative ones, and the link is taken back if somebody was faster.
    pub(super) fn move_link(
        &mut self,
        link: &LinkRef,
        to: Space,
        name: &str,
        home: &Home,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let own = home.alternative_names.iter().any(|own| own == name);
        if own || self.detailed(to, Wanted::Name(name))?.is_some() {
            return Err(Refused::kernel(tried, libc::EEXIST));
        }
        let Err(refused) = self.relocate(link, to, name, None, tried) else { return Ok(()) };
        if self.details(link.space, link.index)?.is_none() {
            let macs = vec![home.mac.clone()];
            self.bring_back(&Moved { link, to, name: &home.name, home, macs, former: Vec::new() })?;
        }
        Err(refused)
    }

    /// Takes a link to another namespace and names it there, and numbers it there.
    pub(super) fn relocate(
        &mut self,
        link: &LinkRef,
        to: Space,
        name: &str,
        index: Option<u32>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut attributes =
            vec![LinkAttribute::NetNsFd(self.descriptor(to, tried)?), LinkAttribute::IfName(name.to_owned())];
        attributes.extend(index.map(|index| LinkAttribute::NewIfIndex(index.cast_signed())));
        self.change(link.space, libc::RTM_SETLINK, 0, &about(link.index, attributes), tried)
    }

    pub(super) fn set(
        &self,
        link: &LinkRef,
        property: &Property,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let Property::Master(Some(_)) = property else { return self.put(link, property, tried) };
        // The kernel takes a port off its bridge before it finds out that the other one can't have it.
        let before = self.details(link.space, link.index)?.and_then(|found| found.link.master);
        let done = self.put(link, property, tried);
        if done.is_err() && before.is_some() {
            self.put(link, &Property::Master(before), tried)?;
        }
        done
    }

    fn put(&self, link: &LinkRef, property: &Property, tried: &dyn Display) -> Result<(), Refused> {
        let mut message = about(link.index, Vec::new());
        let (mut request, mut how) = (libc::RTM_SETLINK, 0);
        match property {
            Property::Up(on) => flag(&mut message, LinkFlags::Up, *on),
            Property::Promiscuous(on) => flag(&mut message, LinkFlags::Promisc, *on),
            Property::AllMulticast(on) => flag(&mut message, LinkFlags::Allmulti, *on),
            Property::TxQueueLength(packets) => message.attributes.push(LinkAttribute::TxQueueLen(*packets)),
            Property::Mtu(mtu) => message.attributes.push(LinkAttribute::Mtu(*mtu)),
            Property::Mac(mac) => message.attributes.push(LinkAttribute::Address(mac.0.to_vec())),
            Property::Master(master) => {
                message.attributes.push(LinkAttribute::Controller(master.unwrap_or_default()));
            }
            Property::Hairpin(on) => of_port(&mut message, PORT_MODE, *on),
            Property::Isolated(on) => of_port(&mut message, PORT_ISOLATED, *on),
            Property::Name(name) => message.attributes.push(LinkAttribute::IfName(name.clone())),
            Property::AlternativeName(name) => {
                (request, how) = (NEW_NAME, NEW | libc::NLM_F_APPEND);
                message.attributes.push(alternative_name(name));
            }
        }
        self.change(link.space, request, how, &message, tried)
    }

    pub(super) fn delete_name(&self, link: &LinkRef, name: &str, tried: &dyn Display) -> Result<(), Refused> {
        let message = about(link.index, vec![alternative_name(name)]);
        self.change(link.space, DELETE_NAME, 0, &message, tried)
    }

    pub(super) fn change(
        &self,
        space: Space,
        request: u16,
        flags: libc::c_int,
        message: &LinkMessage,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let done: Result<(), Refusal> = self.socket(space, tried)?.change(request, flags, &body(message));
        done.map_err(refused(tried))
    }
}

/// What `ip link add … type KIND …` sends.
fn info(kind: LinkKind) -> LinkAttribute {
    let (kind, data) = match kind {
        LinkKind::Macvlan { mode, queue } => {
            let mode = match mode {
                MacvlanMode::Bridge => MacVlanMode::Bridge,
                MacvlanMode::Private => MacVlanMode::Private,
                MacvlanMode::Vepa => MacVlanMode::Vepa,
                MacvlanMode::Passthru => MacVlanMode::Passthrough,
            };
            let queue = queue.map(InfoMacVlan::BcQueueLen);
            let data = std::iter::once(InfoMacVlan::Mode(mode)).chain(queue).collect();
            (InfoKind::MacVlan, Some(InfoData::MacVlan(data)))
        }
        LinkKind::Ipvlan { mode } => {
            let mode = match mode {
                IpvlanMode::L2 => IpVlanMode::L2,
                IpvlanMode::L3 => IpVlanMode::L3,
                IpvlanMode::L3s => IpVlanMode::L3S,
            };
            (InfoKind::IpVlan, Some(InfoData::IpVlan(vec![InfoIpVlan::Mode(mode)])))
        }
        LinkKind::Vlan { id } => (InfoKind::Vlan, Some(InfoData::Vlan(vec![InfoVlan::Id(id)]))),
        LinkKind::Dummy => (InfoKind::Dummy, None),
        LinkKind::Ifb => (InfoKind::Ifb, None),
        LinkKind::Vrf { table } => (InfoKind::Vrf, Some(InfoData::Vrf(vec![InfoVrf::TableId(table)]))),
    };
    LinkAttribute::LinkInfo(std::iter::once(LinkInfo::Kind(kind)).chain(data.map(LinkInfo::Data)).collect())
}

/// A switch of a bridge's port.
fn of_port(message: &mut LinkMessage, switch: u16, on: bool) {
    message.header.interface_family = AddressFamily::Bridge;
    let switch = LinkProtoInfoBridge::Other(DefaultNla::new(switch, vec![u8::from(on)]));
    message.attributes.push(LinkAttribute::ProtoInfoBridge(vec![switch]));
}

fn alternative_name(name: &str) -> LinkAttribute {
    LinkAttribute::PropList(vec![Prop::AltIfName(name.to_owned())])
}

pub(super) fn flag(message: &mut LinkMessage, flag: LinkFlags, on: bool) {
    message.header.change_mask |= flag;
    message.header.flags.set(flag, on);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute with its padding, as `linux/rtnetlink.h` has it.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// What `linux/if_link.h` says of each kind, `ip link add … type KIND …` having nothing else to say.
    #[test]
    fn kinds_are_said_as_ip_says_them() {
        let macvlan = LinkKind::Macvlan { mode: MacvlanMode::Vepa, queue: Some(500) };
        let passthru = LinkKind::Macvlan { mode: MacvlanMode::Passthru, queue: None };
        let data = |attributes: &[(u16, &[u8])]| -> Option<Vec<u8>> {
            Some(attributes.iter().flat_map(|(kind, value)| attribute(*kind, value)).collect())
        };
        let rows = [
            // IFLA_MACVLAN_MODE, IFLA_MACVLAN_BC_QUEUE_LEN
            (macvlan, "macvlan", data(&[(1, &2_u32.to_ne_bytes()), (7, &500_u32.to_ne_bytes())])),
            (passthru, "macvlan", data(&[(1, &8_u32.to_ne_bytes())])),
            // IFLA_IPVLAN_MODE
            (LinkKind::Ipvlan { mode: IpvlanMode::L2 }, "ipvlan", data(&[(1, &0_u16.to_ne_bytes())])),
            (LinkKind::Ipvlan { mode: IpvlanMode::L3 }, "ipvlan", data(&[(1, &1_u16.to_ne_bytes())])),
            (LinkKind::Ipvlan { mode: IpvlanMode::L3s }, "ipvlan", data(&[(1, &2_u16.to_ne_bytes())])),
            // IFLA_VLAN_ID
            (LinkKind::Vlan { id: 100 }, "vlan", data(&[(1, &100_u16.to_ne_bytes())])),
            (LinkKind::Dummy, "dummy", None),
            (LinkKind::Ifb, "ifb", None),
            // IFLA_VRF_TABLE
            (LinkKind::Vrf { table: 70_000 }, "vrf", data(&[(1, &70_000_u32.to_ne_bytes())])),
        ];
        for (kind, name, data) in rows {
            let sent = body(&about(0, vec![info(kind)]));
            // IFLA_INFO_KIND, IFLA_INFO_DATA in IFLA_LINKINFO
            let name = attribute(1, name.as_bytes());
            let data = data.map(|data| attribute(2, &data)).unwrap_or_default();
            let expected = attribute(18, &[name, data].concat());
            let plain = |bytes: &[u8]| without_nested_flags_and_zeros(bytes);
            assert_eq!(plain(&sent[16..]), plain(&expected), "{kind:?}");
        }
    }

    /// An attribute's number and value.
    type Plain = (u16, Vec<u8>);

    /// Attributes as a tree: the flag `NLA_F_NESTED`, and a zero after a kind's name, may be there or not.
    fn without_nested_flags_and_zeros(bytes: &[u8]) -> Vec<(u16, Vec<Plain>)> {
        let inner = |value: &[u8]| {
            let all = crate::attribute::attributes(value);
            all.map(|(kind, value)| {
                let value = if kind == 1 { value.strip_suffix(&[0]).unwrap_or(value) } else { value };
                (kind, value.to_vec())
            })
            .collect()
        };
        crate::attribute::attributes(bytes).map(|(kind, value)| (kind, inner(value))).collect()
    }
}
