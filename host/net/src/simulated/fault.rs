//! What goes wrong, and when: every request of a back end to the kernel has a number, from 0.

use std::collections::BTreeMap;

/// What happens at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The kernel refuses it with this number, and nothing is done.
    Refuse(i32),
    /// The process is killed before it.
    DieBefore,
    /// The process is killed after it: it was done, and nobody learnt of it.
    DieAfter,
}

/// The requests of one back end, and the faults that await them.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    requests: u64,
    faults: BTreeMap<u64, Fault>,
    dead: bool,
}

impl Schedule {
    pub(super) fn set(&mut self, at: u64, fault: Fault) {
        self.faults.insert(at, fault);
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    /// A request begins: what happens at it. `None` if the process is dead, or is now.
    pub(super) fn begin(&mut self) -> Option<Turn> {
        if self.dead {
            return None;
        }
        let fault = self.faults.remove(&self.requests);
        self.requests += 1;
        match fault {
            Some(Fault::DieBefore) => {
                self.dead = true;
                None
            }
            Some(Fault::DieAfter) => {
                self.dead = true;
                Some(Turn::DoAndDie)
            }
            Some(Fault::Refuse(errno)) => Some(Turn::Refuse(errno)),
            None => Some(Turn::Do),
        }
    }
}

/// What to do at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Do,
    DoAndDie,
    Refuse(i32),
}
