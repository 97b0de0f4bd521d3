//! Folders of claims that a module has locked: what it claims is the attachment's, on record and on disk before the
//! answer.

use std::path::{Path, PathBuf};
use std::time::Instant;

use multus_cni::Code;
use multus_journal::Effect;
use multus_leases::{Folder, Holder, LeaseError, Locked};
use multus_wasm::node::{Answer, Failure, TransactionId};

use super::node::ComponentNode;
use super::predecessor;
use super::refusal::{self, failure, invalid, not_granted};
use super::shared::Scene;

/// One network's folder in the hands of a module.
pub(super) struct Transaction {
    directory: PathBuf,
    network: String,
    locked: Locked,
}

/// The open ones, by the number of their handle; ended ones are `None`.
#[derive(Default)]
pub(super) struct Claims(Vec<Option<Transaction>>);

impl Claims {
    pub(super) fn get(&self, id: TransactionId) -> Answer<&Transaction> {
        let found = usize::try_from(id.0).ok().and_then(|at| self.0.get(at)?.as_ref());
        found.ok_or_else(|| invalid("this handle stands for no open transaction"))
    }

    fn get_mut(&mut self, id: TransactionId) -> Answer<&mut Transaction> {
        let found = usize::try_from(id.0).ok().and_then(|at| self.0.get_mut(at)?.as_mut());
        found.ok_or_else(|| invalid("this handle stands for no open transaction"))
    }

    fn add(&mut self, transaction: Transaction) -> TransactionId {
        self.0.push(Some(transaction));
        TransactionId(u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX))
    }

    pub(super) fn end(&mut self, id: TransactionId) {
        if let Some(open) = usize::try_from(id.0).ok().and_then(|at| self.0.get_mut(at)) {
            *open = None;
        }
    }
}

impl Transaction {
    pub(super) fn claimed(&self) -> Answer<Vec<String>> {
        self.locked.claimed().map_err(|error| lease(&error))
    }

    pub(super) fn note(&self, name: &str) -> Answer<Option<String>> {
        self.locked.note(name).map_err(|error| lease(&error))
    }
}

fn lease(error: &LeaseError) -> Failure {
    failure(code(error), error.to_string(), "")
}

/// What CNI calls it.
pub(super) fn code(error: &LeaseError) -> Code {
    match error {
        LeaseError::Busy { .. } => Code::TryAgainLater,
        LeaseError::Name { .. } => Code::InvalidConfig,
        _ => Code::Io,
    }
}

fn holder(scene: &Scene) -> Answer<Holder> {
    Holder::new(&scene.container_id, &scene.interface).map_err(|error| lease(&error))
}

fn open(directory: &Path, network: &str, deadline: Instant) -> Answer<Locked> {
    let folder = Folder::open(directory, network).map_err(|error| lease(&error))?;
    folder.lock(deadline).map_err(|error| lease(&error))
}

/// `begin`.
pub(super) fn begin(
    node: &mut ComponentNode,
    directory: Option<&str>,
    network: &str,
) -> Answer<TransactionId> {
    if network != node.scene.network {
        let (wanted, own) = (network.escape_debug(), &node.scene.network);
        return Err(invalid(format!(
            "a module can't claim anything of the network `{wanted}`: this attachment is one of `{own}`"
        )));
    }
    let granted = node.grants.stores();
    let directory = match directory.map(Path::new) {
        None => granted.first().ok_or_else(|| not_granted("claim anything", "\"store\": [\"…\"]"))?.clone(),
        Some(wanted) => granted.iter().find(|path| path.as_path() == wanted).cloned().ok_or_else(|| {
            let wanted = wanted.display();
            not_granted(&format!("claim anything in {wanted}"), &format!("\"store\": [\"{wanted}\"]"))
        })?,
    };
    let locked = open(&directory, network, node.scene.deadline)?;
    Ok(node.claims.add(Transaction { directory, network: network.to_owned(), locked }))
}

