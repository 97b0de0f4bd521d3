//! Links that are on others: what they need of them, and what becomes of them as those change.

use nix::libc;

use super::device::{Device, Kind, Parent, Place, Seen};
use super::no::{Done, No};
use super::space::SpaceId;
use super::world::{ETHERNET, World};
use crate::{LinkKind, MacvlanMode, NewLink};

/// What a link that leads its ports' packets by a table of their own has (`vrf_setup`).
const VRF_MTU: u32 = 65575;
/// `TX_Q_LIMIT` of ifb.
const IFB_QUEUE: u32 = 32;

impl World {
    /// A link that one request makes, in any namespace.
    pub(super) fn add_link(
        &mut self,
        (space, link): (SpaceId, &NewLink),
        parent: Option<Place>,
        kind: LinkKind,
        mtu: Option<u32>,
    ) -> Done {
        let on = parent.map(|parent| self.below(parent, kind)).transpose()?;
        let below = on.map(|on| self.space(on.space)?.device(on.index).cloned()).transpose()?;
        let kinds = Kind::Made { kind, parent: None };
        let usual = match kind {
            LinkKind::Vrf { .. } => VRF_MTU,
            _ => below.as_ref().map_or(ETHERNET, |below| below.mtu),
        };
        let wanted = mtu.unwrap_or(usual);
        let mtus = kinds.mtus();
        self.check_new(space, link, mtu.unwrap_or(*mtus.start()), &mtus)?;
        // The kernel looks at the parent before it looks at the name where there are ports to be.
        let early = matches!(kind, LinkKind::Ipvlan { .. } | LinkKind::Vlan { .. });
        if !early {
            self.check_name(space, &link.name)?;
        }
        let mut mac = link.mac;
        if let (Some(on), Some(below)) = (on, &below) {
            self.check_parent(on, below, kind, mtu)?;
            if kind.has_parents_mac() {
                mac = below.mac;
            }
        }
        check_table(kind)?;
        if early {
            self.check_name(space, &link.name)?;
        }
        let parent = on.zip(below.as_ref()).map(|(place, below)| Parent { place, seen: Seen::of(below) });
        let mut made = Device::new(link.index, &link.name, mac, wanted, Kind::Made { kind, parent });
        if kind == LinkKind::Ifb {
            made.tx_queue_length = IFB_QUEUE;
        }
        self.space_mut(space)?.insert(made);
        self.share_mode(on, kind)
    }

    /// One on a macvlan is on what that is on, and likewise of ipvlan.
    fn below(&self, parent: Place, kind: LinkKind) -> Done<Place> {
        let device = self.space(parent.space)?.device(parent.index)?;
        let like = |other: LinkKind| other.name() == kind.name() && !matches!(kind, LinkKind::Vlan { .. });
        Ok(match device.kind {
            Kind::Made { kind: other, parent: Some(Parent { place, .. }) } if like(other) => place,
            _ => parent,
        })
    }

    fn check_parent(&self, on: Place, below: &Device, kind: LinkKind, mtu: Option<u32>) -> Done {
        let others = self.children(on);
        let others = || others.iter().filter_map(|child| self.made(*child));
        let ipvlans = others().any(|other| matches!(other, LinkKind::Ipvlan { .. }));
        let macvlans = others().any(|other| matches!(other, LinkKind::Macvlan { .. }));
        let is_port = below.port.as_ref().is_some_and(|port| port.switch.is_some());
        let too_wide = mtu.is_some_and(|mtu| mtu > below.mtu);
        match kind {
            LinkKind::Macvlan { mode, .. } => {
                let alone =
                    |mode: &LinkKind| matches!(mode, LinkKind::Macvlan { mode: MacvlanMode::Passthru, .. });
                if too_wide {
                    return Err(libc::EINVAL.into());
                }
                if is_port || ipvlans {
                    return Err(libc::EBUSY.into());
                }
                let one_alone = mode == MacvlanMode::Passthru || others().any(|other| alone(&other));
                if one_alone && macvlans { Err(libc::EINVAL.into()) } else { Ok(()) }
            }
            LinkKind::Ipvlan { .. } if below.is_loopback() => Err(libc::EINVAL.into()),
            LinkKind::Ipvlan { .. } if is_port || macvlans => Err(libc::EBUSY.into()),
            LinkKind::Vlan { .. } if below.is_loopback() => {
                Err(No::because(libc::EOPNOTSUPP, "VLANs not supported on device"))
            }
            LinkKind::Vlan { .. } if others().any(|other| other == kind) => {
                Err(No::because(libc::EEXIST, "VLAN device already exists"))
            }
            LinkKind::Vlan { .. } if too_wide => Err(libc::EINVAL.into()),
            _ => Ok(()),
        }
    }

