//! How much passes by a link of the pod whose other end is on the node.

use ipnet::IpNet;
use multus_net::{Apart, Effect, Limit, Link, LinkKind, LinkRef, NewLink, PacketEnd, Property, Space};
use multus_wasm::node::{Answer, LinkId};
use serde::Deserialize;

use super::chance;
use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{invalid, not_allowed};
use super::words;

/// Somebody else may have the number or name that chance chose.
const ATTEMPTS: u32 = 4;
/// What waits is kept for a fortieth of a second, 25 ms.
const WAITS: u64 = 40;
/// That much may wait in memory that is nobody's share, in bits: more than any runtime asks for by itself.
const LARGEST_BURST: u64 = u32::MAX as u64;
/// A frame has this much before what the MTU counts.
const ETHERNET: u32 = 14;

/// So many subnets: each is a filter on the node, and all of them are asked for each packet.
const MOST_SUBNETS: usize = 128;

/// What `limit-bandwidth` takes besides the link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    receive: Option<Bits>,
    send: Option<Bits>,
    apart: Option<Peers>,
}

/// Whom the pod speaks with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peers {
    subnets: Vec<IpNet>,
    limited: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bits {
    /// In a second.
    rate: u64,
    burst: u64,
}

/// `limit-bandwidth`.
pub(super) fn limit(node: &mut ComponentNode, id: LinkId, text: &str) -> Answer<Option<LinkId>> {
    let Limits { receive, send, apart } = words::options(text)?;
    let lent = node.lent.to_change(id)?;
    let name = &lent.link.name;
    if lent.link.space != Space::Sandbox || lent.origin == Origin::Ensured {
        return Err(not_allowed(
            &format!("limit what passes by `{name}`"),
            "only by a link of the pod that is its own",
        ));
    }
    let end = node.ask(|backend| backend.other_end(&lent.link))?;
    let end = end.ok_or_else(|| {
        invalid(format!(
            "`{name}` has no other end on the node, where its bandwidth would be limited: that takes a veth, as `bridge` \
             and `ptp` make it"
        ))
    })?;
    let of_direction = |bits: Option<Bits>| bits.map(|bits| bits.limit(&end)).transpose();
    let (receive, send) = (of_direction(receive)?, of_direction(send)?);
    let apart = apart.map(Peers::sorted).transpose()?;
    let apart = |by| apart.as_ref().map(|peers| peers.by(by));
    let outside = LinkRef::to(Space::Host, &end);
    if let Some(limit) = receive {
        let apart = apart(PacketEnd::Source);
        node.perform(Effect::Limit { link: outside.clone(), limit, apart })?;
    }
    let Some(limit) = send else { return Ok(None) };
    let detour = detour(node, &end)?;
    let apart = apart(PacketEnd::Destination);
    node.perform(Effect::Limit { link: detour.clone(), limit, apart })?;
    node.perform(Effect::Set { link: detour.clone(), property: Property::Up(true), before: None })?;
    node.perform(Effect::Redirect { link: outside, to: detour.clone() })?;
    Ok(Some(node.lent.lend(detour, Origin::Made)))
}

impl Peers {
    fn sorted(mut self) -> Answer<Peers> {
        if self.subnets.is_empty() || self.subnets.len() > MOST_SUBNETS {
            return Err(invalid(format!(
                "{} subnets to tell packets apart by: one at least, and at most {MOST_SUBNETS}",
                self.subnets.len()
            )));
        }
        self.subnets.iter_mut().for_each(|subnet| *subnet = subnet.trunc());
        self.subnets.sort_unstable();
        self.subnets.dedup();
        Ok(self)
    }

    /// By the address that is not the pod's.
    fn by(&self, by: PacketEnd) -> Apart {
        Apart { by, subnets: self.subnets.clone(), limited: self.limited }
    }
}

impl Bits {
    fn limit(self, end: &Link) -> Answer<Limit> {
        let (rate, burst) = (self.rate / 8, self.burst / 8);
        let too_much =
            |what: &str| invalid(format!("{what}: at most {LARGEST_BURST} bits may wait on the node"));
        if rate == 0 {
            return Err(invalid(format!(
                "a rate of {} bits a second lets nothing pass: at least 8",
                self.rate
            )));
        }
        if self.burst > LARGEST_BURST {
            return Err(too_much(&format!("a burst of {} bits", self.burst)));
        }
        let least = u64::from(end.mtu) + u64::from(ETHERNET);
        if burst < least {
            return Err(invalid(format!(
                "a burst of {} bits never lets a packet of {} bytes pass, which the link's MTU allows: at least {}",
                self.burst,
                end.mtu,
                least * 8
            )));
        }
        let queue = u32::try_from(rate / WAITS + burst);
        let queue = queue.map_err(|_| too_much(&format!("a rate of {} bits a second", self.rate)))?;
        Ok(Limit { rate, burst: u32::try_from(burst).unwrap_or(u32::MAX), queue })
    }
}

/// The link by which what the pod sends passes, since a queue is where something leaves.
fn detour(node: &mut ComponentNode, end: &Link) -> Answer<LinkRef> {
    let mut attempt = 1;
    loop {
        let link = NewLink {
            space: Space::Host,
            index: chance::index(),
            name: chance::detour_name(),
            mac: chance::mac(),
        };
        let effect =
            Effect::Link { link: link.clone(), parent: None, kind: LinkKind::Ifb, mtu: Some(end.mtu) };
        match node.perform(effect) {
            Ok(()) => {
                node.story.made(&link, Some(end.mtu));
                return Ok(LinkRef { space: link.space, index: link.index, name: link.name });
            }
            Err(refused) if attempt == ATTEMPTS => return Err(refused),
            Err(_) => attempt += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_put_in_order() {
        let peers = |subnets: &[&str]| {
            let subnets = subnets.iter().map(|subnet| subnet.parse().unwrap()).collect();
            Peers { subnets, limited: true }.sorted()
        };
        let sorted = peers(&["fd00::/8", "10.1.0.0/8", "10.0.0.0/8"]).unwrap().by(PacketEnd::Source);
        let texts: Vec<_> = sorted.subnets.iter().map(ToString::to_string).collect();
        assert_eq!((texts, sorted.limited), (vec!["10.0.0.0/8".into(), "fd00::/8".into()], true));
        for subnets in [vec![], vec!["10.0.0.0/8"; MOST_SUBNETS + 1]] {
            let failure = peers(&subnets).unwrap_err();
            assert!(failure.code == 7 && failure.message.contains("at most 128"), "{failure:?}");
        }
    }

    #[test]
    fn bits_become_the_bytes_of_a_bucket() {
        let end = Link { mtu: 1500, ..Link::default() };
        let limit = |rate, burst| Bits { rate, burst }.limit(&end);
        assert_eq!(
            limit(8_000_000, 1_000_000).unwrap(),
            Limit { rate: 1_000_000, burst: 125_000, queue: 150_000 }
        );
        for (rate, burst, words) in [
            (7, 1_000_000, "at least 8"),
            (8, 1513 * 8, "at least 12112"),
            (8, LARGEST_BURST + 1, "a burst of 4294967296 bits: at most 4294967295"),
            (u64::MAX, 1_000_000, "at most 4294967295"),
        ] {
            let failure = limit(rate, burst).unwrap_err();
            assert!(failure.code == 7 && failure.message.contains(words), "{failure:?}");
        }
        assert!(limit(8, 1514 * 8).is_ok() && limit(8, LARGEST_BURST).is_ok());
    }
}
