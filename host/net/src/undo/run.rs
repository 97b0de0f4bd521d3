//! Doing what undoes effects, on any back end.

use std::time::Instant;

use nix::libc;

use super::{Action, Moved, Rules, Step, steps};
use crate::effect::{
    Effect, FunctionChange, Home, Limited, LinkRef, NewLink, PolicyRule, Property, Route, Space,
};
use crate::{Backend, Link, Refused, Why};

/// What undoing and comparing take of a back end beside its questions.
pub(crate) trait Undoing: Backend {
    /// The link of that index, without addresses.
    fn glance(&mut self, space: Space, index: u32) -> Result<Option<Link>, Refused>;

    /// What a link has now of the same kind of property; of alternative names, `like` itself if it is there. `None`
    /// without the link, or where it has no such thing.
    fn property(&mut self, link: &LinkRef, like: &Property) -> Result<Option<Property>, Refused>;

    /// Takes an alternative name away.
    fn drop_name(&mut self, link: &LinkRef, name: &str) -> Result<(), Refused>;

    /// Deletes a route.
    fn drop_route(&mut self, link: &LinkRef, route: &Route) -> Result<(), Refused>;

    /// Makes a route that was there before, beside others to the same place.
    fn bring_route(&mut self, link: &LinkRef, route: &Route) -> Result<(), Refused>;

    /// Writes a setting.
    fn set_sysctl(&mut self, space: Space, key: &str, value: &str) -> Result<(), Refused>;

