//! What undoing and comparing take of the kernel.

use nix::libc;

use super::Kernel;
use crate::effect::{Limited, LinkRef, PolicyRule, Property, Route, Space};
use crate::undo::{Moved, Rules, Undoing};
use crate::{Link, Refused};

impl Undoing for Kernel {
    fn glance(&mut self, space: Space, index: u32) -> Result<Option<Link>, Refused> {
        Ok(self.details(space, index)?.map(|found| found.link))
    }

    fn property(&mut self, link: &LinkRef, like: &Property) -> Result<Option<Property>, Refused> {
        let Some(found) = self.details(link.space, link.index)? else { return Ok(None) };
        let (hairpin, isolated, now) = (found.hairpin, found.isolated, found.link);
        Ok(match like {
            Property::Up(_) => Some(Property::Up(now.up)),
            Property::Mtu(_) => Some(Property::Mtu(now.mtu)),
            Property::Mac(_) => now.mac.parse().ok().map(Property::Mac),
            Property::Master(_) => Some(Property::Master(now.master)),
            Property::Promiscuous(_) => Some(Property::Promiscuous(now.promiscuous)),
            Property::AllMulticast(_) => Some(Property::AllMulticast(now.all_multicast)),
            Property::TxQueueLength(_) => Some(Property::TxQueueLength(now.tx_queue_length)),
            Property::Hairpin(_) => hairpin.map(Property::Hairpin),
            Property::Isolated(_) => isolated.map(Property::Isolated),
            Property::Name(_) => Some(Property::Name(now.name)),
            Property::AlternativeName(name) => {
                now.alternative_names.contains(name).then(|| Property::AlternativeName(name.clone()))
            }
        })
    }

    fn drop_name(&mut self, link: &LinkRef, name: &str) -> Result<(), Refused> {
        self.delete_name(link, name, &format_args!("taking the alternative name {name} off {link}"))
    }

    fn drop_route(&mut self, link: &LinkRef, route: &Route) -> Result<(), Refused> {
        self.delete_route(link, route, &format_args!("deleting route {route} by {link}"))
    }

    fn bring_route(&mut self, link: &LinkRef, route: &Route) -> Result<(), Refused> {
        let how = libc::NLM_F_CREATE | libc::NLM_F_APPEND;
        self.make_route(link, route, how, &format_args!("bringing route {route} by {link} back"))
    }

    fn set_sysctl(&mut self, space: Space, key: &str, value: &str) -> Result<(), Refused> {
        self.write_setting(space, key, value, &format_args!("setting {key} back to {value} {space}"))
    }

    fn has_rules(&mut self, rules: Rules<'_>) -> Result<bool, Refused> {
        self.knows_rules(rules)
    }

    fn drop_rules(&mut self, rules: &[Rules<'_>]) -> Result<(), Refused> {
        self.delete_rules(rules)
    }

    fn limit(&mut self, link: &LinkRef) -> Result<Option<Limited>, Refused> {
        self.limit_of(link)
    }

    fn drop_limit(&mut self, link: &LinkRef) -> Result<(), Refused> {
        self.delete_limit(link)
    }

    fn redirect(&mut self, link: &LinkRef) -> Result<Option<u32>, Refused> {
        self.redirect_of(link)
    }

    fn drop_redirect(&mut self, link: &LinkRef) -> Result<(), Refused> {
        self.delete_redirect(link, &format_args!("taking what comes in by {link} off its way"))
    }

    fn drop_policy_rule(&mut self, rule: &PolicyRule) -> Result<(), Refused> {
        self.delete_policy_rule(rule)
    }

    fn bring_home(&mut self, moved: &Moved<'_>) -> Result<(), Refused> {
        self.bring_back(moved)
    }

    fn delete(&mut self, space: Space, links: &[LinkRef]) -> Result<(), Refused> {
        self.delete_links(space, links)
    }
}