    fn made(&self, place: Place) -> Option<LinkKind> {
        match self.space(place.space).ok()?.device(place.index).ok()?.kind {
            Kind::Made { kind, .. } => Some(kind),
            _ => None,
        }
    }

    /// All ipvlans of a parent have the mode of the last one.
    fn share_mode(&mut self, on: Option<Place>, made: LinkKind) -> Done {
        let (Some(on), LinkKind::Ipvlan { .. }) = (on, made) else { return Ok(()) };
        for child in self.children(on) {
            if let Kind::Made { kind: kind @ LinkKind::Ipvlan { .. }, .. } =
                &mut self.space_mut(child.space)?.device_mut(child.index)?.kind
            {
                *kind = made;
            }
        }
        Ok(())
    }

    /// The links that are on another one.
    pub(super) fn children(&self, parent: Place) -> Vec<Place> {
        let all = self.spaces().flat_map(|(space, links)| links.devices().map(move |link| (space, link)));
        let children = all.filter(|(_, link)| link.kind.parent() == Some(parent));
        children.map(|(space, link)| Place { space, index: link.index }).collect()
    }

    /// A VLAN's link comes up only where its parent is.
    pub(super) fn check_up(&self, place: Place) -> Done {
        let device = self.space(place.space)?.device(place.index)?;
        let Kind::Made { kind: LinkKind::Vlan { .. }, parent: Some(parent) } = &device.kind else {
            return Ok(());
        };
        let below = self.space(parent.place.space)?.device(parent.place.index)?;
        if below.up || device.up { Ok(()) } else { Err(libc::ENETDOWN.into()) }
    }

    /// A bridge takes no port that others send and receive by.
    pub(super) fn check_port(&self, place: Place, master: u32) -> Done {
        let space = self.space(place.space)?;
        let is_port = space.device(place.index)?.port.as_ref().is_some_and(|port| port.master == master);
        let bridge = space.device(master).is_ok_and(|master| matches!(master.kind, Kind::Bridge { .. }));
        let used = |child: Place| {
            matches!(self.made(child), Some(LinkKind::Macvlan { .. } | LinkKind::Ipvlan { .. }))
        };
        if bridge && !is_port && self.children(place).into_iter().any(used) {
            return Err(libc::EBUSY.into());
        }
        Ok(())
    }

    /// After a request: links become what follows from the change of those that they are on.
    pub(super) fn follow_parents(&mut self) {
        while let Some((place, seen, before)) = self.behind() {
            let Ok(space) = self.space_mut(place.space) else { return };
            let Ok(device) = space.device_mut(place.index) else { return };
            let Kind::Made { kind, parent: Some(parent) } = &mut device.kind else { return };
            let kind = *kind;
            parent.seen = seen.clone();
            if seen.mac != before.mac && kind.has_parents_mac() {
                device.mac = seen.mac;
            }
            let exactly = matches!(kind, LinkKind::Ipvlan { .. });
            let own = device.mtu;
            if seen.mtu != before.mtu {
                device.mtu = if exactly { seen.mtu } else { own.min(seen.mtu) };
            }
            if own != device.mtu {
                space.mtu_changed(place.index, own);
            }
            if seen.up != before.up && matches!(kind, LinkKind::Vlan { .. }) {
                // It was looked for just now.
                let _ = space.set_up(place.index, seen.up);
            }
        }
    }

    /// A link that has not yet followed: what its parent is now, and what it was.
    fn behind(&self) -> Option<(Place, Seen, Seen)> {
        let all = self.spaces().flat_map(|(space, links)| links.devices().map(move |link| (space, link)));
        all.filter_map(|(space, link)| {
            let Kind::Made { parent: Some(Parent { place, seen }), .. } = &link.kind else { return None };
            let now = Seen::of(self.space(place.space).ok()?.device(place.index).ok()?);
            (now != *seen).then(|| (Place { space, index: link.index }, now, seen.clone()))
        })
        .next()
    }
}

fn check_table(kind: LinkKind) -> Done {
    match kind {
        LinkKind::Vrf { table: 0 } => Err(No::because(libc::EINVAL, "Invalid VRF table id")),
        _ => Ok(()),
    }
}
