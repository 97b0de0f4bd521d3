//! Who may change what, by what is seen of the node alone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use multus_wasm::Grants;

use super::super::stage::{HOST, Thing, View};

/// The address of the link that the plugin before one of the members made.
pub(super) const OF_PREV: &str = "10.9.9.9";

/// A member as the judge knows it.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    pub(super) sandbox: u64,
    pub(super) container: String,
    pub(super) interface: &'static str,
    pub(super) offered: IpNet,
    pub(super) before: &'static [&'static str],
    pub(super) grants: Grants,
}

/// Keeps what was seen last, and whose each thing is that came since the beginning.
pub(super) struct Judge {
    first: View,
    last: View,
    first_claims: Vec<String>,
    last_claims: Vec<String>,
    members: Vec<Whose>,
    owners: BTreeMap<Thing, usize>,
}

type Verdict<T> = Result<T, String>;

impl Judge {
    pub(super) fn new(seen: View, claims: Vec<String>, members: Vec<Whose>) -> Judge {
        let owners = BTreeMap::new();
        Judge {
            first: seen.clone(),
            last: seen,
            first_claims: claims.clone(),
            last_claims: claims,
            members,
            owners,
        }
    }

    /// One member made a host call: whether it changed anything.
    pub(super) fn call(&mut self, member: usize, now: View, claims: Vec<String>) -> Verdict<bool> {
        let last = std::mem::replace(&mut self.last, now);
        let changes = last.changes(&self.last);
        let mut came = Vec::new();
        for (thing, before, after) in &changes {
            self.may(member, thing, before, after, &last)?;
            if before.is_empty() && !is_shared(after, &self.last) {
                came.push((*thing).clone());
            }
        }
        self.owners.extend(came.into_iter().map(|thing| (thing, member)));
        self.may_claim(member, &claims)?;
        let changed = !changes.is_empty() || claims != self.last_claims;
        self.last_claims = claims;
        Ok(changed)
    }

    fn may(
        &self,
        member: usize,
        thing: &Thing,
        before: &[String],
        after: &[String],
        last: &View,
    ) -> Verdict<()> {
        let me = &self.members[member];
        let refuse = |why: &str| Err(format!("{why}: {thing:?}\n  {before:#?}\n  {after:#?}"));
        let own = self.owners.get(thing) == Some(&member);
        match thing {
            Thing::Rule(text) => {
                let mine = text.starts_with(&format!("rule {} {} ", me.container, me.interface));
                let about = me.offered.addr().to_string();
                let fits = match text {
                    text if text.contains("SpoofCheck") => true,
                    text if text.contains("PortMapping") => {
                        let leads = |to: &str| text.contains(&format!("}}, address: {to}, port"));
                        leads(&about) || me.before.iter().any(|_| leads(OF_PREV))
                    }
                    text => text.contains(&format!("address: {about},")),
                };
                if mine && fits && before.is_empty() { Ok(()) } else { refuse("a rule of others") }
            }
            Thing::Policy(space, text) => {
                let from = |address: &str| text.contains(&format!(": from {address}/"));
                let own = from(&me.offered.addr().to_string()) || !me.before.is_empty() && from(OF_PREV);
                let everybodys =
                    [253, 254, 255].iter().any(|table| text.ends_with(&format!(" lookup {table}")));
                if *space == me.sandbox && own && !everybodys && before.is_empty() {
                    Ok(())
                } else {
                    refuse("a rule of others")
                }
            }
            Thing::Setting(HOST, key) if me.grants.allows_sysctl(key) => Ok(()),
            Thing::Setting(space, key) if *space == me.sandbox && me.grants.allows_sysctl(key) => Ok(()),
            Thing::Setting(..) => refuse("a setting of others"),
            Thing::Link(HOST, _) => {
                let name = last.name(thing).or_else(|| self.last.name(thing)).unwrap_or_default();
                // The node's end in a VLAN, and its port, are as much a member's as their bridge is.
                let bridge = end_of(before, last).or_else(|| end_of(after, &self.last));
                let granted = me.grants.links_match(bridge.as_deref().unwrap_or(name));
                if me.without_settings(before) == me.without_settings(after) {
                    return Ok(());
                }
                match (before, after) {
                    ([], _) if granted || ["veth", "bwp"].iter().any(|begin| name.starts_with(begin)) => {
                        me.on_node(before, after)
                    }
                    // Taken to the pod.
                    (_, []) if granted && !is_shared(before, last) => Ok(()),
                    (_, [_, ..]) if own => me.on_node(before, after),
                    ([_, ..], [_, ..]) if granted && is_shared(before, last) => {
                        stays(before, after)?;
                        me.on_node(before, after)
                    }
                    _ => refuse("a link of the node"),
                }
            }
            Thing::Link(space, _) if *space == me.sandbox => {
                let name = last.name(thing).or_else(|| self.last.name(thing)).unwrap_or_default();
                let named = name == me.interface || me.grants.names_match(name);
                let chained = me.before.contains(&name) && !self.owners.contains_key(thing);
                let of_pod = name == "lo"
                    && without_up(&me.without_settings(before)) == without_up(&me.without_settings(after));
                match (before, after) {
                    ([], _) if named => Ok(()),
                    ([_, ..], [_, ..]) if own || chained || of_pod => Ok(()),
                    _ => refuse("a link of the pod"),
                }
            }
            Thing::Link(..) => refuse("a link of another pod"),
        }
    }

