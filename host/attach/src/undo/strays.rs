//! Effects whose plan can't be read any more: of which attachment they were is not known, of which container is.

use std::path::Path;
use std::time::Instant;

use multus_cni::{Code, Error};
use multus_journal::{Effect, EffectRecord, Outcome, Record};
use multus_leases::{Folder, LeaseError};
use multus_net::sriov::{ClaimError, Claims, Taken};

use super::Scene;
use super::functions::Functions;

/// Those of one record.
#[derive(Default)]
pub(super) struct Strays<'r> {
    effects: Vec<&'r EffectRecord>,
    functions: Functions,
    errors: Vec<Error>,
}

impl<'r> Strays<'r> {
    pub(super) fn of(record: &'r Record) -> Self {
        Self { effects: record.strays.iter().map(|(_, effect)| effect).collect(), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    /// Nobody else works on functions that the container has, until all of it is taken back.
    pub(super) fn hold_functions(&mut self, scene: &Scene, deadline: Instant) {
        let Some(boot) = &scene.boot else { return };
        for recorded in &self.effects {
            let Effect::Device { directory, address, .. } = &recorded.effect else { continue };
            let held = match Claims::at(directory).taken(address, boot) {
                Ok(Some(Taken::ByUs(holder))) if holder.container_id == scene.container_id => {
                    self.functions.hold(directory, address, holder, deadline)
                }
                // Whoever took the claim away left what it was for.
                Ok(None) => Ok(()),
                Ok(Some(_)) => {
                    self.functions.leave(address.clone());
                    Ok(())
                }
                Err(error) => {
                    self.functions.leave(address.clone());
                    Err(error)
                }
            };
            self.errors.extend(held.err().map(|error: ClaimError| refused(&error)));
        }
    }

    /// What a binary did for a component, only that binary gives back, and it would have to be told for which interface.
    pub(super) fn miss_binaries(&mut self) {
        for recorded in &self.effects {
            let Effect::Delegate { plugin, path, stdin, .. } = &recorded.effect else { continue };
            if matches!(recorded.outcome, Some(Outcome::Failed { .. })) {
                continue;
            }
            let message = format!("the record does not say any more for which interface {path} was run");
            let details = format!("run {plugin}'s DEL by hand, with this configuration: {stdin}");
            self.errors.push(Error::new(Code::Internal, message).with_details(details));
        }
    }

    /// What the kernel has of them, without what somebody else has by now.
    pub(super) fn kernel(&self) -> impl Iterator<Item = &'r multus_net::Effect> {
        let effects = self.effects.iter().filter_map(|effect| super::batch::net(effect));
        effects.filter(|effect| self.functions.allow(effect))
    }

    /// Gives claims back, once nothing of the kernel's needs them any more; the first thing that went wrong with any of
    /// this, or with the kernel.
    pub(super) fn release(
        mut self,
        scene: &Scene,
        kernel: Option<Error>,
        deadline: Instant,
    ) -> Option<Error> {
        self.errors.extend(kernel);
        if self.errors.is_empty() {
            for recorded in &self.effects {
                let Effect::Claim { directory, network, key } = &recorded.effect else { continue };
                let given = give_back(directory, network, key, &scene.container_id, deadline);
                self.errors.extend(given.err().map(|error| refused(&error)));
            }
            self.errors.extend(self.functions.release().map(|error| refused(&error)));
        }
        self.errors.into_iter().next()
    }
}

fn refused(error: &dyn std::error::Error) -> Error {
    Error::new(Code::Io, error.to_string())
}

/// The claim of whichever interface of the container.
fn give_back(
    directory: &str,
    network: &str,
    key: &str,
    container_id: &str,
    deadline: Instant,
) -> Result<(), LeaseError> {
    let Some(folder) = Folder::find(Path::new(directory), network)? else { return Ok(()) };
    let mut locked = folder.lock(deadline)?;
    match locked.holder(key)? {
        Some(holder) if holder.container_id() == container_id => locked.release(key, &holder).map(drop),
        _ => Ok(()),
    }
}
