//! The clock behind time limits: while a module runs, the engine's epoch advances.
//!
//! A timer of the kernel interrupts the thread that runs the module. A thread for it would cost more than a
//! whole call: to make it, and because each change to the memory of a process with two threads stops both.

use std::io;
use std::time::Duration;

use nix::sys::signal::{SigEvent, SigSet, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::gettid;
use wasmtime::Engine;

use crate::sys;

/// How often a running module is asked for the time it used, so also by how much it can overrun.
const TICK: Duration = Duration::from_millis(1);

/// While this lives, the epoch advances on the thread that made it.
pub(crate) struct Watch {
    // Dropped before what its signal's handler reads.
    timer: Timer,
    /// Read by the signal's handler, so it has to stay where it is.
    _engine: Box<Engine>,
}

impl Watch {
    /// Begins to advance the epoch of `engine`, each millisecond, on this thread.
    ///
    /// # Errors
    /// Without a timer no limit would hold: nothing may run then.
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        sys::handle_ticks()?;
        // Whoever started this process may have left it blocked.
        SigSet::from(Signal::SIGVTALRM).thread_unblock()?;
        let engine = Box::new(engine.clone());
        let tick = SigevNotify::SigevThreadId {
            signal: Signal::SIGVTALRM,
            thread_id: gettid().as_raw(),
            si_value: std::ptr::from_ref(&*engine).addr().cast_signed(),
        };
        let timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(tick))?;
        let mut watch = Self { timer, _engine: engine };
        watch.resume()?;
        Ok(watch)
    }

    /// Lets the host work without being interrupted: its system calls need not know of ticks.
    pub(crate) fn pause(&mut self) -> io::Result<()> {
        self.set(Expiration::OneShot(TimeSpec::from(Duration::ZERO)))
    }

    /// Goes on, with the next tick a whole one away.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.set(Expiration::Interval(TimeSpec::from(TICK)))
    }

    fn set(&mut self, expiration: Expiration) -> io::Result<()> {
        Ok(self.timer.set(expiration, TimerSetTimeFlags::empty())?)
    }
}

/// A thread that panics does not delete its timers; one that stands still interrupts nobody.
impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.pause();
    }
}
