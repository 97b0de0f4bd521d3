//! How fast packets leave by a link of the node, and by which link those leave that come in: what `tc` does. Limits of some
//! packets only are in `classes`.
//!
//! The filter is `u32`, as the reference plugin's, and not `matchall`, which fewer kernels have.

use std::fmt::Display;

use nix::libc;

use super::{Kernel, failed, refused};
use crate::Refused;
use crate::attribute::{attribute, attributes, put, text, u32_at, value};
use crate::effect::{Limit, Limited, LinkRef, Space};
use crate::netlink::Request;
use crate::{Link, link};

/// `struct tcmsg`.
pub(super) const HEADER: usize = 20;
/// `RTM_NEWQDISC`, `RTM_DELQDISC`, `RTM_GETQDISC`, `RTM_NEWTFILTER`, `RTM_GETTFILTER`.
pub(super) const NEW_QDISC: u16 = 36;
const DELETE_QDISC: u16 = 37;
pub(super) const GET_QDISC: u16 = 38;
pub(super) const NEW_FILTER: u16 = 44;
pub(super) const GET_FILTER: u16 = 46;
/// `RTM_GETNSID`, and its `NETNSA_NSID`, `NETNSA_FD`.
const GET_NAMESPACE: u16 = 90;
const NAMESPACE_NUMBER: u16 = 1;
const NAMESPACE_FD: u16 = 3;
/// `TCA_KIND`, `TCA_OPTIONS`.
pub(super) const KIND: u16 = 1;
pub(super) const OPTIONS: u16 = 2;
/// `TC_H_ROOT`, `TC_H_INGRESS`, and the handles `1:`, `ffff:`.
pub(super) const ROOT: u32 = 0xffff_ffff;
const INGRESS: u32 = 0xffff_fff1;
pub(super) const FIRST: u32 = 0x0001_0000;
const INGRESS_HANDLE: u32 = 0xffff_0000;
/// The first of the filters, for everything (`ETH_P_ALL`, highest byte first).
const PRIORITY: u32 = 1 << 16;
const ALL: u16 = 3;
/// `TCA_TBF_PARMS`, `TCA_TBF_RATE64`, `TCA_TBF_BURST`.
const PARAMETERS: u16 = 1;
const RATE: u16 = 4;
const BURST: u16 = 6;
/// One unit of the kernel's time, in nanoseconds (`PSCHED_SHIFT`).
const TICK: u64 = 64;
/// `TCA_U32_CLASSID`, `TCA_U32_SEL`, `TCA_U32_ACT`.
pub(super) const CLASS: u16 = 1;
pub(super) const SELECTOR: u16 = 5;
const ACTIONS: u16 = 7;
/// `TCA_ACT_KIND`, `TCA_ACT_OPTIONS`, `TCA_MIRRED_PARMS`.
const ACTION_KIND: u16 = 1;
const ACTION_OPTIONS: u16 = 2;
const MIRRED: u16 = 2;
/// `TC_ACT_STOLEN`, `TCA_EGRESS_REDIR`.
const STOLEN: u32 = 4;
const REDIRECT: u32 = 1;
/// Where a mirred's parameters have what it does, and the index of its link.
const WAY_AT: usize = 20;
const LINK_AT: usize = 24;

/// A message about a link's queues or filters.
pub(super) fn message(index: u32, handle: u32, parent: u32, info: u32) -> Vec<u8> {
    let mut message = vec![0; 4];
    for number in [index, handle, parent, info] {
        message.extend(number.to_ne_bytes());
    }
    message
}

pub(super) fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

