//! Taking effects back. What follows from a list of effects is decided here, without looking at the node; how it is
//! done is [`run`].

mod moved;
mod run;

use std::collections::VecDeque;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::effect::{
    Apart, Class, Effect, FunctionChange, Home, Limit, LinkRef, NewLink, PolicyRule, PortMapping, Property,
    Route, Space,
};

pub(crate) use moved::find;
pub(crate) use run::{Undoing, drop_bridges, run, same_setting};

/// One thing to be taken back, and which of the effects it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    /// Position of the effect in the list.
    pub(crate) effect: usize,
    pub(crate) action: Action<'a>,
}

/// What undoes an effect. All of them leave alone what is gone, or is not as the effect made it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action<'a> {
    /// A property gets its former value if it still has ours.
    Restore { link: &'a LinkRef, ours: &'a Property, before: &'a Property },
    /// An address is taken off a link that stays.
    DropAddress { link: &'a LinkRef, address: IpNet },
    /// A route by a link that stays is deleted.
    DropRoute { link: &'a LinkRef, route: &'a Route },
    /// A route by a link that stays comes back.
    BringRoute { link: &'a LinkRef, route: &'a Route },
    /// What leaves by a link that stays leaves as it likes, if it has our limit.
    DropLimit { link: &'a LinkRef, limit: &'a Limit, apart: Option<&'a Apart> },
    /// What comes in by a link that stays comes in by itself, if it took our way.
    DropRedirect { link: &'a LinkRef, to: &'a LinkRef },
    /// A rule of the pod is deleted.
    DropPolicyRule(&'a PolicyRule),
    /// A setting of the sandbox gets its former value if it still has ours.
    RestoreSetting { key: &'a str, ours: &'a str, before: &'a str },
    /// Rules for packets are deleted.
    DropRules(Rules<'a>),
    /// A link that was moved comes home.
    BringHome(Moved<'a>),
    /// A function gets what it had if it still has ours.
    RestoreFunction(&'a FunctionChange),
    /// A link of ours is deleted: all of them at once, at the end.
    Delete {
        link: &'a NewLink,
        kind: &'static str,
        /// The hardware addresses that it may have: the one it was made with, and what we gave it since. Any where it
        /// follows its parent's, and in the pod, which may choose another: there kind and number tell it.
        macs: Option<Vec<String>>,
        /// Others may use it: it goes once it has no port any more.
        shared: bool,
    },
}

/// Rules of ours: what they are about, and the id that tells them from others about the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rules<'a> {
    /// What becomes of packets from an address.
    Masquerade { address: IpAddr, id: &'a str },
    /// What becomes of frames that come in by a link.
    SpoofCheck { port: u32, id: &'a str },
    /// What becomes of packets to a port of the node.
    PortMapping { mapping: &'a PortMapping, id: &'a str },
}

impl<'a> Rules<'a> {
    pub(crate) fn id(&self) -> &'a str {
        match self {
            Self::Masquerade { id, .. } | Self::SpoofCheck { id, .. } | Self::PortMapping { id, .. } => id,
        }
    }
}

/// A link that was moved, and what is known about what it looks like now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved<'a> {
    /// As it was at home.
    pub(crate) link: &'a LinkRef,
    /// Where it was moved to.
    pub(crate) to: Space,
    /// Its name there, unless the pod renamed it.
    pub(crate) name: &'a str,
    /// What it is to become again.
    pub(crate) home: &'a Home,
    /// The hardware addresses that it may have: its own, and what we gave it there.
    pub(crate) macs: Vec<String>,
    /// Those that its card gave it before we had another one given: at home it may have one of them again.
    pub(crate) former: Vec<String>,
}

/// What undoes these effects, given in the order in which they were done: the last first, but links of ours at the
/// end, since a batch of them costs no more time than one.
pub(crate) fn steps<'a>(effects: &[&'a Effect]) -> Vec<Step<'a>> {
    let steps = effects.iter().enumerate().rev().filter_map(|(at, effect)| step(at, effect, effects));
    let mut steps = functions_after_their_links(steps.collect());
    // What is shared after what may be its port.
    steps.sort_by_key(|step| match step.action {
        Action::Delete { shared, .. } => 1 + u8::from(shared),
        _ => 0,
    });
    steps
}

/// A function that a pod still has keeps its VLAN: what its card was told of it is taken back once its link is home, also
/// where it was told after the link had left.
fn functions_after_their_links(steps: Vec<Step<'_>>) -> Vec<Step<'_>> {
    let mut ahead = VecDeque::from(steps);
    let (mut ordered, mut waiting) = (Vec::new(), Vec::new());
    while let Some(step) = ahead.pop_front() {
        if ahead.iter().any(|later| later.brings_home_what(&step)) {
            waiting.push(step);
            continue;
        }
        let (own, others): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|waiting| step.brings_home_what(waiting));
        ordered.push(step);
        ordered.extend(own);
        waiting = others;
    }
    ordered
}

impl Step<'_> {
    /// Whether it brings home the link of the function that the other one is about.
    fn brings_home_what(&self, other: &Self) -> bool {
        match (&self.action, &other.action) {
            (Action::BringHome(moved), Action::RestoreFunction(change)) => moved.home.is_of(change.address()),
            _ => false,
        }
    }
}

fn step<'a>(at: usize, effect: &'a Effect, all: &[&Effect]) -> Option<Step<'a>> {
    let action = match effect {
        Effect::Veth { outside, .. } => {
            let macs = macs(&outside.mac.to_string(), all, |link| {
                link.space == outside.space && link.index == outside.index
            });
            Action::Delete { link: outside, kind: "veth", macs: Some(macs), shared: false }
        }
        Effect::Link { link: made, kind, .. } => {
            let is_it = |link: &LinkRef| link.space == made.space && link.index == made.index;
            let in_pod = made.space == Space::Sandbox && made.index >= NewLink::FIRST_INDEX;
            let any = kind.has_parents_mac() || in_pod;
            let macs = (!any).then(|| macs(&made.mac.to_string(), all, is_it));
            Action::Delete { link: made, kind: kind.name(), macs, shared: kind.is_shared() }
        }
        Effect::Move { link, to, name, home } => {
            let macs = macs(&home.mac, all, |link| link.space == *to && link.name == *name);
            Action::BringHome(Moved { link, to: *to, name, home, macs, former: former_macs(home, all) })
        }
        Effect::Set { link, property, before: Some(before) } => {
            Action::Restore { link, ours: property, before }
        }
        Effect::Address { link, address, lasting: true } => Action::DropAddress { link, address: *address },
        Effect::Route { link, route, lasting: true } => Action::DropRoute { link, route },
        Effect::NoRoute { link, route, lasting: true } => Action::BringRoute { link, route },
        // They go with links of ours.
        Effect::Limit { link, .. } | Effect::Redirect { link, .. } if is_made(link, all) => return None,
        Effect::Limit { link, limit, apart } => Action::DropLimit { link, limit, apart: apart.as_ref() },
        Effect::Redirect { link, to } => Action::DropRedirect { link, to },
        Effect::PolicyRule { rule } => Action::DropPolicyRule(rule),
        Effect::Sysctl { space: Space::Sandbox, key, value, before } => {
            Action::RestoreSetting { key, ours: value, before }
        }
        Effect::Masquerade { id, address, .. } => {
            Action::DropRules(Rules::Masquerade { address: *address, id })
        }
        Effect::SpoofCheck { id, port, .. } => Action::DropRules(Rules::SpoofCheck { port: port.index, id }),
        Effect::PortMapping { id, mapping } => Action::DropRules(Rules::PortMapping { mapping, id }),
        Effect::Function(change) if effect.class() == Class::Modified => Action::RestoreFunction(change),
        Effect::Bridge { .. }
        | Effect::Pair { .. }
        | Effect::Set { before: None, .. }
        | Effect::Address { lasting: false, .. }
        | Effect::NoAddress { .. }
        | Effect::Route { lasting: false, .. }
        | Effect::NoRoute { lasting: false, .. }
        | Effect::Neighbour { .. }
        | Effect::Vlans { .. }
        | Effect::NoVlans { .. }
        | Effect::Sysctl { space: Space::Host, .. }
        | Effect::Announce { .. }
        | Effect::Function(_) => return None,
    };
    Some(Step { effect: at, action })
}

