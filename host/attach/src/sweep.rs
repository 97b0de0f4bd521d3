//! Going on with what DELs had to leave behind.

use multus_cni::{Code, Error};
use multus_journal::{CallKey, Record, Store, Wait};

use crate::call::{Call, Deadlines};
use crate::steps::journal_error;
use crate::undo::{self, Undo};

/// What became of one leftover.
#[derive(Debug, Clone)]
pub struct Swept {
    /// Whose it was.
    pub key: CallKey,
    /// `None` when it is given back now, else what is still in the way.
    pub remaining: Option<Error>,
}

/// Tries once more to give back every leftover. Also returned is what could not be read, which keeps no other one.
pub fn sweep(call: &Call<'_>) -> (Vec<Swept>, Vec<Error>) {
    let store = call.store();
    let mut swept = Vec::new();
    let listing = store.leftovers();
    for leftover in listing.records {
        // Each has its own time: one that hangs would leave none to those behind it, each time again.
        let call = Call { deadlines: Deadlines::start(), ..*call };
        let remaining = give_back(&call, &store, &leftover).err();
        swept.push(Swept { key: leftover.key, remaining });
    }
    (swept, listing.unreadable.into_iter().map(journal_error).collect())
}

fn give_back(call: &Call<'_>, store: &Store, leftover: &Record) -> Result<(), Error> {
    let key = &leftover.key;
    let lock = call.lock(&key.container_id, Wait::Plain, call.deadlines.forward)?;
    if store.open(key).map_err(journal_error)?.is_some() {
        // Binaries and claims know an attachment by these two names alone.
        let message = format!("{key} is attached anew, and what it has now would be taken with the rest");
        return Err(Error::new(Code::TryAgainLater, message).with_details("sweep again after its DEL"));
    }
    Undo::new(call, store, lock.descriptors().to_vec())
        .record(leftover, "sweep")
        .map_err(|errors| undo::summary(&errors))?;
    store.dispose(leftover).map(drop).map_err(journal_error)
}
