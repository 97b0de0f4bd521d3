//! One address of each set.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::Failure;
use multus_guest_cni::host::Answer;
use multus_guest_cni::result::Lease;

use crate::conf::Wanted;
use crate::range::{Range, RangeSet};
use crate::store::{Store, Transaction};

/// Claims all that is wanted. What an ADD that fails has claimed by then is given back by the host.
pub(crate) fn all<S: Store>(store: &S, wanted: &Wanted<'_>) -> Answer<Vec<Lease>> {
    let transaction = store.begin(wanted.directory, wanted.network)?;
    let own: Vec<IpAddr> = transaction.owned()?.iter().filter_map(|key| key.parse().ok()).collect();
    let mut folder =
        Folder { claimed: transaction.claimed()?.into_iter().collect(), transaction, own, wanted };
    let sets = wanted.sets.iter().enumerate();
    sets.map(|(number, (set, wish))| {
        let lease = match wish {
            Some(wish) => folder.wished(set, *wish)?,
            None => folder.next(number, set)?,
        };
        folder.transaction.set_note(&note(number), &lease.address.addr().to_string())?;
        Ok(lease)
    })
    .collect()
}

/// Where host-local remembers which address of a set was given last.
fn note(number: usize) -> String {
    format!("last_reserved_ip.{number}")
}

struct Folder<'a, T> {
    transaction: T,
    /// By anybody.
    claimed: BTreeSet<String>,
    /// By this attachment, before this call.
    own: Vec<IpAddr>,
    wanted: &'a Wanted<'a>,
}

impl<T: Transaction> Folder<'_, T> {
    /// The address that the pod wishes for.
    fn wished(&mut self, set: &RangeSet, wish: IpAddr) -> Answer<Lease> {
        let range = set.range_of(wish).filter(|range| range.gateway != wish);
        let of_gateway = || Failure::new(7, format!("the pod can't have {wish}: it is the gateway of {set}"));
        let range = range.ok_or_else(of_gateway)?;
        // The host is asked even where it is taken: it may be an earlier sandbox of this pod that has it.
        let key = wish.to_string();
        let claimed = self.transaction.claim(&key)? || (self.reclaim()? && self.transaction.claim(&key)?);
        if claimed {
            self.claimed.insert(key);
            return lease(range, wish);
        }
        Err(Failure::new(
            11,
            format!("the pod can't have {wish} of {set}: another one has it, {}", self.place()),
        ))
    }

    /// The next one that is free.
    fn next(&mut self, number: usize, set: &RangeSet) -> Answer<Lease> {
        if let Some(own) = self.own.iter().find(|own| set.range_of(**own).is_some()) {
            return Err(Failure::from(format!(
                "{} has {own} of {set} already: DEL has to come before another ADD",
                self.wanted.container
            )));
        }
        let last = self.transaction.note(&note(number))?.and_then(|text| text.parse().ok());
        if let Some(lease) = self.in_turn(set, last)? {
            return Ok(lease);
        }
        let found = if self.reclaim()? { self.in_turn(set, last)? } else { None };
        found.ok_or_else(|| {
            Failure::new(
                11,
                format!(
                    "no address of {set} is free (range set {number}): all are claimed, {}",
                    self.place()
                ),
            )
        })
    }

    fn in_turn(&mut self, set: &RangeSet, last: Option<IpAddr>) -> Answer<Option<Lease>> {
        for (range, address) in set.in_turn(last) {
            if self.claim(address)? {
                return lease(range, address).map(Some);
            }
        }
        Ok(None)
    }

    fn claim(&mut self, address: IpAddr) -> Answer<bool> {
        let key = address.to_string();
        if self.claimed.contains(&key) {
            return Ok(false);
        }
        let claimed = self.transaction.claim(&key)?;
        self.claimed.insert(key);
        Ok(claimed)
    }

    /// Whether anything is free now that was not before.
    fn reclaim(&mut self) -> Answer<bool> {
        let reclaimed = self.transaction.reclaim()? > 0;
        if reclaimed {
            self.claimed = self.transaction.claimed()?.into_iter().collect();
        }
        Ok(reclaimed)
    }

    /// Where to look, for messages.
    fn place(&self) -> String {
        let directory = self.wanted.directory.unwrap_or("the catalog's first `store`");
        format!("in {directory}, network {}", self.wanted.network)
    }
}

fn lease(range: &Range, address: IpAddr) -> Answer<Lease> {
    let with_prefix = IpNet::new(address, range.subnet.prefix_len());
    let address = with_prefix.map_err(|error| Failure::from(format!("{address}: {error}")))?;
    Ok(Lease { address, gateway: Some(range.gateway) })
}
