//! An operator takes back what one call did, without the runtime.

use multus_cni::{Code, Error};
use multus_journal::{CallKey, Wait};
use multus_net::Netns;

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
    let recorded = record.call.as_ref();
    let live = recorded.and_then(|call| Some((&call.netns_path, call.netns.as_ref()?)));
    if let (Some((path, identity)), false) = (live, force) {
        let found = Netns::open(path.as_ref()).and_then(|netns| netns.identity());
        if found.is_ok_and(|found| found == *identity) {
            let message = format!("the namespace of {key}, {path}, is still there: its pod may be running");
            return Err(
                Error::new(Code::InvalidConfig, message).with_details("`--force` takes it back all the same")
            );
        }
    }
    undo::whole(call, &store, &lock, &record, "an operator").map_err(|errors| undo::summary(&errors))
}
