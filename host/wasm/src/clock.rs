//! How long a module has run: the CPU time of its thread, and behind it real time.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// How much longer than its CPU time a call may take: a loaded node does not fail honest modules.
pub(crate) const WALL_FACTOR: u32 = 20;

/// Which time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Cpu,
    Wall,
}

/// What of a host call does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spare {
    /// That it took a while. Its work on the module's thread counts, so that asking without end comes to an end.
    Waiting,
    /// Its work as well: another program or module did it, within limits of its own.
    Work,
}

/// Measures the CPU time of the thread that runs the module, which is the one that asks.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Reading,
    limit: Duration,
    /// What was spared of each.
    spared: Reading,
    /// What the module slept.
    slept: Duration,
}

/// Both times since whenever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    cpu: Duration,
    wall: Duration,
}

impl Clock {
    pub(crate) fn start(limit: Duration) -> Self {
        let zero = Reading { cpu: Duration::ZERO, wall: Duration::ZERO };
        Self { start: Reading::now(), limit, spared: zero, slept: Duration::ZERO }
    }

    pub(crate) fn over(&self) -> Option<Over> {
        self.over_at(Reading::now())
    }

    pub(crate) fn over_at(&self, now: Reading) -> Option<Over> {
        let Reading { cpu, wall } = now.since(self.start).since(self.spared);
        if cpu + self.slept >= self.limit {
            Some(Over::Cpu)
        } else if wall >= self.limit * WALL_FACTOR {
            Some(Over::Wall)
        } else {
            None
        }
    }

    /// How long the module may go on.
    pub(crate) fn left(&self) -> Duration {
        let Reading { cpu, .. } = Reading::now().since(self.start).since(self.spared);
        self.limit.saturating_sub(cpu + self.slept)
    }

    /// The module has slept, in place of working.
    pub(crate) fn sleep(&mut self, time: Duration) {
        self.slept += time;
    }

    /// A host call that began then ends now.
    pub(crate) fn spare(&mut self, began: Reading, what: Spare) {
        let passed = Reading::now().since(began);
        self.spared.wall += passed.wall;
        if what == Spare::Work {
            self.spared.cpu += passed.cpu;
        }
    }
}

impl Reading {
    pub(crate) fn now() -> Self {
        Self { cpu: thread_cpu_time(), wall: wall_time() }
    }

    fn since(self, earlier: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(earlier.cpu), wall: self.wall.saturating_sub(earlier.wall) }
    }
}

/// Zero if the kernel has no such clock; the bound on real time holds all the same.
fn thread_cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Since the first time that somebody asked.
fn wall_time() -> Duration {
    static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    EPOCH.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(cpu: u64, wall: u64) -> Reading {
        Reading { cpu: Duration::from_millis(cpu), wall: Duration::from_millis(wall) }
    }

    #[test]
    fn what_was_spared_is_added_to_both_limits() {
        let limit = Duration::from_millis(10);
        let clock = |spared| Clock { start: at(5, 100), limit, spared, slept: Duration::ZERO };
        let rows = [
            (at(0, 0), at(14, 200), None),
            (at(0, 0), at(15, 200), Some(Over::Cpu)),
            (at(0, 0), at(5, 300), Some(Over::Wall)),
            (at(0, 5000), at(5, 5299), None),
            (at(0, 5000), at(15, 5299), Some(Over::Cpu)),
            (at(0, 5000), at(5, 5300), Some(Over::Wall)),
            (at(700, 5000), at(714, 5299), None),
        ];
        for (spared, now, expected) in rows {
            assert_eq!(clock(spared).over_at(now), expected, "{spared:?} {now:?}");
        }
    }

    #[test]
    fn what_is_slept_is_time_of_the_module() {
        let zero = at(0, 0);
        let limit = Duration::from_millis(10);
        let mut clock = Clock { start: at(5, 100), limit, spared: zero, slept: Duration::ZERO };
        clock.sleep(Duration::from_millis(7));
        assert_eq!(clock.over_at(at(7, 107)), None);
        assert_eq!(clock.over_at(at(8, 107)), Some(Over::Cpu));
    }

    #[test]
    fn waiting_is_spared_and_work_on_the_modules_thread_is_not() {
        let mut clock = Clock::start(Duration::from_secs(1));
        let began = Reading::now();
        std::thread::sleep(Duration::from_millis(5));
        clock.spare(began, Spare::Waiting);
        assert!(clock.spared.wall >= Duration::from_millis(5), "{clock:?}");
        assert_eq!(clock.spared.cpu, Duration::ZERO);
        while Reading::now().since(began).cpu < Duration::from_millis(2) {}
        clock.spare(began, Spare::Work);
        assert!(clock.spared.cpu >= Duration::from_millis(2), "{clock:?}");
    }
}
