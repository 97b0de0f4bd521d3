//! Telling a link that was moved, wherever it is and whatever it is called by now.

use super::Moved;
use crate::Link;
use crate::effect::{MacAddr, Space};
use crate::link::Details;

impl Moved<'_> {
    /// The hardware address that it is to have at home, if it has another one.
    pub(crate) fn mac_to_give_back(&self, now: &Link) -> Option<MacAddr> {
        let is_right = now.mac == self.home.mac || self.former.contains(&now.mac);
        self.home.mac.parse().ok().filter(|mac: &MacAddr| !is_right && !mac.is_unset())
    }

    /// Further names of a link that is home again which it did not have there: the pod chose them.
    pub(crate) fn names_of_the_pod<'a>(&'a self, now: &'a Link) -> impl Iterator<Item = &'a String> {
        let known = &self.home.alternative_names;
        now.alternative_names.iter().filter(move |name| !known.contains(name))
    }

    /// Those that it had there and has no more: the pod took them off.
    pub(crate) fn names_to_give_back<'a>(&'a self, now: &'a Link) -> impl Iterator<Item = &'a String> {
        let all = self.home.alternative_names.iter();
        all.filter(|name| !now.alternative_names.contains(name) && **name != self.home.name)
    }
}

/// The link that was moved, among those of one namespace, if it is there.
///
/// Hardware is told by its device, under any name; where a device has several links (ports of a card, an uplink and those
/// that stand for its virtual functions), by the index, or by hardware address and name together. A virtual function has no
/// other link than its own: `is_function` tells of a device whether it is one. A virtual link has to have one of the
/// hardware addresses that we know of and, since those are easily copied, the index or the name that it had; one whose
/// address the pod changed has to have both.
pub(crate) fn find<'a>(
    moved: &Moved<'_>,
    space: Space,
    candidates: &'a [Details],
    is_function: impl Fn(&str) -> bool,
) -> Option<&'a Details> {
    let name = if space == moved.to { moved.name } else { moved.home.name.as_str() };
    if let Some(device) = &moved.home.bus_address {
        let of_it = || candidates.iter().filter(|candidate| candidate.bus_address.as_ref() == Some(device));
        let both =
            |candidate: &&Details| candidate.link.name == name && moved.macs.contains(&candidate.link.mac);
        let known = |it: &&Details| {
            it.link.index == moved.link.index || it.link.name == name || moved.macs.contains(&it.link.mac)
        };
        return match of_it().count() {
            // At home it may be another one of the device, which never moved; only in the pod it can't be, and of a
            // function.
            0 | 1 => of_it().find(|it| space == moved.to || known(it) || is_function(device)),
            _ => of_it().find(|it| it.link.index == moved.link.index).or_else(|| of_it().find(both)),
        };
    }
    let virtual_ones = || candidates.iter().filter(|candidate| candidate.bus_address.is_none());
    let same_index = |candidate: &&Details| candidate.link.index == moved.link.index;
    let same_name = |candidate: &&Details| candidate.link.name == name;
    let known = |candidate: &&Details| moved.macs.contains(&candidate.link.mac);
    virtual_ones()
        .filter(known)
        .find(same_index)
        .or_else(|| virtual_ones().filter(known).find(same_name))
        .or_else(|| virtual_ones().filter(same_index).find(same_name))
}
