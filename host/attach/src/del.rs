//! DEL: the record played backwards; durable, tolerant, never asking the cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use multus_cni::Error;
use multus_journal::{CallKey, Record, Store};

use crate::call::Call;
use crate::readiness;
use crate::steps::{journal_error, now_ms};
use crate::undo;
use crate::upstream::{self, Container};

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
    let found = store.open(&call.key()).map_err(journal_error);
    let Some(record) = found.or_else(|error| unreadable(call, &store, error))? else {
        // Upstream's scratch file is one for all interfaces of a container: beside a record it is our own,
        // of another interface that must stay.
        if !store.records_of(&call.request.container_id).records.is_empty() {
            return Ok(());
        }
        let container = Container::asked(call);
        return upstream::detach(call, &store, &container, &lock.descriptors())
            .inspect(|()| unmark(call))
            .or_else(|error| unfinished_without_record(call, &store, &container, error));
    };
    for problem in &record.problems {
        call.node.warn(&format!("{}: record: {problem}", call.subject()));
    }
    undo::whole(call, &store, &lock.descriptors(), &record, "DEL")
        .inspect(|()| unmark(call))
        .or_else(|errors| unfinished(call, &store, &record, undo::summary(&errors)))
}

/// The leftovers know all of it; a further DEL must not find the same attachments in upstream's files.
fn forget_upstream(call: &Call<'_>, store: &Store, record: &Record) {
    for attachment in &record.attachments {
        upstream::forget(call, &record.key.container_id, &attachment.intent);
    }
    if record.newer() && record.attachments.is_empty() {
        upstream::forget_unrecorded(call, store, &record.key.container_id);
    }
    upstream::forget_scratch(call, &record.key.container_id);
}

/// When the first DEL failed, in milliseconds since 1970. The record says so, unless it is of a newer version, on a full
/// disk, or the clock was ahead then: for those a mark is kept where locks are, which takes no disk.
fn first_try(call: &Call<'_>, store: &Store) -> u64 {
    let (mark, now) = (mark(call), now_ms());
    let record = store.open(&call.key()).ok().flatten();
    let noted = record.and_then(|record| record.undoing).map(|undoing| undoing.since);
    let known = [noted, marked(&mark)].into_iter().flatten().filter(|since| *since <= now).min();
    known.unwrap_or_else(|| {
        // Without a mark DEL only tries for longer.
        let _ = mark.parent().map(fs::create_dir_all);
        let _ = fs::write(&mark, "");
        now
    })
}

fn mark(call: &Call<'_>) -> PathBuf {
    let CallKey { container_id, interface } = call.key();
    call.node.lock_dir.join("failing").join(format!("{container_id}@{interface}"))
}

/// What can't be removed ends with the boot.
fn unmark(call: &Call<'_>) {
    let mark = mark(call);
    if fs::remove_file(&mark).is_ok() {
        // Marks of others keep it.
        let _ = mark.parent().map(fs::remove_dir);
    }
}

fn marked(mark: &Path) -> Option<u64> {
    let modified = fs::metadata(mark).and_then(|file| file.modified()).ok()?;
    u64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// How long DELs of this call have failed, once that is too long to go on with.
fn given_up(call: &Call<'_>, store: &Store) -> Option<Duration> {
    let tried = Duration::from_millis(now_ms().saturating_sub(first_try(call, store)));
    (tried >= call.node.del_attempts).then_some(tried)
}

fn unfinished(call: &Call<'_>, store: &Store, record: &Record, error: Error) -> Result<(), Error> {
    let Some(tried) = given_up(call, store) else { return Err(error) };
    store.to_leftover(&call.key(), &error.to_string()).map_err(journal_error)?;
    if is_told_by_files(record) {
        keep_files(call, store, &Container::recorded(call, record), &error);
    }
    unmark(call);
    forget_upstream(call, store, record);
    let line = format!(
        "{}: DEL failed for {} s, the rest is kept as a leftover (`multusctl journal sweep` goes on with it): {error}",
        call.subject(),
        tried.as_secs()
    );
    call.node.warn(&line);
    Ok(())
}

/// What can't be read stays where it is, for people, and for GC, which asks no delegate as long as it is there.
fn unreadable(call: &Call<'_>, store: &Store, error: Error) -> Result<Option<Record>, Error> {
    let Some(tried) = given_up(call, store) else { return Err(error) };
    let line = format!(
        "{}: DEL failed for {} s, and what only the record tells stays until somebody can read that: {error}",
        call.subject(),
        tried.as_secs()
    );
    call.node.warn(&line);
    Ok(None)
}

/// Whether libcni's cache may tell of attachments that a record is silent about. A newer version knows its own.
fn is_told_by_files(record: &Record) -> bool {
    !record.newer() && undo::is_unclear(record)
}

/// The same where only files of upstream and libcni tell what is attached.
fn unfinished_without_record(
    call: &Call<'_>,
    store: &Store,
    container: &Container,
    error: Error,
) -> Result<(), Error> {
    let Some(tried) = given_up(call, store) else { return Err(error) };
    let line =
        format!("{}: DEL failed for {} s, no record tells of it: {error}", call.subject(), tried.as_secs());
    call.node.warn(&line);
    keep_files(call, store, container, &error);
    unmark(call);
    Ok(())
}

/// What files alone tell becomes a leftover. Where that can't be written they stay, and no pod waits for a disk.
fn keep_files(call: &Call<'_>, store: &Store, container: &Container, error: &Error) {
    let line = match upstream::keep(call, store, container, &error.to_string()) {
        Ok(None) => return,
        Ok(Some(kept)) => {
            format!("kept as a leftover (`multusctl journal sweep` goes on with it): {kept}")
        }
        Err(why) => format!(
            "what is attached stands in {} and its folder `results`, which stay: no leftover can be made of it: {why}",
            call.conf.cni_dir.join(&container.key.container_id).display()
        ),
    };
    call.node.warn(&format!("{}: {line}", call.subject()));
}