/// `owned`.
pub(super) fn owned(node: &ComponentNode, id: TransactionId) -> Answer<Vec<String>> {
    let holder = holder(&node.scene)?;
    node.claims.get(id)?.locked.claimed_by(&holder).map_err(|error| lease(&error))
}

/// `claim`. One that an earlier sandbox of the same pod has is remembered: if this ADD fails, that is taken back.
pub(super) fn claim(node: &mut ComponentNode, id: TransactionId, key: &str) -> Answer<bool> {
    let holder = holder(&node.scene)?;
    let transaction = node.claims.get_mut(id)?;
    let mut held = node.hands.take();
    // What is taken is nobody's to claim, and no effect.
    if transaction.locked.is_claimed(key).map_err(|error| lease(&error))? {
        let other = transaction.locked.holder(key).map_err(|error| lease(&error))?;
        let earlier = other.and_then(|other| predecessor::of(&node.scene, other.container_id()));
        // The next key may be a stranger's, or another network's.
        held.in_the_way = held.in_the_way.take().or(earlier);
        return Ok(false);
    }
    let effect = Effect::Claim {
        directory: transaction.directory.display().to_string(),
        network: transaction.network.clone(),
        key: key.to_owned(),
    };
    let locked = &mut transaction.locked;
    let ledger = held.ledger().map_err(refusal::of_error)?;
    let claimed = ledger.perform_lasting(node.part, effect, || locked.claim(key, &holder));
    claimed.map_err(|error| refusal::not_done(error, |error| lease(&error)))
}

/// `reclaim`: only claims whose records tell of another boot, for nothing else proves that a pod is gone.
pub(super) fn reclaim(node: &mut ComponentNode, id: TransactionId) -> Answer<u32> {
    let dead = predecessor::of_another_boot(&node.scene);
    let locked = &mut node.claims.get_mut(id)?.locked;
    let alive = |holder: &Holder| !dead.iter().any(|id| id == holder.container_id());
    let reclaimed = locked.reclaim(alive).map_err(|error| lease(&error))?;
    Ok(u32::try_from(reclaimed.len()).unwrap_or(u32::MAX))
}

