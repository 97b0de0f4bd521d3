//! When this boot began.

use std::time::{Duration, SystemTime};

use nix::time::ClockId;

/// Clocks are set and stamps of files are coarse: what is this close to the boot counts as of this one.
const DOUBT: Duration = Duration::from_secs(2);

/// Whether something that was last written then was written in an earlier boot.
///
/// A clock that was set after the boot can make it err. Then an empty file of this boot is reclaimed, which nobody
/// writes any more all the same: whoever began to write held the lock.
pub(crate) fn is_earlier(written: SystemTime) -> bool {
    let Ok(uptime) = ClockId::CLOCK_BOOTTIME.now() else { return false };
    let began = SystemTime::now().checked_sub(Duration::from(uptime));
    began.and_then(|began| began.checked_sub(DOUBT)).is_some_and(|began| written < began)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_of_this_boot_and_1970_is_not() {
        assert!(!is_earlier(SystemTime::now()));
        assert!(!is_earlier(SystemTime::now() + Duration::from_secs(3600)));
        assert!(is_earlier(SystemTime::UNIX_EPOCH));
    }
}
