//! Going on with what DELs had to leave behind.

use multus_cni::Error;
use multus_journal::{CallKey, Wait};

use crate::call::Call;
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

/// Tries once more to give back every leftover.
///
/// # Errors
/// The folder of leftovers can't be read; a single leftover's failure is in its [`Swept`].
pub fn sweep(call: &Call<'_>) -> Result<Vec<Swept>, Error> {
    let store = call.store();
    let mut swept = Vec::new();
    let listing = store.leftovers();
    if let Some(error) = listing.unreadable.into_iter().next() {
        return Err(journal_error(error));
    }
    for leftover in listing.records {
        let lock = call.lock(&leftover.key.container_id, Wait::Plain, call.deadlines.forward)?;
        let undone = Undo::new(call, &store, lock.descriptors().to_vec()).record(&leftover, "sweep");
        let remaining = match undone {
            Ok(()) => store.dispose(&leftover).map_err(journal_error).err(),
            Err(errors) => Some(undo::summary(&errors)),
        };
        swept.push(Swept { key: leftover.key, remaining });
    }
    Ok(swept)
}