    /// Whether there are such rules.
    fn has_rules(&mut self, rules: Rules<'_>) -> Result<bool, Refused>;

    /// Deletes rules at once. Those that are gone are as good.
    fn drop_rules(&mut self, rules: &[Rules<'_>]) -> Result<(), Refused>;

    /// What limits a link of the node, if it has such as ours.
    fn limit(&mut self, link: &LinkRef) -> Result<Option<Limited>, Refused>;

    /// Takes that away.
    fn drop_limit(&mut self, link: &LinkRef) -> Result<(), Refused>;

    /// The link by which leaves what comes in by this one of the node, by index; 0 if that is gone, `None` without such a
    /// way.
    fn redirect(&mut self, link: &LinkRef) -> Result<Option<u32>, Refused>;

    /// Takes that away.
    fn drop_redirect(&mut self, link: &LinkRef) -> Result<(), Refused>;

    /// Deletes a rule of the pod.
    fn drop_policy_rule(&mut self, rule: &PolicyRule) -> Result<(), Refused>;

    /// Finds a link that was moved, and makes it what it was.
    fn bring_home(&mut self, moved: &Moved<'_>) -> Result<(), Refused>;

    /// Deletes links of one namespace at once. Those that are gone are as good.
    fn delete(&mut self, space: Space, links: &[LinkRef]) -> Result<(), Refused>;
}

/// See [`Backend::undo`].
pub(crate) fn run(node: &mut impl Undoing, effects: &[&Effect], deadline: Instant) -> Vec<(usize, Refused)> {
    let mut undone = Undone { node, effects, deadline, failed: Vec::new(), away: Vec::new() };
    let steps = steps(effects);
    undone.rules(&steps);
    let (mut doomed, mut shared) = (Vec::new(), Vec::new());
    for step in steps {
        if let Action::Delete { shared: true, .. } = step.action {
            shared.push(step);
            continue;
        }
        match undone.step(&step) {
            Ok(None) => {}
            Ok(Some(link)) => doomed.push((step.effect, link)),
            Err(refused) => undone.fail(&step, refused),
        }
    }
    undone.links(&doomed);
    undone.shared(&shared);
    undone.failed.sort_by_key(|(effect, _)| *effect);
    undone.failed
}

/// See [`Backend::drop_bridges`].
pub(crate) fn drop_bridges(
    node: &mut impl Undoing,
    bridges: &[NewLink],
    pairs: &[NewLink],
    deadline: Instant,
) -> Result<(), Refused> {
    let mut undone = Undone { node, effects: &[], deadline, failed: Vec::new(), away: Vec::new() };
    let mut doomed = Vec::new();
    for (kind, links) in [("bridge", bridges), ("veth", pairs)] {
        for link in links {
            doomed.extend(undone.ours(link, kind, Some(&[link.mac.to_string()]))?);
        }
    }
    undone.in_time(0)?;
    undone.node.delete(Space::Host, &doomed)
}

struct Undone<'a, N> {
    node: &'a mut N,
    effects: &'a [&'a Effect],
    deadline: Instant,
    failed: Vec<(usize, Refused)>,
    /// Links that did not come home as they were, if at all.
    away: Vec<&'a Home>,
}

impl<'a, N: Undoing> Undone<'a, N> {
    fn fail(&mut self, step: &Step<'a>, refused: Refused) {
        if let Action::BringHome(moved) = &step.action {
            self.away.push(moved.home);
        }
        self.failed.push((step.effect, refused));
    }

    /// Nothing begins after the deadline.
    fn in_time(&self, effect: usize) -> Result<(), Refused> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        let tried = self
            .effects
            .get(effect)
            .map_or("deleting links".to_owned(), |effect| format!("taking back {effect}"));
        Err(Refused::kernel(tried, libc::ETIMEDOUT))
    }

    /// All rules are deleted with one change.
    fn rules(&mut self, steps: &[Step<'_>]) {
        let (effects, rules): (Vec<_>, Vec<_>) = steps.iter().filter_map(rules_of).unzip();
        let Some(first) = effects.first() else { return };
        let done = self.in_time(*first).and_then(|()| self.node.drop_rules(&rules));
        if let Err(refused) = done {
            self.failed.extend(effects.iter().map(|effect| (*effect, refused.clone())));
        }
    }

    /// Takes back one thing, or says which link is to be deleted for it.
    fn step(&mut self, step: &Step<'_>) -> Result<Option<LinkRef>, Refused> {
        if let Action::DropRules(_) = step.action {
            // They were all deleted together.
            return Ok(None);
        }
        self.in_time(step.effect)?;
        let done = match &step.action {
            Action::Delete { link, kind, macs, .. } => return self.ours(link, kind, macs.as_deref()),
            Action::Restore { link, ours, before } => self.restore(link, ours, before),
            Action::DropAddress { link, address } => self.node.drop_address(link, *address),
            Action::DropRoute { link, route } => self.node.drop_route(link, route),
            Action::BringRoute { link, route } => self.bring_route(link, route),
            Action::DropLimit { link, limit, apart } => self.drop_limit(link, &Limited::by(limit, *apart)),
            Action::DropRedirect { link, to } => self.drop_redirect(link, to),
            Action::DropPolicyRule(rule) => self.node.drop_policy_rule(rule),
            Action::RestoreSetting { key, ours, before } => self.restore_setting(key, ours, before),
            Action::BringHome(moved) => self.node.bring_home(moved),
            Action::RestoreFunction(change) => self.restore_function(change),
            Action::DropRules(_) => Ok(()),
        };
        match done {
            Err(refused) if is_gone(&step.action, &refused) => Ok(None),
            done => done.map(|()| None),
        }
    }

    /// A link that was made so, whatever it is called by now.
    fn ours(
        &mut self,
        made: &NewLink,
        kind: &str,
        macs: Option<&[String]>,
    ) -> Result<Option<LinkRef>, Refused> {
        let found = self.node.glance(made.space, made.index)?;
        let ours = found.filter(|link| link.kind == kind && macs.is_none_or(|macs| macs.contains(&link.mac)));
        Ok(ours.map(|link| LinkRef { space: made.space, index: link.index, name: link.name }))
    }

    /// Links that several attachments may use: those that nobody uses any more, now that all others are gone.
    fn shared(&mut self, steps: &[Step<'_>]) {
        let mut doomed = Vec::new();
        for step in steps {
            match self.step(step).and_then(|found| self.unused(found)) {
                Ok(found) => doomed.extend(found.map(|link| (step.effect, link))),
                Err(refused) => self.failed.push((step.effect, refused)),
            }
        }
        // Several effects may be about one.
        doomed.dedup_by(|one, other| one.1 == other.1);
        self.links(&doomed);
    }

    fn unused(&mut self, link: Option<LinkRef>) -> Result<Option<LinkRef>, Refused> {
        let Some(link) = link else { return Ok(None) };
        let used = self.node.links(link.space)?.iter().any(|port| port.master == Some(link.index));
        Ok((!used).then_some(link))
    }

    fn restore(&mut self, link: &LinkRef, ours: &Property, before: &Property) -> Result<(), Refused> {
        if self.node.property(link, ours)?.as_ref() != Some(ours) || before.is_no_address() {
            return Ok(());
        }
        if let Property::AlternativeName(name) = ours {
            return self.node.drop_name(link, name);
        }
        let effect = Effect::Set { link: link.clone(), property: before.clone(), before: None };
        self.node.apply(&effect, self.deadline)
    }

    /// One that is there again is as good, and so is one that leads nowhere any more.
    fn bring_route(&mut self, link: &LinkRef, route: &Route) -> Result<(), Refused> {
        match self.node.bring_route(link, route) {
            Err(refused)
                if matches!(
                    refused.errno,
                    Some(
                        libc::EEXIST | libc::EINVAL | libc::ENETDOWN | libc::ENETUNREACH | libc::EHOSTUNREACH
                    )
                ) =>
            {
                Ok(())
            }
            done => done,
        }
    }

    /// The node gives numbers again: the name has to be the same as well.
    fn is_still(&mut self, link: &LinkRef) -> Result<bool, Refused> {
        Ok(self.node.glance(link.space, link.index)?.is_some_and(|found| found.name == link.name))
    }

    fn drop_limit(&mut self, link: &LinkRef, ours: &Limited) -> Result<(), Refused> {
        if self.is_still(link)? && self.node.limit(link)?.as_ref() == Some(ours) {
            self.node.drop_limit(link)?;
        }
        Ok(())
    }

    fn drop_redirect(&mut self, link: &LinkRef, to: &LinkRef) -> Result<(), Refused> {
        if self.is_still(link)? && self.node.redirect(link)? == Some(to.index) {
            self.node.drop_redirect(link)?;
        }
        Ok(())
    }

    /// What has no driver at all, or is reserved for ours, was on its way to that. A function that a pod may still have
    /// stays in its VLAN.
    fn restore_function(&mut self, change: &FunctionChange) -> Result<(), Refused> {
        let address = change.address();
        let Some(found) = self.node.function(address)? else { return Ok(()) };
        if found.link.is_none() && self.away.iter().any(|home| home.is_of(address)) {
            let tried = format_args!("taking back {change}");
            return Err(Refused::because(tried, libc::EBUSY, "its link has to come home first"));
        }
        let has_ours = match change {
            FunctionChange::Set { setting, .. } => found.has(setting),
            FunctionChange::Driver { driver, before, reserved_for, .. } => {
                let is_reserved = found.reserved_for.is_some() && found.reserved_for == *driver;
                let was_reserved = reserved_for.is_some() && found.reserved_for.is_none();
                let is_nearly_back = was_reserved && found.driver == *before;
                found.driver == *driver || found.driver.is_none() || is_reserved || is_nearly_back
            }
        };
        match change.reverse().filter(|reverse| has_ours && !reverse.is_no_address()) {
            Some(reverse) => self.node.apply(&Effect::Function(reverse), self.deadline),
            None => Ok(()),
        }
    }

    fn restore_setting(&mut self, key: &str, ours: &str, before: &str) -> Result<(), Refused> {
        if same_setting(&self.node.sysctl(Space::Sandbox, key)?, ours) {
            self.node.set_sysctl(Space::Sandbox, key, before)?;
        }
        Ok(())
    }

    fn links(&mut self, doomed: &[(usize, LinkRef)]) {
        for space in [Space::Host, Space::Sandbox] {
            let here: Vec<_> = doomed.iter().filter(|(_, link)| link.space == space).collect();
            let Some((first, _)) = here.first() else { continue };
            let links: Vec<_> = here.iter().map(|(_, link)| link.clone()).collect();
            let done = self.in_time(*first).and_then(|()| self.node.delete(space, &links));
            if let Err(refused) = done {
                self.failed.extend(here.iter().map(|(effect, _)| (*effect, refused.clone())));
            }
        }
    }
}

/// Whether there is nothing to take back any more. A hardware address that a driver does not take is another matter.
fn is_gone(action: &Action<'_>, refused: &Refused) -> bool {
    let is_about_addresses = matches!(action, Action::DropAddress { .. });
    refused.why() == Why::Missing && (is_about_addresses || refused.errno != Some(libc::EADDRNOTAVAIL))
}

fn rules_of<'a>(step: &Step<'a>) -> Option<(usize, Rules<'a>)> {
    match step.action {
        Action::DropRules(rules) => Some((step.effect, rules)),
        _ => None,
    }
}

/// Several numbers in one setting are written with any space between, and read with tabs.
pub(crate) fn same_setting(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}
