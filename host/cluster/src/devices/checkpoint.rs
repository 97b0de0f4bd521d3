//! The kubelet's checkpoint: which pod has which devices, as a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::Deserialize;

use super::{Demand, Device, DeviceError};
use crate::object::PodRef;

/// A node with hundreds of pods writes some hundred KiB.
const MAX_BYTES: u64 = 16 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Checkpoint {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    pod_device_entries: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "PodUID")]
    pod_uid: String,
    #[serde(rename = "ContainerName")]
    container: String,
    #[serde(rename = "ResourceName")]
    resource: String,
    #[serde(rename = "DeviceIDs")]
    devices: Option<Ids>,
}

/// Kubernetes before 1.20 wrote a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    List(Vec<String>),
    PerNumaNode(BTreeMap<String, Vec<String>>),
}

impl Ids {
    /// Devices of the NUMA nodes in their order; -1 stands for none.
    fn in_order(self) -> Vec<String> {
        match self {
            Self::List(list) => list,
            Self::PerNumaNode(nodes) => {
                let mut nodes: Vec<_> = nodes.into_iter().collect();
                nodes.sort_by_key(|(node, _)| node.parse::<i64>().unwrap_or(i64::MAX));
                nodes.into_iter().flat_map(|(_, ids)| ids).collect()
            }
        }
    }
}

/// The devices of a pod, found by its UID; `None` if there is no such file.
///
/// # Errors
/// A file that can't be read or is something else; a pod whose UID nobody told.
pub(super) fn read(path: &Path, pod: &PodRef, demand: &Demand) -> Result<Option<Vec<Device>>, DeviceError> {
    let failed = |why: String| DeviceError::Checkpoint { path: path.to_owned(), why };
    let mut text = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(format!("{error}; check who may read it"))),
    }
    let Some(uid) = pod.uid.as_deref().filter(|uid| !uid.is_empty()) else {
        let why = "it knows pods by UID, and neither K8S_POD_UID nor the pod's object tells this one's";
        return Err(failed(why.to_owned()));
    };
    devices(&text, uid, &demand.containers).map(Some).map_err(failed)
}