/// `set-note`.
pub(super) fn set_note(node: &mut ComponentNode, id: TransactionId, name: &str, value: &str) -> Answer<()> {
    let transaction = node.claims.get_mut(id)?;
    let effect = Effect::Note {
        directory: transaction.directory.display().to_string(),
        network: transaction.network.clone(),
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let locked = &mut transaction.locked;
    let mut held = node.hands.take();
    let ledger = held.ledger().map_err(refusal::of_error)?;
    let noted = ledger.perform(node.part, effect, || locked.set_note(name, value));
    noted.map_err(|error| refusal::not_done(error, |error| lease(&error)))
}

/// Gives a recorded claim back; one that is gone, or somebody else's by now, is left alone. One of another boot may have
/// lost its content, and is known by the record then.
///
/// # Errors
/// Words for the record: it could not be given back.
pub(crate) fn give_back(
    (directory, network, key): (&str, &str, &str),
    (container_id, interface): (&str, &str),
    other_boot: bool,
    deadline: Instant,
) -> Result<(), LeaseError> {
    let Some(folder) = Folder::find(Path::new(directory), network)? else { return Ok(()) };
    let holder = Holder::new(container_id, interface)?;
    let mut locked = folder.lock(deadline)?;
    let released =
        if other_boot { locked.release_of_earlier_boot(key, &holder) } else { locked.release(key, &holder) };
    released.map(drop)
}

/// Whether an attachment has a recorded claim still.
///
/// # Errors
/// The folder can't be read, or somebody works on it for too long.
pub(super) fn is_held(
    (directory, network, key): (&str, &str, &str),
    (container_id, interface): (&str, &str),
    deadline: Instant,
) -> Result<bool, LeaseError> {
    let Some(folder) = Folder::find(Path::new(directory), network)? else { return Ok(false) };
    let holder = Holder::new(container_id, interface)?;
    let found = folder.lock(deadline)?.holder(key)?;
    Ok(found.is_some_and(|found| found.is(&holder)))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::{Duration, Instant};

    use multus_leases::Folder;
    use multus_wasm::node::Node;
    use serde_json::json;

    use crate::component::node::ComponentNode;
    use crate::component::shared::Scene;
    use crate::component::stage::{Module, Pod, Stage};

    fn module_of(stage: &Stage, pod: &Pod) -> ComponentNode {
        let grants = json!({ "store": [stage.path("claims")] });
        let module = Module { interface: "eth0", grants, before: &[], told: &[] };
        stage.begin(pod, stage.node.open(pod.sandbox), &[module]).pop().unwrap()
    }

    fn scene_of(node: &mut ComponentNode) -> &mut Scene {
        Rc::get_mut(&mut node.scene).unwrap()
    }

    fn claim(node: &mut ComponentNode, key: &str) -> bool {
        let transaction = node.begin(None, "red").unwrap();
        let claimed = node.claim(transaction, key).unwrap();
        node.end(transaction);
        claimed
    }

    /// The ADD is tried again without it, whatever else was asked for meanwhile.
    #[test]
    fn an_earlier_sandbox_stays_known_when_a_stranger_has_the_next_key() {
        let stage = Stage::new();
        let earlier = Pod { uid: Some("uid"), ..stage.pod("earlier") };
        let stranger = Pod { uid: Some("another"), ..stage.pod("stranger") };
        let later = Pod { uid: Some("uid"), ..stage.pod("later") };
        assert!(claim(&mut module_of(&stage, &earlier), "10.1.0.5"));
        assert!(claim(&mut module_of(&stage, &stranger), "10.1.0.6"));
        let mut node = module_of(&stage, &later);
        assert!(!claim(&mut node, "10.1.0.6"));
        assert_eq!(node.hands.take().in_the_way, None, "a stranger's is not ours to take back");
        for key in ["10.1.0.5", "10.1.0.6"] {
            assert!(!claim(&mut node, key));
            let found = node.hands.take().in_the_way.clone();
            assert_eq!(found.map(|found| found.container_id).as_deref(), Some("earlier"), "after {key}");
        }
    }

    /// Somebody else works on the network's claims, and does not end.
    #[test]
    fn a_folder_that_somebody_keeps_locked_is_waited_for_until_the_calls_deadline() {
        let stage = Stage::new();
        let pod = Pod { uid: Some("uid"), ..stage.pod("pod") };
        let mut node = module_of(&stage, &pod);
        let far = scene_of(&mut node).deadline;
        let folder = Folder::open(&stage.path("claims"), "red").unwrap();
        let kept = folder.lock(far).unwrap();
        let wait = Duration::from_millis(200);
        scene_of(&mut node).deadline = Instant::now() + wait;
        let began = Instant::now();
        let failure = node.begin(None, "red").unwrap_err();
        assert_eq!(failure.code, 11, "to be tried again: {failure:?}");
        assert!(failure.message.contains("was not free within"), "{failure:?}");
        assert!(began.elapsed() >= wait, "{:?}", began.elapsed());
        scene_of(&mut node).deadline = far;
        drop(kept);
        assert!(claim(&mut node, "10.1.0.5"));
    }

    /// An ADD of a sandbox that was given up may come late: it does not take back the one that runs.
    #[test]
    fn a_newer_sandbox_is_not_in_the_way_of_a_late_one() {
        let stage = Stage::new();
        let newer = Pod { uid: Some("uid"), ..stage.pod("newer") };
        let late = Pod { uid: Some("uid"), ..stage.pod("late") };
        let mut node = module_of(&stage, &late);
        scene_of(&mut node).began -= 1000;
        assert!(claim(&mut module_of(&stage, &newer), "10.1.0.5"));
        assert!(!claim(&mut node, "10.1.0.5"));
        assert_eq!(node.hands.take().in_the_way, None, "it began later");
        scene_of(&mut node).began += 2000;
        assert!(!claim(&mut node, "10.1.0.5"));
        assert!(node.hands.take().in_the_way.is_some(), "it began before");
    }
}
