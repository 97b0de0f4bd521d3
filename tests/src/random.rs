//! Chance that can be repeated.

/// Numbers that look random and follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// From `MULTUS_SEED`, or 1; says which, so that a failure can be seen again.
    ///
    /// # Panics
    /// If `MULTUS_SEED` is no number.
    pub fn of_this_run() -> Random {
        let seed =
            std::env::var("MULTUS_SEED").map_or(1, |text| text.parse().expect("MULTUS_SEED is a number"));
        println!("MULTUS_SEED={seed}");
        Random::seeded(seed)
    }

    /// From a seed.
    pub fn seeded(seed: u64) -> Random {
        Random { state: seed }
    }

    /// Another one that goes its own way.
    #[must_use]
    pub fn branch(&mut self) -> Random {
        Random::seeded(self.next())
    }

    /// A number from 0 to below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// One of these.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or_default();
        from.get(at).expect("something to choose from")
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