    /// Claims come, with the member's name in them; none goes.
    fn may_claim(&self, member: usize, claims: &[String]) -> Verdict<()> {
        let me = &self.members[member];
        if let Some(gone) = self.last_claims.iter().find(|claim| !claims.contains(claim)) {
            return Err(format!("a claim is gone: {gone:?}"));
        }
        let mine = format!(" {}\r\n{}", me.container, me.interface);
        let folder = |claim: &str| {
            me.grants.stores().iter().any(|folder| claim.starts_with(&format!("{}/", folder.display())))
        };
        match claims
            .iter()
            .find(|claim| !(self.last_claims.contains(claim) || claim.ends_with(&mine) && folder(claim)))
        {
            Some(wrong) => Err(format!("a claim that is not the member's: {wrong:?}")),
            None => Ok(()),
        }
    }

    /// A pod was taken back: what was its members' is gone or as before, everything else untouched.
    pub(super) fn leave(&mut self, members: &[usize], now: View, claims: Vec<String>) -> Verdict<()> {
        let last = std::mem::replace(&mut self.last, now);
        for (thing, before, after) in last.changes(&self.last) {
            let own = self.owners.get(thing).is_some_and(|owner| members.contains(owner));
            let as_first = self.first.0.get(thing).map(Vec::as_slice).unwrap_or_default() == after;
            let shared = is_shared(before, &last) && is_shared(after, &self.last);
            let follows = shared && stays(before, after).is_ok();
            let loopback = self.first.0.get(thing).is_some_and(|first| same_loopback(thing, first, after));
            if !(own && after.is_empty() || as_first || follows || loopback) {
                return Err(format!(
                    "{thing:?} is neither as before nor as at first:\n  {before:#?}\n  {after:#?}"
                ));
            }
        }
        let gone: Vec<Thing> = self
            .owners
            .iter()
            .filter(|(_, owner)| members.contains(owner))
            .map(|(thing, _)| thing.clone())
            .collect();
        for thing in gone {
            self.owners.remove(&thing);
            // Settings of the node are everybody's and stay.
            let stays = matches!(thing, Thing::Setting(HOST, _));
            if !stays && self.last.0.contains_key(&thing) {
                return Err(format!("{thing:?} is left: {:#?}", self.last.0.get(&thing)));
            }
        }
        let containers: Vec<String> =
            members.iter().map(|&at| format!(" {}\r\n", self.members[at].container)).collect();
        if let Some(left) = claims.iter().find(|claim| containers.iter().any(|id| claim.contains(id))) {
            return Err(format!("a claim is left: {left:?}"));
        }
        let others = |claim: &&String| !containers.iter().any(|id| claim.contains(id));
        let (before, after): (Vec<_>, Vec<_>) =
            (self.last_claims.iter().filter(others).collect(), claims.iter().collect());
        if before != after {
            return Err(format!("claims of others changed: {before:?}, {after:?}"));
        }
        self.last_claims = claims;
        Ok(())
    }

    /// Everybody is gone: but for bridges and settings of the node, which are everybody's, all is as at first.
    pub(super) fn end(self) -> Verdict<()> {
        for (thing, first, last) in self.first.changes(&self.last) {
            let ensured = matches!(thing, Thing::Setting(HOST, _)) || is_shared(last, &self.last);
            if !ensured && !same_loopback(thing, first, last) {
                return Err(format!("{thing:?} is not as at first:\n  {first:#?}\n  {last:#?}"));
            }
        }
        if self.first_claims == self.last_claims { Ok(()) } else { Err(format!("{:?}", self.last_claims)) }
    }
}

