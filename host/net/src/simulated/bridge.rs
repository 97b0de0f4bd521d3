//! Ports of bridges, and of links that lead their packets by a table of their own.

use nix::libc;

use super::device::{Kind, Port};
use super::no::{Done, No};
use super::port::Switch;
use super::space::Namespace;
use crate::LinkKind;

/// What a bridge without ports has.
const ETHERNET: u32 = 1500;

impl Namespace {
    /// Makes a link a port, or that of nothing.
    pub(super) fn set_master(&mut self, index: u32, master: Option<u32>) -> Done {
        let device = self.device(index)?;
        let before = device.port.as_ref().map(|port| port.master);
        if before == master {
            return Ok(());
        }
        let port = master.map(|master| self.new_port(index, master)).transpose()?;
        for (master, port) in [(before, None), (master, port)] {
            self.device_mut(index)?.port = port;
            if master.is_some_and(|master| self.table_of_vrf(master).is_some()) {
                self.begin_anew(index)?;
            }
        }
        [before, master].into_iter().flatten().for_each(|master| self.follow_ports(master));
        Ok(())
    }

    /// A link whose routes are in another table from now on has none any more, nor IPv6 addresses, and is down on the way
    /// (`NETDEV_CHANGEUPPER`, `cycle_netdev`).
    fn begin_anew(&mut self, index: u32) -> Done {
        let up = self.device(index)?.up;
        self.lose_v6(index);
        self.routes.retain(|route| route.link != index);
        if up {
            self.set_up(index, false)?;
            self.set_up(index, true)?;
        }
        Ok(())
    }

    fn new_port(&self, index: u32, master: u32) -> Done<Port> {
        let found = self.device(master).map_err(|_| No::from(libc::EINVAL))?;
        let kind = &self.device(index)?.kind;
        match found.kind {
            Kind::Bridge { .. } => {
                match kind {
                    Kind::Loopback => return Err(libc::EINVAL.into()),
                    Kind::Bridge { .. } => {
                        return Err(No::because(libc::ELOOP, "Can not enslave a bridge to a bridge"));
                    }
                    Kind::Made { kind: LinkKind::Vrf { .. } | LinkKind::Ipvlan { .. }, .. } => {
                        return Err(No::because(
                            libc::EOPNOTSUPP,
                            "Device does not allow enslaving to a bridge",
                        ));
                    }
                    Kind::Veth { .. } | Kind::Made { .. } | Kind::Hardware(_) => {}
                }
                Ok(Port { master, switch: Some(Switch::new()) })
            }
            Kind::Made { kind: LinkKind::Vrf { .. }, .. } => match kind {
                Kind::Loopback => {
                    Err(No::because(libc::EOPNOTSUPP, "Can not enslave loopback device to a VRF"))
                }
                Kind::Made { kind: LinkKind::Vrf { .. }, .. } => {
                    Err(No::because(libc::EINVAL, "Can not enslave an L3 master device to a VRF"))
                }
                _ => Ok(Port { master, switch: None }),
            },
            _ => Err(libc::EOPNOTSUPP.into()),
        }
    }

    /// The table of a master's ports, if they have one of their own.
    fn table_of_vrf(&self, master: u32) -> Option<u32> {
        match self.device(master).ok()?.kind {
            Kind::Made { kind: LinkKind::Vrf { table }, .. } => Some(table),
            _ => None,
        }
    }

    /// The table of the routes that the kernel makes for a link, if it is not the usual one.
    pub(super) fn own_table(&self, index: u32) -> Option<u32> {
        self.table_of_vrf(self.device(index).ok()?.port.as_ref()?.master)
    }

    /// A bridge whose MTU nobody set has the smallest of its ports.
    pub(super) fn follow_ports(&mut self, bridge: u32) {
        let ports =
            self.devices().filter(|device| device.port.as_ref().is_some_and(|port| port.master == bridge));
        let smallest = ports.map(|device| device.mtu).min().unwrap_or(ETHERNET);
        let Ok(device) = self.device_mut(bridge) else { return };
        if !matches!(device.kind, Kind::Bridge { mtu_chosen: false, .. }) || device.mtu == smallest {
            return;
        }
        let before = std::mem::replace(&mut device.mtu, smallest);
        self.mtu_changed(bridge, before);
    }
}