/// Entries stand in no order of their own, so those of a pod are put in the order of its containers. A
/// container that is not among them runs once, and its devices are others' by now.
fn devices(text: &[u8], uid: &str, containers: &[String]) -> Result<Vec<Device>, String> {
    let checkpoint: Checkpoint =
        serde_json::from_slice(text).map_err(|error| format!("not what a kubelet writes: {error}"))?;
    let entries = checkpoint.data.pod_device_entries.unwrap_or_default().into_iter();
    let place = |entry: &Entry| containers.iter().position(|name| *name == entry.container);
    let mut entries: Vec<Entry> = entries
        .filter(|entry| entry.pod_uid == uid && (containers.is_empty() || place(entry).is_some()))
        .collect();
    entries.sort_by_key(place);
    let devices = entries.into_iter().flat_map(|Entry { resource, devices, .. }| {
        let ids = devices.map(Ids::in_order).unwrap_or_default();
        ids.into_iter().map(move |id| Device { resource: resource.clone(), id })
    });
    Ok(devices.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const UID: &str = "970a395d-bb3b-11e8-89df-408d5c537d23";

    fn entry(uid: &str, container: &str, resource: &str, ids: &Value) -> Value {
        json!({"PodUID": uid, "ContainerName": container, "ResourceName": resource, "DeviceIDs": ids,
               "AllocResp": "CikKC3NyaW92X25ldF9BEhogMDAwMDowMzowMi4zIDAwMDA6MDM6MDIuMA=="})
    }

    fn checkpoint(entries: &[Value]) -> String {
        json!({"Data": {"PodDeviceEntries": entries, "RegisteredDevices": {"a/x": ["0", "1", "2", "3"]}},
               "Checksum": 229_855_270})
        .to_string()
    }

    fn read_text(text: &str, containers: &[&str]) -> Result<Vec<String>, String> {
        let containers: Vec<String> = containers.iter().map(|&name| name.to_owned()).collect();
        let found = devices(text.as_bytes(), UID, &containers)?;
        Ok(found.into_iter().map(|device| format!("{}={}", device.resource, device.id)).collect())
    }

    #[test]
    fn both_forms_of_device_ids_are_read() {
        let rows = [
            (json!(["0000:03:02.3", "0000:03:02.0"]), vec!["a/x=0000:03:02.3", "a/x=0000:03:02.0"]),
            (json!({"-1": ["0000:03:02.3", "0000:03:02.0"]}), vec!["a/x=0000:03:02.3", "a/x=0000:03:02.0"]),
            (json!({"10": ["k"], "-1": ["a"], "2": ["c", "b"]}), vec!["a/x=a", "a/x=c", "a/x=b", "a/x=k"]),
            (json!({"0": ["a"], "1": ["a"]}), vec!["a/x=a", "a/x=a"]),
            (json!([]), vec![]),
            (json!({}), vec![]),
            (json!(null), vec![]),
        ];
        for (ids, expected) in rows {
            let text = checkpoint(&[entry(UID, "app", "a/x", &ids)]);
            assert_eq!(read_text(&text, &["app"]).unwrap(), expected, "{ids}");
        }
    }

    #[test]
    fn only_this_pods_devices_count_in_the_order_of_its_containers() {
        let text = checkpoint(&[
            entry(UID, "second", "a/x", &json!(["2"])),
            entry("another", "first", "a/x", &json!(["9"])),
            entry(UID, "migrate", "a/x", &json!(["1"])),
            entry(UID, "first", "b/y", &json!(["7"])),
            entry(UID, "first", "a/x", &json!(["1"])),
        ]);
        assert_eq!(read_text(&text, &["first", "second"]).unwrap(), ["b/y=7", "a/x=1", "a/x=2"]);
        let unordered = ["a/x=2", "a/x=1", "b/y=7", "a/x=1"];
        assert_eq!(read_text(&text, &[]).unwrap(), unordered, "a pod whose containers nobody told");
    }

    #[test]
    fn what_no_kubelet_writes_is_an_error() {
        let rows = [
            "",
            "BAD",
            "[]",
            r#"{"Data": []}"#,
            r#"{"Data": {"PodDeviceEntries": {}}}"#,
            &checkpoint(&[json!({"PodUID": UID})]),
            &checkpoint(&[entry(UID, "app", "a/x", &json!("0000:03:02.3"))]),
            &checkpoint(&[entry(UID, "app", "a/x", &json!([7]))]),
        ];
        for text in rows {
            let error = read_text(text, &["app"]).unwrap_err();
            assert!(error.contains("not what a kubelet writes"), "{text}: {error}");
        }
        assert_eq!(
            read_text(r#"{"Data": {"PodDeviceEntries": null}}"#, &[]).unwrap(),
            [""; 0],
            "no devices at all"
        );
    }

    #[test]
    fn the_file_is_found_by_uid_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubelet_internal_checkpoint");
        let pod = |uid: Option<&str>| PodRef {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            uid: uid.map(str::to_owned),
        };
        let demand = Demand::default();
        assert_eq!(read(&path, &pod(Some(UID)), &demand).unwrap(), None, "there is no file");
        std::fs::write(&path, checkpoint(&[entry(UID, "app", "a/x", &json!(["1"]))])).unwrap();
        assert_eq!(read(&path, &pod(Some(UID)), &demand).unwrap().unwrap().len(), 1);
        assert_eq!(read(&path, &pod(Some("other")), &demand).unwrap().unwrap(), []);
        for uid in [None, Some("")] {
            let error = read(&path, &pod(uid), &demand).unwrap_err().to_string();
            assert!(
                error.contains("K8S_POD_UID") && error.contains("kubelet_internal_checkpoint"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(nodes in proptest::collection::btree_map(-1_i64..8, proptest::collection::vec("[0-9a-f:.]{1,8}", 0..4), 0..4)) {
            let ids: serde_json::Map<String, Value> =
                nodes.iter().map(|(node, ids)| (node.to_string(), json!(ids))).collect();
            let found = read_text(&checkpoint(&[entry(UID, "app", "r", &Value::Object(ids))]), &["app"]).unwrap();
            let expected: Vec<String> = nodes.values().flatten().map(|id| format!("r={id}")).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_text_is_an_answer_or_an_error(text in any::<Vec<u8>>()) {
            let _ = devices(&text, UID, &[]);
        }
    }
}
