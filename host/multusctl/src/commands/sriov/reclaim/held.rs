//! Who has a function that is away, and whether they are still there.

use multus_journal::{Record, Store};
use multus_net::sriov::{Claims, Taken};
use multus_net::{BootId, Netns, NetnsId, PciAddress};

/// What is written down about functions.
pub(super) struct Holders {
    pub(super) claims: Claims,
    pub(super) store: Store,
    pub(super) boot: BootId,
}

impl Holders {
    /// Who has a function whose link is in this namespace, or why nobody does. What can't be read is an error: a live
    /// pod could be meant.
    pub(super) fn of(
        &self,
        address: &PciAddress,
        namespace: &NetnsId,
    ) -> anyhow::Result<Result<String, String>> {
        let listing = self.store.records();
        if let Some(error) = listing.unreadable.into_iter().next() {
            return Err(error.into());
        }
        let is_in = |record: &&Record| identity(record).is_some_and(|identity| identity == namespace);
        if let Some(record) = listing.records.iter().find(is_in) {
            return Ok(Ok(format!("container {}, in whose namespace it is", record.key.container_id)));
        }
        Ok(match self.claims.taken(address, &self.boot)? {
            None => Err("nobody has it on record".to_owned()),
            Some(Taken::ByOthers { netns }) => Ok(format!("the plugin sriov, for {netns}")),
            Some(Taken::ByUs(holder)) => {
                let words = format!("container {} ({})", holder.container_id, holder.interface);
                let mut of_it =
                    listing.records.iter().filter(|record| record.key.container_id == holder.container_id);
                // The path may be another pod's by now.
                if holder.is_there() && of_it.all(is_there) {
                    Ok(words)
                } else {
                    Err(format!("{words}, whose namespace is gone"))
                }
            }
        })
    }
}

fn identity(record: &Record) -> Option<&NetnsId> {
    record.call.as_ref()?.netns.as_ref()
}

/// Whether the namespace of a record is at its path. What can't be told counts as there.
fn is_there(record: &Record) -> bool {
    let Some(call) = &record.call else { return true };
    let Some(recorded) = &call.netns else { return true };
    let now = Netns::open(call.netns_path.as_ref()).and_then(|netns| netns.identity());
    now.map_or(true, |now| now == *recorded)
}
