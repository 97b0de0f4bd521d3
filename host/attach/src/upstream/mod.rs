//! Files that upstream's plugin and libcni keep: written so that going back to upstream works, read so
//! that pods attached by upstream can be detached here.

mod container;
mod detach;
mod leftover;
mod scratch;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use multus_cni::Error;
use multus_cni::cache::{self, CacheEntry};
use multus_cni::result::ResultDocument;
use multus_cni::{Args, Code};
use multus_journal::{AttachmentIntent, Implementation, Record, Store};
use serde_json::Value;

use crate::call::Call;
use crate::gc::ValidAttachment;
use crate::plan::{Attachment, Plan, Step};
use crate::undo;

pub(crate) use container::Container;
pub(crate) use detach::detach;
pub(crate) use leftover::keep;

/// What needs no results: the scratch file that lists the attachments, and empty drafts of libcni's cache. There is time
/// for that while the first delegate starts; undoing the record removes it.
///
/// # Errors
/// Code 5: without these files upstream could not detach this pod.
pub(crate) fn announce(call: &Call<'_>, plan: &Plan) -> Result<(), Error> {
    let container_id = &call.request.container_id;
    for attachment in &plan.attachments {
        cache::prepare(&call.conf.cni_dir, &attachment.network.name, container_id, &attachment.interface)
            .map_err(io_error)?;
    }
    scratch::write(call, plan)
        .map_err(|error| Error::new(Code::Io, error.to_string()).context("upstream's scratch file"))
}

/// Writes libcni's cache of each attachment.
///
/// # Errors
/// Code 5: without these files upstream could not detach this pod.
pub(crate) fn write(call: &Call<'_>, plan: &Plan, results: &[ResultDocument]) -> Result<(), Error> {
    for (attachment, result) in plan.attachments.iter().zip(results) {
        cache::write(&call.conf.cni_dir, &entry(call, attachment, result)).map_err(io_error)?;
    }
    Ok(())
}

fn entry(call: &Call<'_>, attachment: &Attachment, result: &ResultDocument) -> CacheEntry {
    let args = Args::parse(&attachment.args).unwrap_or_default();
    CacheEntry {
        container_id: call.request.container_id.clone(),
        config: attachment.conf().to_string().into_bytes(),
        ifname: attachment.interface.clone(),
        network: attachment.network.name.clone(),
        netns: call.netns_path().to_owned(),
        args: args.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        capability_args: attachment.runtime_config.clone(),
        result: serde_json::from_str::<Value>(result.raw().get()).ok(),
        modules: by_modules(attachment),
    }
}

/// The types of the plugins that are modules.
fn by_modules(attachment: &Attachment) -> Vec<String> {
    let is_module = |step: &&Step| matches!(step.implementation, Implementation::Component { .. });
    attachment.steps.iter().filter(is_module).map(|step| step.plugin.clone()).collect()
}

/// Removes the cache of an attachment that was undone. What can't be removed is only stale.
pub(crate) fn forget(call: &Call<'_>, container_id: &str, intent: &AttachmentIntent) {
    if let Err(error) = cache::remove(&call.conf.cni_dir, &intent.network, container_id, &intent.interface) {
        call.node.warn(&format!("libcni's cache not removed: {error}"));
    }
}

/// Removes the cache of a container whose record can't say what it attached, unless another record of it may.
pub(crate) fn forget_unrecorded(call: &Call<'_>, store: &Store, container_id: &str) {
    if !store.records_of(container_id).records.is_empty() {
        return;
    }
    for entry in cache::list_for(&call.conf.cni_dir, container_id).unwrap_or_default() {
        forget_cached(call, &entry);
    }
}

/// Removes one entry of libcni's cache. What can't be removed is only stale.
fn forget_cached(call: &Call<'_>, entry: &CacheEntry) {
    let CacheEntry { network, container_id, ifname, .. } = entry;
    if let Err(error) = cache::remove(&call.conf.cni_dir, network, container_id, ifname) {
        call.node.warn(&format!("libcni's cache not removed: {error}"));
    }
}

/// Removes the scratch file of a container that was undone.
pub(crate) fn forget_scratch(call: &Call<'_>, container_id: &str) {
    if let Err(error) = scratch::remove(call, container_id) {
        call.node.warn(&format!("upstream's scratch file not removed: {error}"));
    }
}

/// Attachments of containers that are valid for the runtime, or whose records stay, and that no record here tells of in
/// full: upstream made them, or the record is damaged or a newer version's. A delegate's GC must not take them for stale.
///
/// # Errors
/// Code 5: libcni's cache can't be read, and so nobody knows them.
pub(crate) fn unrecorded(
    call: &Call<'_>,
    valid: &[ValidAttachment],
    survivors: &[Record],
) -> Result<Vec<CacheEntry>, Error> {
    let store = call.store();
    let stay = survivors.iter().map(|record| record.key.container_id.as_str());
    let containers: BTreeSet<&str> =
        valid.iter().map(|entry| entry.container_id.as_str()).chain(stay).collect();
    let mut found = Vec::new();
    for id in containers {
        let listing = store.records_of(id);
        let clear = !listing.records.is_empty() && !listing.records.iter().any(undo::is_unclear);
        if !clear || !listing.unreadable.is_empty() {
            found.extend(cache::list_for(&call.conf.cni_dir, id).map_err(io_error)?);
        }
    }
    Ok(found)
}

pub(crate) fn io_error(error: cache::CacheError) -> Error {
    Error::new(Code::Io, error.to_string())
}
