//! DEL: the record played backwards; durable, tolerant, never asking the cluster.

use multus_cni::Error;
use multus_journal::Record;

use crate::call::Call;
use crate::readiness;
use crate::steps::{journal_error, now_ms};
use crate::undo;
use crate::upstream;

/// Detaches a container from all of its networks (CNI-06).
///
/// # Errors
/// What could not be taken back, for as long as the runtime's retries are worth it; after that the
/// rest is kept as a leftover for `multusctl journal sweep`, and DEL succeeds.
pub fn del(call: &Call<'_>) -> Result<(), Error> {
    detach(call).map_err(|error| error.context(&call.subject()))
}

fn detach(call: &Call<'_>) -> Result<(), Error> {
    call.refuse_own_netns()?;
    readiness::warn(call);
    let lock = call.lock_container_for_del()?;
    let store = call.store();
    let Some(record) = store.open(&call.key()).map_err(journal_error)? else {
        // Upstream's scratch file is one for all interfaces of a container: beside a record it is our own,
        // of another interface that must stay.
        if store.records_of(&call.request.container_id).records.is_empty() {
            upstream::detach(call, &lock.descriptors())?;
        }
        return Ok(());
    };
    for problem in &record.problems {
        call.node.warn(&format!("{}: record: {problem}", call.subject()));
    }
    undo::whole(call, &store, &lock, &record, "DEL")
        .or_else(|errors| unfinished(call, &store, &record, undo::summary(&errors)))
}

/// The leftover knows all of it; a further DEL must not find the same attachments in upstream's files.
fn forget_upstream(call: &Call<'_>, record: &Record) {
    for attachment in &record.attachments {
        upstream::forget(call, &record.key.container_id, &attachment.intent);
    }
    upstream::forget_scratch(call, &record.key.container_id);
}

fn unfinished(
    call: &Call<'_>,
    store: &multus_journal::Store,
    record: &Record,
    error: Error,
) -> Result<(), Error> {
    let since = record.undoing.as_ref().map_or_else(now_ms, |undoing| undoing.since);
    let tried = std::time::Duration::from_millis(now_ms().saturating_sub(since));
    if tried < call.node.del_attempts {
        return Err(error);
    }
    store.to_leftover(&call.key(), &error.to_string()).map_err(journal_error)?;
    forget_upstream(call, record);
    let line = format!(
        "{}: DEL failed for {} s, the rest is kept as a leftover (`multusctl journal sweep` goes on with it): {error}",
        call.subject(),
        tried.as_secs()
    );
    call.node.warn(&line);
    Ok(())
}
