//! How fast some packets leave by a link of the node, and others as they like: a queue of `htb` with a class for each, and
//! a filter for each subnet. The classes are numbered as the reference plugin's are.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use nix::libc;

use super::traffic::{
    CLASS, FIRST, GET_FILTER, GET_QDISC, HEADER, KIND, NEW_FILTER, NEW_QDISC, OPTIONS, ROOT, SELECTOR,
    message, numbers, ticks,
};
use super::{Kernel, failed, refused};
use crate::Refused;
use crate::answer::Message;
use crate::attribute::{attribute, bytes, put, text, u16_at, u32_at, value};
use crate::effect::{Apart, Limit, Limited, LinkRef, PacketEnd};
use crate::netlink::Request;

/// `RTM_NEWTCLASS`, `RTM_GETTCLASS`.
const NEW_CLASS: u16 = 40;
const GET_CLASS: u16 = 42;
/// `TCA_HTB_PARMS`, `TCA_HTB_INIT`, `TCA_HTB_RATE64`, `TCA_HTB_CEIL64`.
const PARAMETERS: u16 = 1;
const INITIAL: u16 = 2;
const RATE: u16 = 6;
const CEILING: u16 = 7;
/// `TC_LINKLAYER_ETHERNET`, as the first word of how a rate is counted: its second byte.
const ETHERNET: [u8; 4] = [0, 1, 0, 0];
/// The classes `1:1`, for what leaves as it likes, and `1:30`.
const FREE: u32 = FIRST | 1;
const LIMITED: u32 = FIRST | 0x30;
/// Bytes a second that no link has, and what may leave at once of them: nothing waits.
const BOUNDLESS: u64 = 100_000_000_000;
const AT_ONCE: u32 = 100_000_000;
/// Bytes of a class before the other one has its turn. Without a word of it the kernel reckons, and complains in its log.
const TURN: u32 = 60_000;
/// What is for packets of one family cannot stand beside what is for the other's (`ETH_P_IP`, `ETH_P_IPV6`).
const OF_IPV4: Family = Family { priority: 16, protocol: 0x0800, source: 12, words: 1 };
const OF_IPV6: Family = Family { priority: 15, protocol: 0x86dd, source: 8, words: 4 };

/// Where packets of a family have their addresses.
struct Family {
    priority: u32,
    protocol: u16,
    /// Bytes before the address where they come from; the other one is behind it.
    source: u32,
    /// Of four bytes, of an address.
    words: u32,
}

impl Family {
    fn offset(&self, end: PacketEnd) -> u32 {
        match end {
            PacketEnd::Source => self.source,
            PacketEnd::Destination => self.source + 4 * self.words,
        }
    }
}

/// `tc qdisc add dev … root handle 1: htb default …`.
fn root(index: u32, apart: &Apart) -> Vec<u8> {
    let rest = if apart.limited { FREE } else { LIMITED };
    // Version, what a turn is reckoned by, the class for the rest, and two counters.
    let initial = numbers(&[3, 10, rest & 0xffff, 0, 0]);
    let mut message = message(index, FIRST, ROOT, 0);
    put(&mut message, KIND, b"htb\0");
    put(&mut message, OPTIONS, &attribute(INITIAL, &initial));
    message
}

/// `tc class add dev … parent 1: classid … htb rate … ceil … burst … cburst … quantum …`.
fn class(index: u32, class: u32, rate: u64, burst: u32) -> Vec<u8> {
    let short = numbers(&[0, u32::try_from(rate).unwrap_or(u32::MAX)]);
    let ticks = ticks(rate, burst);
    let counted = [&ETHERNET[..], &short].concat();
    let parameters = [&counted[..], &counted, &numbers(&[ticks, ticks, TURN, 0, 0])].concat();
    let mut options = attribute(PARAMETERS, &parameters);
    if rate > u32::MAX.into() {
        put(&mut options, RATE, &rate.to_ne_bytes());
        put(&mut options, CEILING, &rate.to_ne_bytes());
    }
    let mut message = message(index, class, FIRST, 0);
    put(&mut message, KIND, b"htb\0");
    put(&mut message, OPTIONS, &options);
    message
}

/// `tc qdisc add dev … parent 1:30 bfifo limit …`.
fn queue(index: u32, bytes: u32) -> Vec<u8> {
    let mut message = message(index, 0, LIMITED, 0);
    put(&mut message, KIND, b"bfifo\0");
    put(&mut message, OPTIONS, &bytes.to_ne_bytes());
    message
}

