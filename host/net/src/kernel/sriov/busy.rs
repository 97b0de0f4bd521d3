//! Drivers that are busy with a function: several refuse all settings while they reset it, which follows from the one before.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc;

use crate::Refused;

/// A reset takes some tenths of a second.
const LONGEST: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

/// Asks again until the driver is done, or the deadline is near; the last refusal then.
pub(super) fn patiently(
    deadline: Instant,
    mut ask: impl FnMut() -> Result<(), Refused>,
) -> Result<(), Refused> {
    let end = deadline.min(Instant::now() + LONGEST);
    loop {
        match ask() {
            Err(refused) if is_busy(&refused) && Instant::now() + PAUSE < end => sleep(PAUSE),
            done => return done,
        }
    }
}

/// Whether the same request may be taken later.
pub(super) fn is_busy(refused: &Refused) -> bool {
    matches!(refused.errno, Some(libc::EAGAIN | libc::EBUSY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answers: &[i32], patience: Duration) -> (Option<i32>, usize) {
        let mut asked = 0;
        let done = patiently(Instant::now() + patience, || {
            asked += 1;
            match answers.get(asked - 1) {
                Some(errno) => Err(Refused::kernel("a setting", *errno)),
                None => Ok(()),
            }
        });
        (done.err().and_then(|refused| refused.errno), asked)
    }

    #[test]
    fn a_busy_driver_is_asked_again_and_no_other() {
        let long = Duration::from_secs(20);
        assert_eq!(asked(&[], long), (None, 1));
        assert_eq!(asked(&[libc::EAGAIN, libc::EBUSY], long), (None, 3));
        assert_eq!(asked(&[libc::EAGAIN, libc::EINVAL], long), (Some(libc::EINVAL), 2));
        assert_eq!(asked(&[libc::EAGAIN; 100], Duration::ZERO), (Some(libc::EAGAIN), 1), "no time");
        let (errno, times) = asked(&[libc::EBUSY; 100], long);
        assert!(errno == Some(libc::EBUSY) && (2..=20).contains(&times), "{errno:?} after {times}");
    }
}
