//! How long the long tests run.

/// What the caller has time for (`MULTUS_EFFORT`: `quick`, `gate` or `long`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// While working: one round of everything.
    Quick,
    /// Before a change goes in.
    Gate,
    /// Over night.
    Long,
}

/// The effort asked for; `gate` if nobody said.
///
/// # Panics
/// On a word that is none of the three.
pub fn effort() -> Effort {
    match std::env::var("MULTUS_EFFORT").as_deref() {
        Ok("quick") => Effort::Quick,
        Ok("long") => Effort::Long,
        Ok("gate") | Err(_) => Effort::Gate,
        Ok(other) => panic!("MULTUS_EFFORT is {other:?}: write quick, gate or long"),
    }
}

impl Effort {
    /// Picks how often to do something.
    pub fn rounds(self, quick: usize, gate: usize, long: usize) -> usize {
        match self {
            Effort::Quick => quick,
            Effort::Gate => gate,
            Effort::Long => long,
        }
    }
}
