//! An operator takes back what one call did, without the runtime.

use multus_cni::{Code, Error};
use multus_journal::{CallKey, Record, Wait};

use crate::call::Call;
use crate::steps::journal_error;
use crate::undo;

/// Takes back what is recorded of a call and drops its record, as its DEL would.
///
/// # Errors
/// Code 3 if nothing is recorded; code 7 if the pod's namespace is still there and `force` is not set, since a pod
/// would go on without its networks; all that could not be taken back, which stays recorded.
pub fn take_back(call: &Call<'_>, key: &CallKey, force: bool) -> Result<(), Error> {
    let lock = call.lock(&key.container_id, Wait::Announced, call.deadlines.forward)?;
    let store = call.store();
    let record = store.open(key).map_err(journal_error)?.ok_or_else(|| {
        Error::new(Code::UnknownContainer, format!("nothing is recorded for {key}"))
            .with_details("`multusctl journal show` lists what is")
    })?;
    if let (Some(why), false) = (may_run(call, &record), force) {
        return Err(Error::new(Code::InvalidConfig, format!("{why}: its pod may be running"))
            .with_details("`--force` takes it back all the same"));
    }
    undo::whole(call, &store, &lock.descriptors(), &record, "an operator")
        .map_err(|errors| undo::summary(&errors))
}

/// Why a pod may still be running, if it may.
fn may_run(call: &Call<'_>, record: &Record) -> Option<String> {
    let key = &record.key;
    let Some(recorded) = &record.call else {
        return record.begun().then(|| format!("the record of {key} is damaged and names no namespace"));
    };
    let path = &recorded.netns_path;
    match call.namespace_of(recorded) {
        Ok(gone) if gone.is_empty() => None,
        Ok(_) => Some(format!("the namespace of {key}, {path}, is still there")),
        Err(error) => Some(format!("it can't be told whether the namespace of {key} is gone: {error}")),
    }
}
