//! Which request an effect is.

use super::Kernel;
use crate::Refused;
use crate::effect::Effect;

impl Kernel {
    /// Does an effect, whole or not at all.
    pub(super) fn perform(&mut self, effect: &Effect) -> Result<(), Refused> {
        match effect {
            Effect::Veth { inside, outside, mtu } => self.add_veth(inside, outside, *mtu, effect),
            Effect::Link { link, parent, kind, mtu } => {
                self.add_link(link, parent.as_ref(), *kind, *mtu, effect)
            }
            Effect::Bridge { link, mtu, vlans } => self.ensure_bridge(link, *mtu, *vlans, effect),
            Effect::Pair { end, port, mtu } => self.ensure_pair(end, port, *mtu, effect),
            Effect::Move { link, to, name, home } => self.move_link(link, *to, name, home, effect),
            Effect::Set { link, property, .. } => self.set(link, property, effect),
            Effect::Address { link, address, .. } => self.add_address(link, *address, effect),
            Effect::NoAddress { link, address } => self.delete_address(link, *address, effect),
            Effect::Route { link, route, .. } => self.add_route(link, route, effect),
            Effect::NoRoute { link, route, .. } => self.delete_route(link, route, effect),
            Effect::Neighbour { link, address, mac } => self.add_neighbour(link, *address, *mac, effect),
            Effect::Vlans { link, vlans } => self.add_vlans(link, vlans, effect),
            Effect::NoVlans { link, vlans } => self.delete_vlans(link, vlans, effect),
            Effect::Sysctl { space, key, value, .. } => self.write_setting(*space, key, value, effect),
            Effect::Masquerade { id, address, network } => self.masquerade(id, *address, *network, effect),
            Effect::SpoofCheck { id, port, mac } => self.spoof_check(id, port, *mac, effect),
            Effect::PortMapping { id, mapping } => self.map_port(id, mapping, effect),
            Effect::Limit { link, limit, apart: None } => self.add_limit(link, *limit, effect),
            Effect::Limit { link, limit, apart: Some(apart) } => {
                self.add_classes(link, *limit, apart, effect)
            }
            Effect::Redirect { link, to } => self.add_redirect(link, to, effect),
            Effect::PolicyRule { rule } => self.add_policy_rule(rule, effect),
            Effect::Announce { link, addresses } => self.announce(link, addresses, effect),
            Effect::Function(change) => self.change_function(change, effect),
        }
    }
}
