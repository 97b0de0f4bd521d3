//! Making and changing links, each with one request.

use std::fmt::Display;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoMacVlan, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    LinkProtoInfoBridge, MacVlanMode, Prop,
};
use nix::libc;

use super::{Kernel, refused};
use crate::Refused;
use crate::answer::Refusal;
use crate::effect::{Home, LinkRef, MacvlanMode, NewLink, Property, Space};
use crate::link::{PORT_MODE, Wanted};
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
    pub(super) fn add_macvlan(
        &mut self,
        link: &NewLink,
        parent: &LinkRef,
        mode: MacvlanMode,
        mtu: Option<u32>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mode = match mode {
            MacvlanMode::Bridge => MacVlanMode::Bridge,
            MacvlanMode::Private => MacVlanMode::Private,
            MacvlanMode::Vepa => MacVlanMode::Vepa,
            MacvlanMode::Passthru => MacVlanMode::Passthrough,
        };
        let mut message = new(link, mtu);
        message.attributes.push(LinkAttribute::Link(parent.index));
        if link.space != parent.space {
            message.attributes.push(LinkAttribute::NetNsFd(self.descriptor(link.space, tried)?));
        }
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::MacVlan),
            LinkInfo::Data(InfoData::MacVlan(vec![InfoMacVlan::Mode(mode)])),
        ]));
        self.change(parent.space, libc::RTM_NEWLINK, NEW, &message, tried)
    }

    /// A bridge that is there is as good; another link of that name is not.
    pub(super) fn ensure_bridge(
        &mut self,
        link: &NewLink,
        mtu: Option<u32>,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut message = new(link, mtu);
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
        let Err(refused) = self.change(link.space, libc::RTM_NEWLINK, NEW, &message, tried) else {
            return Ok(());
        };
        if refused.errno != Some(libc::EEXIST) {
            return Err(refused);
        }
        let there = self.detailed(link.space, Wanted::Name(&link.name))?;
        if there.is_some_and(|there| there.link.kind == "bridge") { Ok(()) } else { Err(refused) }
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
            self.bring_back(&Moved { link, to, name: &home.name, home, macs })?;
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
            Property::Hairpin(on) => {
                message.header.interface_family = AddressFamily::Bridge;
                let mode = LinkProtoInfoBridge::Other(DefaultNla::new(PORT_MODE, vec![u8::from(*on)]));
                message.attributes.push(LinkAttribute::ProtoInfoBridge(vec![mode]));
            }
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

fn alternative_name(name: &str) -> LinkAttribute {
    LinkAttribute::PropList(vec![Prop::AltIfName(name.to_owned())])
}

pub(super) fn flag(message: &mut LinkMessage, flag: LinkFlags, on: bool) {
    message.header.change_mask |= flag;
    message.header.flags.set(flag, on);
}
