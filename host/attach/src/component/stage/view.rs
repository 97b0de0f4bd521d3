//! A node's dump, thing by thing, so that each can be given an owner.

use std::collections::BTreeMap;

use multus_net::simulated::{Node, Sandbox};

/// The number of the node's own namespace.
pub(crate) const HOST: u64 = 1;

/// What can be changed by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    /// A link with its addresses, routes, neighbours and settings.
    Link(u64, u32),
    Setting(u64, String),
    Rule(String),
    /// By which table packets of a namespace are routed.
    Policy(u64, String),
}

/// All things, each with its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View(pub(crate) BTreeMap<Thing, Vec<String>>);

impl View {
    pub(crate) fn of(node: &Node) -> View {
        let mut view = View::default();
        let mut indexes = BTreeMap::new();
        for line in node.dump().lines() {
            let (space, words) = line.split_once(": ").unwrap();
            let space: u64 = space.parse().unwrap();
            let thing = if words.starts_with("rule ") {
                Thing::Rule(words.to_owned())
            } else if words.starts_with("policy ") {
                Thing::Policy(space, words.to_owned())
            } else if let Some((name, rest)) = words.split_once(": ") {
                if let Some(rest) = rest.strip_prefix("link ") {
                    let index: u32 = rest.split(' ').next().unwrap().parse().unwrap();
                    indexes.insert((space, name.to_owned()), index);
                }
                Thing::Link(space, indexes[&(space, name.to_owned())])
            } else {
                Thing::Setting(space, words.split(' ').next().unwrap().to_owned())
            };
            view.0.entry(thing).or_default().push(words.to_owned());
        }
        view
    }

    /// The name of a link.
    pub(crate) fn name(&self, thing: &Thing) -> Option<&str> {
        self.0.get(thing)?.first()?.split(':').next()
    }

    /// What differs: each thing with its lines here and there.
    pub(crate) fn changes<'a>(&'a self, after: &'a View) -> Vec<(&'a Thing, &'a [String], &'a [String])> {
        let mut things: Vec<&Thing> = self.0.keys().chain(after.0.keys()).collect();
        things.sort();
        things.dedup();
        let lines = |view: &'a View, thing: &Thing| view.0.get(thing).map_or(&[][..], Vec::as_slice);
        let both = things.into_iter().map(|thing| (thing, lines(self, thing), lines(after, thing)));
        both.filter(|(_, before, after)| before != after).collect()
    }
}

/// A pod's namespace as dumps number it.
pub(crate) fn number(node: &Node, sandbox: Sandbox) -> u64 {
    node.identity(sandbox).map_or(0, |identity| identity.cookie)
}