/// `tc filter add dev … parent 1: protocol … prio … u32 match … flowid …`.
fn filter(index: u32, subnet: &IpNet, apart: &Apart) -> Vec<u8> {
    let (family, address, mask) = match subnet {
        IpNet::V4(subnet) => {
            (OF_IPV4, subnet.network().octets().to_vec(), subnet.netmask().octets().to_vec())
        }
        IpNet::V6(subnet) => {
            (OF_IPV6, subnet.network().octets().to_vec(), subnet.netmask().octets().to_vec())
        }
    };
    let mut keys = Vec::new();
    let mut offset = family.offset(apart.by);
    for (mask, address) in mask.chunks(4).zip(address.chunks(4)) {
        keys.extend([mask, address, &numbers(&[offset, 0])].concat());
        offset += 4;
    }
    let words = u8::try_from(family.words).unwrap_or(u8::MAX);
    // The last one asked.
    let selector = [&[1, 0, words, 0][..], &[0; 12], &keys].concat();
    let to = if apart.limited { LIMITED } else { FREE };
    let mut options = attribute(CLASS, &to.to_ne_bytes());
    put(&mut options, SELECTOR, &selector);
    let info = family.priority << 16 | u32::from(family.protocol.to_be());
    let mut message = message(index, 0, FIRST, info);
    put(&mut message, KIND, b"u32\0");
    put(&mut message, OPTIONS, &options);
    message
}

/// A link, a queue's parent and its kind, if somebody made it.
fn read_queue(body: &[u8]) -> Option<(u32, u32, String)> {
    let (index, handle, parent) = (u32_at(body, 4)?, u32_at(body, 8)?, u32_at(body, 12)?);
    let kind = text(value(body.get(HEADER..)?, KIND)?);
    (handle != 0).then_some((index, parent, kind))
}

/// The bytes that may wait in such a queue.
fn read_bytes(body: &[u8]) -> Option<u32> {
    u32_at(value(body.get(HEADER..)?, OPTIONS)?, 0)
}

/// The rate of what is limited.
fn read_rate(body: &[u8]) -> Option<u64> {
    let rest = body.get(HEADER..)?;
    if u32_at(body, 8)? != LIMITED || text(value(rest, KIND)?) != "htb" {
        return None;
    }
    let options = value(rest, OPTIONS)?;
    let long = value(options, RATE).and_then(|value| bytes(value, 0)).map(u64::from_ne_bytes);
    long.or(u32_at(value(options, PARAMETERS)?, 8).map(u64::from))
}

/// Which packets a filter sends to which class; `None` for the tables that filters are in.
fn read_filter(body: &[u8]) -> Option<Option<(PacketEnd, IpNet, bool)>> {
    let rest = body.get(HEADER..)?;
    let options = value(rest, OPTIONS)?;
    let selector = value(options, SELECTOR)?;
    Some(read_subnet(body, options, selector))
}

/// `None` for what is not as ours.
fn read_subnet(body: &[u8], options: &[u8], selector: &[u8]) -> Option<(PacketEnd, IpNet, bool)> {
    let limited = match u32_at(value(options, CLASS)?, 0)? {
        LIMITED => true,
        FREE => false,
        _ => return None,
    };
    let protocol = u16::from_be(u16_at(body, 16)?);
    let family = [OF_IPV4, OF_IPV6].into_iter().find(|family| family.protocol == protocol)?;
    let keys = selector.get(16..)?;
    let end = [PacketEnd::Source, PacketEnd::Destination]
        .into_iter()
        .find(|end| u32_at(keys, 8) == Some(family.offset(*end)))?;
    let word = |at: u32| {
        let key = keys.get(usize::try_from(at).ok()? * 16..)?;
        let right = u32_at(key, 8)? == family.offset(end) + 4 * at;
        right.then_some((bytes::<4>(key, 0)?, bytes::<4>(key, 4)?))
    };
    let words = (0..family.words).map(word).collect::<Option<Vec<_>>>()?;
    let (masks, values): (Vec<_>, Vec<_>) = words.into_iter().unzip();
    let (mask, address) = (whole(&masks.concat())?, whole(&values.concat())?);
    Some((end, IpNet::with_netmask(address, mask).ok()?, limited))
}

fn whole(octets: &[u8]) -> Option<IpAddr> {
    let of_ipv4 = <[u8; 4]>::try_from(octets).map(|octets| Ipv4Addr::from(octets).into());
    of_ipv4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| Ipv6Addr::from(octets).into())).ok()
}

/// What all filters say together, if they are as ours.
fn together(filters: Vec<Option<(PacketEnd, IpNet, bool)>>) -> Option<Apart> {
    let filters = filters.into_iter().collect::<Option<Vec<_>>>()?;
    let (by, _, limited) = *filters.first()?;
    let agree = filters.iter().all(|(end, _, to)| (*end, *to) == (by, limited));
    let mut subnets: Vec<_> = filters.into_iter().map(|(_, subnet, _)| subnet).collect();
    subnets.sort_unstable();
    agree.then_some(Apart { by, subnets, limited })
}

