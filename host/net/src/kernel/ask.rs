//! Questions, and the doors to what answers them.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use nix::libc;

use super::{Kernel, failed, refused};
use crate::effect::{
    Effect, FunctionRef, Home, LinkRef, MacAddr, NewLink, PciAddress, PolicyRule, PortVlans, Route, Space,
};
use crate::link::{self, Details, Wanted};
use crate::sriov::Function;
use crate::{Backend, Link, NetnsId, Refused, compare, undo};

impl Backend for Kernel {
    fn sandbox(&mut self) -> Result<Option<NetnsId>, Refused> {
        let tried = "identifying the pod's namespace";
        let Some(netns) = &self.sandbox else { return Ok(None) };
        let id = netns.identity().map_err(|error| Refused::netns(tried, &error))?;
        known(id, &tried).map(Some)
    }

    fn links(&mut self, space: Space) -> Result<Vec<Link>, Refused> {
        let tried = format_args!("listing the links {space}");
        if self.is_gone(space) {
            return Ok(Vec::new());
        }
        link::all(self.socket(space, &tried)?).map_err(failed(&tried))
    }

    fn link_named(&mut self, space: Space, name: &str) -> Result<Option<Link>, Refused> {
        let tried = format_args!("looking for {name} {space}");
        if self.is_gone(space) {
            return Ok(None);
        }
        link::whole(self.socket(space, &tried)?, Wanted::Name(name)).map_err(refused(&tried))
    }

    fn link_at(&mut self, space: Space, index: u32) -> Result<Option<Link>, Refused> {
        let tried = format_args!("looking for link {index} {space}");
        if self.is_gone(space) {
            return Ok(None);
        }
        link::whole(self.socket(space, &tried)?, Wanted::Index(index)).map_err(refused(&tried))
    }

    fn routes(&mut self, link: &LinkRef) -> Result<Vec<Route>, Refused> {
        self.routes_of(link)
    }

    fn neighbours(&mut self, link: &LinkRef) -> Result<Vec<(IpAddr, MacAddr)>, Refused> {
        self.neighbours_of(link)
    }

    fn home(&mut self, link: &LinkRef) -> Result<Home, Refused> {
        let found = self.details(link.space, link.index)?;
        let Details { link, bus_address, .. } =
            found.ok_or_else(|| Refused::kernel(format_args!("looking at {link}"), libc::ENODEV))?;
        Ok(Home {
            name: link.name,
            up: link.up,
            mtu: link.mtu,
            mac: link.mac,
            bus_address,
            alternative_names: link.alternative_names,
            promiscuous: link.promiscuous,
            all_multicast: link.all_multicast,
            tx_queue_length: Some(link.tx_queue_length),
        })
    }

    fn link_of_device(&mut self, device: &str) -> Result<Option<Link>, Refused> {
        self.of_device(device)
    }

    fn sysctl(&mut self, space: Space, key: &str) -> Result<String, Refused> {
        self.read_setting(space, key)
    }

    fn vrfs(&mut self) -> Result<Vec<(Link, u32)>, Refused> {
        let tried = format_args!("listing the links {}", Space::Sandbox);
        if self.is_gone(Space::Sandbox) {
            return Ok(Vec::new());
        }
        let all = link::detailed(self.socket(Space::Sandbox, &tried)?).map_err(failed(&tried))?;
        Ok(all.into_iter().filter_map(|found| Some((found.link, found.table?))).collect())
    }

    fn tells_vlans_apart(&mut self, bridge: &LinkRef) -> Result<bool, Refused> {
        Ok(self.details(bridge.space, bridge.index)?.is_some_and(|found| found.tells_vlans_apart))
    }

    fn vlans(&mut self, port: &LinkRef) -> Result<Vec<PortVlans>, Refused> {
        self.vlans_of(port)
    }

    fn other_end(&mut self, link: &LinkRef) -> Result<Option<Link>, Refused> {
        self.end_on_node(link)
    }

    fn policy_rules(&mut self) -> Result<Vec<PolicyRule>, Refused> {
        self.all_policy_rules()
    }

    fn apply(&mut self, effect: &Effect, deadline: Instant) -> Result<(), Refused> {
        effect.check_names()?;
        self.by(deadline, effect, |kernel| kernel.perform(effect))
    }

    fn settle(&mut self, link: &LinkRef, deadline: Instant) -> Result<(), Refused> {
        let tried = format_args!("waiting for the addresses of {link}");
        self.by(deadline, &tried, |kernel| kernel.wait_for_addresses(link, deadline, &tried))
    }

    fn drop_address(&mut self, link: &LinkRef, address: IpNet) -> Result<(), Refused> {
        self.delete_address(link, address, &format_args!("taking address {address} off {link}"))
    }

    fn undo(&mut self, effects: &[&Effect], deadline: Instant) -> Vec<(usize, Refused)> {
        self.until(deadline, |kernel| undo::run(kernel, effects, deadline))
    }

    fn drop_bridges(
        &mut self,
        bridges: &[NewLink],
        pairs: &[NewLink],
        deadline: Instant,
    ) -> Result<(), Refused> {
        self.until(deadline, |kernel| undo::drop_bridges(kernel, bridges, pairs, deadline))
    }

    fn compare(&mut self, effect: &Effect) -> Result<Option<String>, Refused> {
        compare::effect(self, effect)
    }

    fn function(&mut self, address: &PciAddress) -> Result<Option<Function>, Refused> {
        self.function_at(address)
    }

    fn functions_of(&mut self, physical: &str) -> Result<Vec<FunctionRef>, Refused> {
        self.functions_by(physical)
    }
}

impl Kernel {
    /// The link of that index, without addresses; `None` where it, or its namespace, is gone.
    pub(super) fn details(&self, space: Space, index: u32) -> Result<Option<Details>, Refused> {
        self.detailed(space, Wanted::Index(index))
    }

    /// The same of a link by either.
    pub(super) fn detailed(&self, space: Space, wanted: Wanted<'_>) -> Result<Option<Details>, Refused> {
        let tried = format_args!("looking for {wanted} {space}");
        if self.is_gone(space) {
            return Ok(None);
        }
        link::one(self.socket(space, &tried)?, wanted).map_err(refused(&tried))
    }
}

/// A namespace that can be told from the next one with its inode.
fn known(id: NetnsId, tried: &dyn Display) -> Result<NetnsId, Refused> {
    if id.cookie != 0 {
        return Ok(id);
    }
    let said = "this kernel gives namespaces no cookie, which tells one from the next; it takes Linux 5.14";
    Err(Refused::because(tried, libc::EOPNOTSUPP, said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BootId, Why};

    #[test]
    fn a_kernel_that_is_too_old_is_told_so() {
        let of = |cookie| NetnsId { boot: BootId::current().unwrap(), cookie, inode: 1, device: 2 };
        assert_eq!(known(of(7), &"it").unwrap(), of(7));
        let refused = known(of(0), &"identifying the pod's namespace").unwrap_err();
        assert_eq!(refused.why(), Why::Unable);
        assert!(refused.to_string().contains("it takes Linux 5.14"), "{refused}");
    }
}
