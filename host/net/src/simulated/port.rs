//! What a bridge keeps of a port: switches, and the VLANs that pass.

use std::collections::BTreeMap;

use nix::libc;

use super::device::Port;
use super::no::{Done, No};
use super::space::Namespace;
use crate::PortVlans;

/// The VLAN of a port that nobody gave another.
const DEFAULT: u16 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) hairpin: bool,
    pub(super) isolated: bool,
    vlans: Vlans,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Vlans {
    /// By number, with whether they leave without a tag.
    passing: BTreeMap<u16, bool>,
    /// Of what comes in without one.
    native: Option<u16>,
}

impl Switch {
    pub(super) fn new() -> Self {
        let vlans = Vlans { passing: BTreeMap::from([(DEFAULT, true)]), native: Some(DEFAULT) };
        Self { hairpin: false, isolated: false, vlans }
    }

    /// What is not as with a port that nobody changed.
    pub(super) fn told(&self) -> String {
        let mut words = String::new();
        for (word, on) in [(" with hairpin", self.hairpin), (" isolated", self.isolated)] {
            words += if on { word } else { "" };
        }
        if self.vlans != Self::new().vlans {
            self.list().iter().for_each(|vlan| words += &format!(" vlan {vlan}"));
        }
        words
    }

    /// Neighbours that are alike are told together.
    fn list(&self) -> Vec<PortVlans> {
        let mut all: Vec<PortVlans> = Vec::new();
        for (id, untagged) in &self.vlans.passing {
            let native = self.vlans.native == Some(*id);
            let one = PortVlans { first: *id, last: *id, native, untagged: *untagged };
            match all.last_mut() {
                Some(last)
                    if last.last + 1 == *id && !native && !last.native && last.untagged == *untagged =>
                {
                    last.last = *id;
                }
                _ => all.push(one),
            }
        }
        all
    }
}

impl Namespace {
    fn switch(&mut self, index: u32) -> Done<&mut Switch> {
        let port = self.device_mut(index)?.port.as_mut();
        port.and_then(|port: &mut Port| port.switch.as_mut()).ok_or(No::from(libc::EOPNOTSUPP))
    }

    /// A port sends back out of itself; a link that is no port can't.
    pub(super) fn set_hairpin(&mut self, index: u32, on: bool) -> Done {
        self.switch(index)?.hairpin = on;
        Ok(())
    }

    pub(super) fn set_isolated(&mut self, index: u32, on: bool) -> Done {
        self.switch(index)?.isolated = on;
        Ok(())
    }

    /// VLANs pass by a port, or as these say if they do already.
    pub(super) fn add_vlans(&mut self, index: u32, wanted: &[PortVlans]) -> Done {
        let vlans = &mut self.switch(index)?.vlans;
        check(wanted)?;
        for vlan in wanted.iter().flat_map(|vlans| vlans.each()) {
            vlans.passing.insert(vlan.first, vlan.untagged);
            if vlan.native {
                vlans.native = Some(vlan.first);
            } else if vlans.native == Some(vlan.first) {
                vlans.native = None;
            }
        }
        Ok(())
    }

    pub(super) fn drop_vlans(&mut self, index: u32, gone: &[PortVlans]) -> Done {
        let vlans = &mut self.switch(index)?.vlans;
        check(gone)?;
        for vlan in gone.iter().flat_map(|vlans| vlans.each()) {
            vlans.passing.remove(&vlan.first);
            vlans.native.take_if(|native| *native == vlan.first);
        }
        Ok(())
    }

    pub(super) fn vlans_of(&self, index: u32) -> Vec<PortVlans> {
        let port = self.device(index).ok().and_then(|device| device.port.as_ref());
        port.and_then(|port| port.switch.as_ref()).map(Switch::list).unwrap_or_default()
    }
}

fn check(vlans: &[PortVlans]) -> Done {
    if vlans.iter().all(PortVlans::is_valid) { Ok(()) } else { Err(libc::EINVAL.into()) }
}