impl Kernel {
    /// All requests with one system call, so that no crash is between them.
    pub(super) fn add_classes(
        &self,
        link: &LinkRef,
        limit: Limit,
        apart: &Apart,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let index = link.index;
        let socket = self.socket(link.space, tried)?;
        // The first request would say so as well, and the others go to what somebody else has there.
        let queues = socket.dump(GET_QDISC, &message(0, 0, 0, 0)).map_err(failed(tried))?;
        let mut taken = queues.iter().filter_map(|(_, body)| read_queue(body));
        if taken.any(|(of, parent, _)| (of, parent) == (index, ROOT)) {
            return Err(Refused::kernel(tried, libc::EEXIST));
        }
        let classes = [
            (NEW_QDISC, root(index, apart)),
            (NEW_CLASS, class(index, LIMITED, limit.rate, limit.burst)),
            (NEW_CLASS, class(index, FREE, BOUNDLESS, AT_ONCE)),
            (NEW_QDISC, queue(index, limit.queue)),
        ];
        let filters = apart.subnets.iter().map(|subnet| (NEW_FILTER, filter(index, subnet, apart)));
        let flags = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let requests: Vec<_> =
            classes.into_iter().chain(filters).map(|(kind, body)| Request { kind, flags, body }).collect();
        let mut done = socket.changes(&requests).map_err(failed(tried))?.into_iter();
        done.next().unwrap_or(Ok(())).map_err(refused(tried))?;
        match done.find_map(Result::err) {
            None => Ok(()),
            Some(refusal) => {
                self.delete_limit(link)?;
                Err(refused(tried)(refusal))
            }
        }
    }

    /// The limit by classes of a link, among all queues of the node.
    pub(super) fn classes_of(
        &self,
        link: &LinkRef,
        queues: &[Message],
        tried: &dyn Display,
    ) -> Result<Option<Limited>, Refused> {
        let find = |wanted: u32, name: &str| {
            queues.iter().find(|(_, body)| {
                read_queue(body).is_some_and(|(index, parent, kind)| {
                    (index, parent, kind.as_str()) == (link.index, wanted, name)
                })
            })
        };
        let Some((_, queue)) = find(ROOT, "htb").and(find(LIMITED, "bfifo")) else { return Ok(None) };
        let socket = self.socket(link.space, tried)?;
        let ask = |request, parent| socket.dump(request, &message(link.index, 0, parent, 0));
        let classes = ask(GET_CLASS, 0).map_err(failed(tried))?;
        let filters = ask(GET_FILTER, FIRST).map_err(failed(tried))?;
        let rate = classes.iter().find_map(|(_, body)| read_rate(body));
        let apart = together(filters.iter().filter_map(|(_, body)| read_filter(body)).collect());
        Ok(rate.zip(read_bytes(queue)).map(|(rate, queue)| Limited { rate, queue, apart }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters_are_read_as_they_are_said() {
        for by in [PacketEnd::Source, PacketEnd::Destination] {
            for limited in [true, false] {
                let subnets =
                    ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32", "::/0", "2001:db8:abcd:1234:e000::/68"];
                let subnets: Vec<IpNet> = subnets.iter().map(|subnet| subnet.parse().unwrap()).collect();
                let apart = Apart { by, subnets, limited };
                let sent = apart.subnets.iter().map(|subnet| filter(7, subnet, &apart));
                let read = sent.map(|body| read_filter(&body).unwrap()).collect();
                assert_eq!(together(read), Some(apart));
            }
        }
        assert_eq!(together(Vec::new()), None);
    }

    #[test]
    fn classes_are_read_as_they_are_said() {
        for rate in [1, 1_000_000, u64::from(u32::MAX) + 1] {
            assert_eq!(read_rate(&class(7, LIMITED, rate, 20_000)), Some(rate));
            assert_eq!(read_rate(&class(7, FREE, rate, 20_000)), None);
        }
        assert_eq!(read_bytes(&queue(7, 45_000)), Some(45_000));
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let read = |body: &[u8]| {
                let _ = (read_queue(body), read_bytes(body), read_rate(body), read_filter(body));
            };
            read(&data);
            read(&[&message(7, LIMITED, FIRST, 0)[..], &attribute(KIND, b"htb\0"), &data].concat());
            let subnet = attribute(OPTIONS, &[&attribute(CLASS, &FREE.to_ne_bytes())[..], &attribute(SELECTOR, &data)].concat());
            let of_ipv4 = message(7, 0, FIRST, u32::from(0x0800_u16.to_be()));
            read(&[&of_ipv4[..], &attribute(KIND, b"u32\0"), &subnet].concat());
        }
    }
}
