//! An earlier sandbox of the same pod, whose claims stand in the way (design 4, "A new sandbox of the same pod").

use multus_journal::{CallKey, Record};

use super::shared::Scene;

/// The call of a container, if that is another sandbox of this call's pod: the kubelet makes a new one only when it
/// has given up the old one. A call that began after this one is no earlier sandbox's: this one is late, and its sandbox
/// is the one that was given up.
pub(super) fn of(scene: &Scene, container_id: &str) -> Option<CallKey> {
    let uid = scene.pod_uid.as_ref().filter(|_| container_id != scene.container_id)?;
    let same_pod = |record: &Record| {
        let earlier = record.call.as_ref().filter(|call| call.started <= scene.began);
        let pod = earlier.and_then(|call| call.pod.as_ref());
        pod.and_then(|pod| pod.uid.as_ref()) == Some(uid)
    };
    scene.store.records_of(container_id).records.into_iter().find(same_pod).map(|record| record.key)
}

/// The containers whose every record is of another boot: no sandbox of theirs can be alive.
pub(super) fn of_another_boot(scene: &Scene) -> Vec<String> {
    let other = |record: &Record| record.call.as_ref().is_some_and(|call| call.boot != scene.boot);
    let records = scene.store.records().records.into_iter().chain(scene.store.leftovers().records);
    let (dead, alive): (Vec<Record>, Vec<Record>) = records.partition(other);
    let mut ids: Vec<String> = dead.into_iter().map(|record| record.key.container_id).collect();
    ids.retain(|id| !alive.iter().any(|record| record.key.container_id == *id));
    ids.sort();
    ids.dedup();
    ids
}