impl Whose {
    /// A link's lines but for settings that were granted by name.
    fn without_settings<'a>(&self, lines: &'a [String]) -> Vec<&'a String> {
        let granted = |line: &str| {
            let (name, rest) = line.split_once(": ").unwrap_or_default();
            let setting = rest.split_once(" = ").and_then(|(key, _)| key.split_once('/'));
            setting.is_some_and(|(family, key)| {
                self.grants.allows_sysctl(&format!("net/{family}/conf/{name}/{key}"))
            })
        };
        lines.iter().filter(|line| !granted(line)).collect()
    }

    /// On the node only what leads to the member's own addresses is new.
    fn on_node(&self, before: &[String], after: &[String]) -> Verdict<()> {
        let known: Vec<&str> = before.iter().flat_map(|line| words(line)).collect();
        for line in after.iter().filter(|line| !before.contains(line)) {
            for word in words(line).filter(|word| !known.contains(word)) {
                let of_offered = |net: IpNet| self.offered.trunc().contains(&net.trunc());
                if word.parse::<IpNet>().is_ok_and(|net| !of_offered(net) && !is_any_host(net)) {
                    return Err(format!("{word} leads the node's own packets to a pod: {line}"));
                }
            }
            if line.contains(": route default") {
                return Err(format!("a default route of the node: {line}"));
            }
        }
        Ok(())
    }
}

/// The kernel leaves a loopback its address as it goes down.
fn same_loopback(thing: &Thing, first: &[String], last: &[String]) -> bool {
    let lines = |lines: &[String]| without_up(&lines.iter().collect::<Vec<_>>());
    matches!(thing, Thing::Link(_, 1)) && lines(first) == lines(last)
}

/// The loopback's lines but for what follows from its being up.
fn without_up(lines: &[&String]) -> Vec<String> {
    let follows = |word: &&str| !matches!(*word, "up" | "127.0.0.1/8" | "::1/128");
    lines.iter().map(|line| line.split(' ').filter(follows).collect::<Vec<_>>().join(" ")).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(' ')
}

/// Multicast and link-local routes, which the kernel makes by itself.
fn is_any_host(net: IpNet) -> bool {
    match net.addr() {
        IpAddr::V6(address) => address.is_multicast() || address.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    }
}

/// A bridge of the node is everybody's, and so are the node's ends in its VLANs.
fn is_shared(lines: &[String], view: &View) -> bool {
    lines.first().is_some_and(|line| line.contains(" bridge")) || end_of(lines, view).is_some()
}

/// The bridge in a VLAN of which this is the node's end, or that end's port: their names say it.
fn end_of(lines: &[String], view: &View) -> Option<String> {
    let (name, rest) = lines.first()?.split_once(": ")?;
    let (_, peer) = rest.split_once(" veth to ")?;
    let peer = peer.strip_suffix(" in 1").or_else(|| Some(peer.split_once(" in 1 ")?.0))?;
    let other = view.name(&Thing::Link(HOST, peer.parse().ok()?)).unwrap_or_default();
    let (bridge, _) = [name, other].into_iter().find_map(|name| name.split_once('.'))?;
    Some(bridge.to_owned())
}

/// What others rely on of a bridge that is there: that it is up, its address and name, and that its MTU follows its
/// ports.
fn stays(before: &[String], after: &[String]) -> Verdict<()> {
    let (Some(before), Some(after)) = (before.first(), after.first()) else { return Ok(()) };
    let has = |line: &str, word: &str| words(line).any(|other| other == word);
    let kept =
        ["up", "promiscuous", "all-multicast"].into_iter().all(|word| !has(before, word) || has(after, word));
    let identity = |line: &str| words(line).take(4).map(str::to_owned).collect::<Vec<_>>();
    let mtu = before.contains("with an MTU") == after.contains("with an MTU");
    // Of an end's port: which bridge it is of, and in which VLANs.
    let port = |line: &str| line.split_once(" port of ").map(|(_, told)| told.to_owned());
    if kept && mtu && port(before) == port(after) && identity(before) == identity(after) {
        Ok(())
    } else {
        Err(format!("a bridge that others use was changed:\n  {before}\n  {after}"))
    }
}
