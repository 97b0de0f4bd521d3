//! Numbers and names that nobody else has: what is made with them can be told from all else after a crash.

use std::hash::{BuildHasher, RandomState};

use multus_net::{MacAddr, NewLink};

/// So many are below what programs take for negative.
const INDEXES: u64 = 1 << 30;

/// 64 bits from the kernel's random numbers: that is what the keys of a `RandomState` are made of.
fn number() -> u64 {
    RandomState::new().hash_one(0)
}

/// An interface index.
pub(super) fn index() -> u32 {
    NewLink::FIRST_INDEX + u32::try_from(number() % INDEXES).unwrap_or_default()
}

/// A locally administered address of one station.
pub(super) fn mac() -> MacAddr {
    let [_, _, bytes @ ..] = number().to_be_bytes();
    let [first, rest @ ..] = bytes;
    let [b, c, d, e, f] = rest;
    MacAddr([first & 0xfc | 0x02, b, c, d, e, f])
}

/// A name for the node's end of a pod's link, as the reference plugins choose it.
pub(super) fn veth_name() -> String {
    format!("veth{:08x}", number() >> 32)
}

/// A name for the link by which passes what a pod sends.
pub(super) fn detour_name() -> String {
    format!("bwp{:012x}", number() >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_unlike_all_else() {
        let (one, other) = (mac(), mac());
        assert_ne!(one, other);
        assert_eq!(one.0[0] & 3, 2, "one station, no vendor");
        assert!((NewLink::FIRST_INDEX..1 << 31).contains(&index()));
        assert_eq!(veth_name().len(), 12);
        assert_ne!(veth_name(), veth_name());
        assert_eq!(detour_name().len(), 15);
    }
}
