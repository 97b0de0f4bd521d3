//! Ports of bridges.

use nix::libc;

use super::device::{Kind, Port};
use super::no::{Done, No};
use super::space::Namespace;

/// What a bridge without ports has.
const ETHERNET: u32 = 1500;

impl Namespace {
    /// Makes a link a port of a bridge, or of none.
    pub(super) fn set_master(&mut self, index: u32, bridge: Option<u32>) -> Done {
        let device = self.device(index)?;
        let before = device.port.as_ref().map(|port| port.bridge);
        if before == bridge {
            return Ok(());
        }
        if let Some(bridge) = bridge {
            self.check_port(index, bridge)?;
        }
        self.device_mut(index)?.port = bridge.map(|bridge| Port { bridge, hairpin: false });
        [before, bridge].into_iter().flatten().for_each(|bridge| self.follow_ports(bridge));
        Ok(())
    }

    fn check_port(&self, index: u32, bridge: u32) -> Done {
        let master = self.device(bridge).map_err(|_| No::from(libc::EINVAL))?;
        let Kind::Bridge { .. } = master.kind else { return Err(libc::EOPNOTSUPP.into()) };
        match self.device(index)?.kind {
            Kind::Loopback => Err(libc::EINVAL.into()),
            Kind::Bridge { .. } => Err(No::because(libc::ELOOP, "Can not enslave a bridge to a bridge")),
            Kind::Veth { .. } | Kind::Macvlan { .. } | Kind::Hardware(_) => Ok(()),
        }
    }

    /// A port sends back out of itself; a link that is no port can't.
    pub(super) fn set_hairpin(&mut self, index: u32, on: bool) -> Done {
        match &mut self.device_mut(index)?.port {
            Some(port) => port.hairpin = on,
            None => return Err(libc::EOPNOTSUPP.into()),
        }
        Ok(())
    }

    /// A bridge whose MTU nobody set has the smallest of its ports.
    pub(super) fn follow_ports(&mut self, bridge: u32) {
        let ports =
            self.devices().filter(|device| device.port.as_ref().is_some_and(|port| port.bridge == bridge));
        let smallest = ports.map(|device| device.mtu).min().unwrap_or(ETHERNET);
        let Ok(device) = self.device_mut(bridge) else { return };
        if device.kind != (Kind::Bridge { mtu_chosen: false }) || device.mtu == smallest {
            return;
        }
        let before = std::mem::replace(&mut device.mtu, smallest);
        self.mtu_changed(bridge, before);
    }
}
