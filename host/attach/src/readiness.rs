//! `readinessindicatorfile`: a file that the default network writes once it can be used.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use multus_cni::{Code, Error};

use crate::call::Call;

/// How long a call waits for the file, upstream's.
const PATIENCE: Duration = Duration::from_secs(45);
const PAUSE: Duration = Duration::from_millis(100);

/// Waits for the file, if the conf names one, within the call's deadline.
///
/// # Errors
/// Code 11: it is still not there.
pub(crate) fn wait(call: &Call<'_>) -> Result<(), Error> {
    let Some(file) = &call.conf.readiness_file else { return Ok(()) };
    let begun = Instant::now();
    match appears(file, call.deadlines.forward.min(begun + PATIENCE)) {
        true => Ok(()),
        false => Err(not_ready(file, begun.elapsed())),
    }
}

/// Whether the file is there before `until`.
fn appears(file: &Path, until: Instant) -> bool {
    while !file.exists() {
        if Instant::now() >= until {
            return false;
        }
        sleep(PAUSE);
    }
    true
}

/// DEL goes on without it: what was attached is recorded.
pub(crate) fn warn(call: &Call<'_>) {
    if let Some(file) = call.conf.readiness_file.as_ref().filter(|file| !file.exists()) {
        call.node.warn(&format!("{}: detached although {} is not there", call.subject(), file.display()));
    }
}

fn not_ready(file: &Path, waited: Duration) -> Error {
    let message = format!(
        "the default network is not ready: {} did not appear within {} s",
        file.display(),
        waited.as_secs()
    );
    Error::new(Code::TryAgainLater, message)
        .with_details("its own pod on this node writes that file; see whether it runs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_has_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ready");
        let past = Instant::now();
        assert!(!appears(&file, past));
        std::fs::write(&file, "").unwrap();
        assert!(appears(&file, past), "what is there needs no waiting");
        let error = not_ready(&file, Duration::from_secs(45));
        assert!(error.is(Code::TryAgainLater) && error.msg.contains("within 45 s"), "{error}");
    }
}
