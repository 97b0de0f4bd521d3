//! Ranges of addresses, and sets of them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::Failure;
use multus_guest_cni::Conf;
use multus_guest_cni::conf::invalid;

/// Addresses of a network, first and last included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) subnet: IpNet,
    pub(crate) first: IpAddr,
    pub(crate) last: IpAddr,
    /// Never given.
    pub(crate) gateway: IpAddr,
}

/// Ranges of one family, of which a pod gets one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RangeSet(pub(crate) Vec<Range>);

/// The address after another one; after the last one there is comes the first.
pub(crate) fn after(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(u32::from(address).wrapping_add(1).into()),
        IpAddr::V6(address) => IpAddr::V6(u128::from(address).wrapping_add(1).into()),
    }
}

/// The last address of a network that is a host's: IPv4 has its broadcast address there.
fn last_of(subnet: IpNet) -> IpAddr {
    match subnet {
        IpNet::V4(subnet) => IpAddr::V4(u32::from(subnet.broadcast()).wrapping_sub(1).into()),
        IpNet::V6(subnet) => IpAddr::V6(subnet.broadcast()),
    }
}

impl Range {
    fn read(conf: &Conf<'_>) -> Result<Self, Failure> {
        let subnet = subnet(&conf.at("subnet")?)?;
        let address = |key| {
            let address: Option<IpAddr> = conf.at(key)?.parsed("an address")?;
            Ok::<_, Failure>(address.map(|address| address.to_canonical()))
        };
        let lowest = after(subnet.network());
        let gateway = address("gateway")?.unwrap_or(lowest);
        let (first, last) = (address("rangeStart")?, address("rangeEnd")?);
        for (key, bound) in [("rangeStart", first), ("rangeEnd", last)] {
            if bound.is_some_and(|bound| !subnet.contains(&bound)) {
                return Err(conf.at(key)?.wants(&format!("an address of {subnet}")));
            }
        }
        let range =
            Self { subnet, first: first.unwrap_or(lowest), last: last.unwrap_or(last_of(subnet)), gateway };
        if range.first > range.last {
            return Err(conf
                .at("rangeStart")?
                .wants(&format!("no later than the range's end, {}", range.last)));
        }
        Ok(range)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        // Different families never compare as in between.
        address.is_ipv6() == self.first.is_ipv6() && (self.first..=self.last).contains(&address)
    }

    fn overlaps(&self, other: &Self) -> bool {
        [other.first, other.last].into_iter().any(|address| self.contains(address))
            || other.contains(self.first)
    }

    fn is_v6(&self) -> bool {
        self.first.is_ipv6()
    }
}

fn subnet(conf: &Conf<'_>) -> Result<IpNet, Failure> {
    let what = "a network like 10.1.0.0/24";
    let subnet: IpNet = conf.parsed(what)?.ok_or_else(|| conf.wants(what))?;
    if subnet.addr() != subnet.network() {
        return Err(conf.wants(&format!("the network itself, {}", subnet.trunc())));
    }
    if matches!(subnet, IpNet::V6(subnet) if subnet.addr().to_ipv4_mapped().is_some()) {
        return Err(conf.wants("an IPv4 network, written as one"));
    }
    if subnet.max_prefix_len() - subnet.prefix_len() < 2 {
        return Err(conf.wants("a network with room for a gateway and a pod: two bits or more"));
    }
    Ok(subnet)
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl RangeSet {
    /// A list of ranges of a conf.
    pub(crate) fn read(conf: &Conf<'_>) -> Result<Self, Failure> {
        let ranges = conf.items()?.iter().map(Range::read).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = ranges.first() else { return Err(conf.wants("a list with at least one range")) };
        if ranges.iter().any(|range| range.is_v6() != first.is_v6()) {
            return Err(invalid(format!(
                "the conf's `{}` mixes IPv4 and IPv6: write a set for each",
                conf.place()
            )));
        }
        let set = Self(ranges);
        if let Some((one, other)) = set.pairs().find(|(one, other)| one.overlaps(other)) {
            return Err(invalid(format!(
                "the conf's `{}` has ranges that overlap: {one} and {other}",
                conf.place()
            )));
        }
        Ok(set)
    }

    /// The set of a conf's flat form.
    pub(crate) fn of_one(conf: &Conf<'_>) -> Result<Self, Failure> {
        Ok(Self(vec![Range::read(conf)?]))
    }

    fn pairs(&self) -> impl Iterator<Item = (&Range, &Range)> {
        let after = |at: usize| self.0.iter().skip(at + 1);
        self.0.iter().enumerate().flat_map(move |(at, one)| after(at).map(move |other| (one, other)))
    }

    /// The range that an address is in.
    pub(crate) fn range_of(&self, address: IpAddr) -> Option<&Range> {
        self.0.iter().find(|range| range.contains(address))
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().any(|one| other.0.iter().any(|other| one.overlaps(other)))
    }

    pub(crate) fn is_v6(&self) -> bool {
        self.0.first().is_some_and(Range::is_v6)
    }

    /// Every address once, gateways left out: those after `last`, then from the beginning up to it.
    pub(crate) fn in_turn(&self, last: Option<IpAddr>) -> InTurn<'_> {
        let known = last.and_then(|last| Some((self.0.iter().position(|range| range.contains(last))?, last)));
        let start =
            known.map(|(at, last)| self.next(at, last)).or(self.0.first().map(|range| (0, range.first)));
        InTurn { set: self, next: start, start }
    }

    fn next(&self, at: usize, address: IpAddr) -> (usize, IpAddr) {
        match self.0.get(at) {
            Some(range) if range.last != address => (at, after(address)),
            _ => {
                let at = if at + 1 < self.0.len() { at + 1 } else { 0 };
                (at, self.0.get(at).map_or(address, |range| range.first))
            }
        }
    }
}

impl fmt::Display for RangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<_> = self.0.iter().map(Range::to_string).collect();
        f.write_str(&ranges.join(","))
    }
}

/// The addresses of a set, with their ranges.
#[derive(Debug)]
pub(crate) struct InTurn<'a> {
    set: &'a RangeSet,
    next: Option<(usize, IpAddr)>,
    start: Option<(usize, IpAddr)>,
}

impl<'a> Iterator for InTurn<'a> {
    type Item = (&'a Range, IpAddr);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, address) = self.next?;
            let following = self.set.next(at, address);
            self.next = Some(following).filter(|following| Some(*following) != self.start);
            let range = self.set.0.get(at)?;
            if range.gateway != address {
                return Some((range, address));
            }
        }
    }
}
