//! What many stories begin with: a recording delegate as a network, a pod's objects, the node without its shelves.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Dump, Node, Pod, RECORDING};

/// Folders that are made once and stay: below `cniDir`, `/run/multus` and the manifests.
const SHELVES: [&str; 9] = [
    "folder state/cni (",
    "folder state/cni/attachments (",
    "folder state/cni/leftover (",
    "folder state/cni/quarantine (",
    "folder state/cni/results (",
    "folder /run/multus",
    "file /run/multus/global.lock",
    "file /run/multus/allowed-",
    "folder state/manifests/network-status",
];

impl Node {
    /// A network of version 1.1.0 with one plugin, the recording delegate under the name `kind`.
    ///
    /// # Panics
    /// If the delegate can't be put there.
    pub fn network(&self, name: &str, kind: &str) -> Value {
        let mut conf = self.plugin(kind);
        conf["cniVersion"] = json!("1.1.0");
        conf["name"] = json!(name);
        conf
    }

    /// One plugin of a list: the recording delegate under the name `kind`.
    ///
    /// # Panics
    /// If the delegate can't be put there.
    pub fn plugin(&self, kind: &str) -> Value {
        if self.bin_dir().join(kind).symlink_metadata().is_err() {
            self.install(kind, RECORDING);
        }
        json!({ "type": kind, "recording": self.recording() })
    }

    /// Writes the cluster's objects to a folder and returns it, for the conf's `manifests`.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn manifests(&self, objects: &[Value]) -> PathBuf {
        let folder = self.path("manifests");
        fs::create_dir_all(&folder).expect("a folder for the manifests");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        fs::write(folder.join("objects.json"), list.to_string()).expect("a manifest");
        folder
    }

    /// The record of a pod's ADD.
    pub fn record(&self, pod: &Pod) -> PathBuf {
        self.cni_dir().join("attachments").join(format!("{}@{}", pod.container_id, pod.ifname))
    }

    /// What delegates were called for, in order: `ADD alpha eth0`.
    pub fn briefs(&self) -> Vec<String> {
        self.recorded().iter().map(crate::Recorded::brief).collect()
    }

    /// The dump without the empty shelves on which later calls put their records.
    ///
    /// # Panics
    /// As [`Node::dump`].
    pub fn state(&self) -> Dump {
        self.dump().without(|line| SHELVES.iter().any(|shelf| line.starts_with(shelf)))
    }
}

/// A Pod; `networks` is its annotation, empty for none.
pub fn pod_object(namespace: &str, name: &str, networks: &str) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "uid": format!("uid-of-{name}") },
        "spec": { "containers": [] },
    });
    if !networks.is_empty() {
        pod["metadata"]["annotations"] = json!({ "k8s.v1.cni.cncf.io/networks": networks });
    }
    pod
}

/// A NetworkAttachmentDefinition.
pub fn network_object(namespace: &str, name: &str, config: &Value) -> Value {
    json!({
        "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "config": config.to_string() },
    })
}

/// A line as records have it: the checksum of the JSON, the JSON.
pub fn record_line(entry: &Value) -> String {
    let json = entry.to_string();
    format!("{:08x} {json}\n", crc32(json.as_bytes()))
}

/// CRC-32 as in zip and Ethernet, bit by bit: the journal's own would agree with itself.
fn crc32(bytes: &[u8]) -> u32 {
    let shifted = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), shifted))
}

/// Waits until a file is there: somebody has come this far.
///
/// # Panics
/// After 30 seconds.
pub fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "{} did not appear", path.display());
        sleep(Duration::from_millis(1));
    }
}