/// How long so many bytes take at that rate, in the kernel's time.
pub(super) fn ticks(rate: u64, burst: u32) -> u32 {
    let ticks = u64::from(burst).saturating_mul(1_000_000_000) / rate.max(1) / TICK;
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// `tc qdisc add dev … root handle 1: tbf rate … burst … limit …`.
fn limit(index: u32, limit: Limit) -> Vec<u8> {
    let Limit { rate, burst, queue } = limit;
    let short = u32::try_from(rate).unwrap_or(u32::MAX);
    let ticks = ticks(rate, burst);
    // Rate and peak rate, each with how it is to be counted before it, then limit, bucket, and the peak's.
    let parameters = numbers(&[0, 0, short, 0, 0, 0, queue, ticks, 0]);
    let mut options = attribute(PARAMETERS, &parameters);
    if rate > u32::MAX.into() {
        put(&mut options, RATE, &rate.to_ne_bytes());
    }
    put(&mut options, BURST, &burst.to_ne_bytes());
    let mut message = message(index, FIRST, ROOT, 0);
    put(&mut message, KIND, b"tbf\0");
    put(&mut message, OPTIONS, &options);
    message
}

/// Link, rate and queue, if it is such a one at the root of a link.
fn read_limit(body: &[u8]) -> Option<(u32, u64, u32)> {
    let (index, handle, parent) = (u32_at(body, 4)?, u32_at(body, 8)?, u32_at(body, 12)?);
    let rest = body.get(HEADER..)?;
    if (handle, parent) != (FIRST, ROOT) || text(value(rest, KIND)?) != "tbf" {
        return None;
    }
    let options = value(rest, OPTIONS)?;
    let parameters = value(options, PARAMETERS)?;
    let rate = value(options, RATE).and_then(|value| value.first_chunk().copied()).map(u64::from_ne_bytes);
    Some((index, rate.or(u32_at(parameters, 8).map(u64::from))?, u32_at(parameters, 24)?))
}

/// `tc qdisc add dev … ingress`.
fn ingress(index: u32) -> Vec<u8> {
    let mut message = message(index, INGRESS_HANDLE, INGRESS, 0);
    put(&mut message, KIND, b"ingress\0");
    message
}

/// `tc filter add dev … parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev …`.
fn filter(index: u32, to: u32) -> Vec<u8> {
    let mirred = attribute(MIRRED, &numbers(&[0, 0, STOLEN, 0, 0, REDIRECT, to]));
    let mut action = attribute(ACTION_KIND, b"mirred\0");
    put(&mut action, ACTION_OPTIONS, &mirred);
    // The last one asked, one key: nothing of the first four bytes matters.
    let selector = [&[1, 0, 1, 0][..], &[0; 12], &[0; 16]].concat();
    let mut options = attribute(CLASS, &(FIRST | 1).to_ne_bytes());
    put(&mut options, SELECTOR, &selector);
    put(&mut options, ACTIONS, &attribute(1, &action));
    let mut message = message(index, 0, INGRESS_HANDLE, PRIORITY | u32::from(ALL.to_be()));
    put(&mut message, KIND, b"u32\0");
    put(&mut message, OPTIONS, &options);
    message
}

/// The link that a filter sends everything to.
fn read_filter(body: &[u8]) -> Option<u32> {
    let rest = body.get(HEADER..)?;
    if text(value(rest, KIND)?) != "u32" {
        return None;
    }
    let (_, action) = attributes(value(value(rest, OPTIONS)?, ACTIONS)?).next()?;
    if text(value(action, ACTION_KIND)?) != "mirred" {
        return None;
    }
    let mirred = value(value(action, ACTION_OPTIONS)?, MIRRED)?;
    (u32_at(mirred, WAY_AT)? == REDIRECT).then(|| u32_at(mirred, LINK_AT)).flatten()
}

impl Kernel {
    pub(super) fn add_limit(
        &self,
        link: &LinkRef,
        wanted: Limit,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let new = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let socket = self.socket(link.space, tried)?;
        socket.change(NEW_QDISC, new, &limit(link.index, wanted)).map_err(refused(tried))
    }

    pub(super) fn limit_of(&self, link: &LinkRef) -> Result<Option<Limited>, Refused> {
        let tried = format_args!("looking for the limit of {link}");
        // The kernel tells of all links.
        let all = self.socket(link.space, &tried)?.dump(GET_QDISC, &message(0, 0, 0, 0));
        let all = all.map_err(failed(&tried))?;
        let mut limits = all.iter().filter_map(|(_, body)| read_limit(body));
        match limits.find(|(index, ..)| *index == link.index) {
            Some((_, rate, queue)) => Ok(Some(Limited { rate, queue, apart: None })),
            None => self.classes_of(link, &all, &tried),
        }
    }

    pub(super) fn delete_limit(&self, link: &LinkRef) -> Result<(), Refused> {
        let tried = format_args!("taking the limit off {link}");
        let body = message(link.index, FIRST, ROOT, 0);
        self.socket(link.space, &tried)?.change(DELETE_QDISC, 0, &body).map_err(refused(&tried))
    }

    /// Both requests with one system call, so that no crash is between them.
    pub(super) fn add_redirect(
        &self,
        link: &LinkRef,
        to: &LinkRef,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let flags = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let requests = [(NEW_QDISC, ingress(link.index)), (NEW_FILTER, filter(link.index, to.index))];
        let requests = requests.map(|(kind, body)| Request { kind, flags, body });
        // The second request would say so as well, with the first one done.
        if self.details(to.space, to.index)?.is_none() {
            return Err(Refused::kernel(tried, libc::ENODEV));
        }
        let mut done = self.socket(link.space, tried)?.changes(&requests).map_err(failed(tried))?.into_iter();
        let (queue, filter) = (done.next().unwrap_or(Ok(())), done.next().unwrap_or(Ok(())));
        queue.map_err(refused(tried))?;
        match filter {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.delete_redirect(link, tried)?;
                Err(refused(tried)(refusal))
            }
        }
    }

    pub(super) fn redirect_of(&self, link: &LinkRef) -> Result<Option<u32>, Refused> {
        let tried = format_args!("looking for where goes what comes in by {link}");
        let question = message(link.index, 0, INGRESS_HANDLE, 0);
        match self.socket(link.space, &tried)?.dump(GET_FILTER, &question) {
            // No link, or none that has such filters.
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::EINVAL | libc::ENOENT)) =>
            {
                Ok(None)
            }
            all => Ok(all.map_err(failed(&tried))?.iter().find_map(|(_, body)| read_filter(body))),
        }
    }

    pub(super) fn delete_redirect(&self, link: &LinkRef, tried: &dyn Display) -> Result<(), Refused> {
        let body = message(link.index, INGRESS_HANDLE, INGRESS, 0);
        self.socket(link.space, tried)?.change(DELETE_QDISC, 0, &body).map_err(refused(tried))
    }

    /// Each end says the other's number, and in which namespace; the pod may have namespaces of its own.
    pub(super) fn end_on_node(&mut self, link: &LinkRef) -> Result<Option<Link>, Refused> {
        let tried = format_args!("looking for the other end of {link}");
        let Some(inside) = self.details(link.space, link.index)? else { return Ok(None) };
        let Some(index) = inside.below.filter(|_| inside.link.kind == "veth") else { return Ok(None) };
        let Some(outside) = self.details(Space::Host, index)? else { return Ok(None) };
        let number = match link.space {
            Space::Sandbox => Some(self.number_of_pod(&tried)?),
            // Its own namespace has no number.
            Space::Host => None,
        };
        let there = match number {
            Some(number) => outside.namespace.is_some() && outside.namespace == number,
            None => outside.namespace.is_none() && inside.namespace.is_none(),
        };
        if !(there && outside.link.kind == "veth" && outside.below == Some(link.index)) {
            return Ok(None);
        }
        let whole = link::whole(self.socket(Space::Host, &tried)?, link::Wanted::Index(index));
        whole.map_err(refused(&tried))
    }

    /// What the node's namespace calls the pod's.
    fn number_of_pod(&mut self, tried: &dyn Display) -> Result<Option<i32>, Refused> {
        let descriptor = self.descriptor(Space::Sandbox, tried)?;
        let mut question = vec![0; 4];
        put(&mut question, NAMESPACE_FD, &descriptor.to_ne_bytes());
        let socket = self.socket(Space::Host, tried)?;
        let (_, body) = socket.get(GET_NAMESPACE, &question).map_err(refused(tried))?;
        let number =
            value(body.get(4..).unwrap_or_default(), NAMESPACE_NUMBER).and_then(|value| u32_at(value, 0));
        Ok(number.map(u32::cast_signed).filter(|number| *number >= 0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::attribute::u16_at;

    #[test]
    fn a_limit_is_read_as_it_is_said() {
        for rate in [1, 1_000_000, u64::from(u32::MAX) + 1] {
            let sent = limit(7, Limit { rate, burst: 20_000, queue: 45_000 });
            assert_eq!(read_limit(&sent), Some((7, rate, 45_000)));
        }
        let sent = limit(7, Limit { rate: 1_000_000, burst: 20_000, queue: 45_000 });
        let options = value(&sent[HEADER..], OPTIONS).unwrap();
        assert_eq!(u32_at(value(options, BURST).unwrap(), 0), Some(20_000));
        // 20 ms, in units of 64 ns.
        assert_eq!(u32_at(value(options, PARAMETERS).unwrap(), 28), Some(312_500));
    }

    #[test]
    fn a_filter_is_read_as_it_is_said() {
        let sent = filter(7, 9);
        assert_eq!(read_filter(&sent), Some(9));
        assert_eq!((u32_at(&sent, 4), u32_at(&sent, 12)), (Some(7), Some(INGRESS_HANDLE)));
        // Priority 1, and every protocol in the network's order.
        assert_eq!(
            u16_at(&sent, 16).unwrap().to_be_bytes(),
            if cfg!(target_endian = "little") { [3, 0] } else { [0, 1] }
        );
        assert_eq!(read_filter(&ingress(7)), None);
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (read_limit(&data), read_filter(&data));
            let known = [&message(7, FIRST, ROOT, 0)[..], &attribute(KIND, b"tbf\0"), &data].concat();
            let _ = (read_limit(&known), read_filter(&[&known[..HEADER], &attribute(KIND, b"u32\0"), &data].concat()));
        }
    }
}
