//! Virtual functions that are given back: nobody else works on them meanwhile, and those that somebody else has by now
//! are left alone.

use std::time::Instant;

use multus_net::sriov::{ClaimError, Claims, Holder, Locked};
use multus_net::{Effect, PciAddress};

/// The functions of one step.
#[derive(Debug, Default)]
pub(super) struct Functions {
    held: Vec<(Locked, Holder)>,
    /// Somebody else's by now, or it can't be told whose.
    left_alone: Vec<PciAddress>,
}

impl Functions {
    /// Locks a function that the step had claimed.
    pub(super) fn hold(
        &mut self,
        directory: &str,
        address: &PciAddress,
        holder: Holder,
        deadline: Instant,
    ) -> Result<(), ClaimError> {
        let locked = Claims::at(directory).lock(address, deadline);
        let is_lost = locked.as_ref().map_or(Ok(true), |locked| locked.is_lost(&holder));
        if !matches!(is_lost, Ok(false)) {
            self.left_alone.push(address.clone());
        }
        self.held.push((locked?, holder));
        is_lost.map(drop)
    }

    /// A function is somebody else's by now.
    pub(super) fn leave(&mut self, address: PciAddress) {
        self.left_alone.push(address);
    }

    /// Whether an effect may be taken back.
    pub(super) fn allow(&self, effect: &Effect) -> bool {
        let about = |address: &PciAddress| match effect {
            Effect::Function(change) => change.address() == address,
            Effect::Move { home, .. } => home.is_of(address),
            _ => false,
        };
        !self.left_alone.iter().any(about)
    }

    /// Gives all of them back; what went wrong.
    pub(super) fn release(&mut self) -> impl Iterator<Item = ClaimError> {
        let held = std::mem::take(&mut self.held);
        held.into_iter().rev().filter_map(|(locked, holder)| locked.release(&holder).err())
    }
}