/// Whether one of these effects made the link.
fn is_made(link: &LinkRef, all: &[&Effect]) -> bool {
    let is_it = |made: &NewLink| made.space == link.space && made.index == link.index;
    all.iter().any(|effect| match effect {
        Effect::Veth { inside, outside, .. } => is_it(inside) || is_it(outside),
        Effect::Link { link: made, .. } => is_it(made),
        _ => false,
    })
}

/// A link's own hardware address, and those that effects gave it.
fn macs(own: &str, all: &[&Effect], is_it: impl Fn(&LinkRef) -> bool) -> Vec<String> {
    let given = all.iter().filter_map(|effect| match effect {
        Effect::Set { link, property: Property::Mac(mac), .. } if is_it(link) => Some(mac.to_string()),
        _ => None,
    });
    std::iter::once(own.to_owned()).filter(|mac| !mac.is_empty()).chain(given).collect()
}

/// The hardware addresses that a function had before effects gave it others.
fn former_macs(home: &Home, all: &[&Effect]) -> Vec<String> {
    let before = |effect: &&Effect| match effect {
        Effect::Function(FunctionChange::Set { function, before: Some(before), .. })
            if home.is_of(&function.address) =>
        {
            before.mac().map(|mac| mac.to_string())
        }
        _ => None,
    };
    all.iter().filter_map(before).collect()
}

#[cfg(test)]
mod tests;
