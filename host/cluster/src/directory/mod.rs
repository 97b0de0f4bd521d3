//! A folder of manifests instead of an API server: for nodes without one, demos and tests.

mod files;
mod snapshot;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use snapshot::Snapshot;
pub use status::status_path;

use crate::object::{Event, Network2018, NetworkDefinition, NetworkRef, Pod, PodRef};
use crate::source::{NotFound, Source, SourceError};

/// Pods, network definitions and namespaces from the `*.yaml`, `*.yml` and `*.json` files of a
/// folder. Subfolders and files whose name starts with a dot are not read, objects of other kinds
/// are left out; everything that is wrong with a file is an error, since skipping it could cost a
/// pod a network. The files are read at the first question, and only once.
pub struct ManifestDirectory {
    path: PathBuf,
    snapshot: OnceLock<Snapshot>,
}

impl ManifestDirectory {
    /// A source over the folder at `path`. No file is read yet.
    ///
    /// # Errors
    /// The path is not a folder.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, SourceError> {
        let path = path.into();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self { path, snapshot: OnceLock::new() }),
            Ok(_) => Err(SourceError::Unreadable { path, error: io::ErrorKind::NotADirectory.into() }),
            Err(error) => Err(SourceError::Unreadable { path, error }),
        }
    }

    fn snapshot(&self) -> Result<&Snapshot, SourceError> {
        if let Some(snapshot) = self.snapshot.get() {
            return Ok(snapshot);
        }
        let snapshot = Snapshot::read(&self.path)?;
        Ok(self.snapshot.get_or_init(|| snapshot))
    }

    /// The UID of the pod that has this name now, if it is another pod than the call's.
    fn successor(&self, pod: &PodRef) -> Result<Option<String>, SourceError> {
        let (Some(uid), Some(now)) = (&pod.uid, self.snapshot()?.pod(&pod.namespace, &pod.name)) else {
            return Ok(None);
        };
        let comparable = !now.static_pod && !now.uid.is_empty() && !uid.is_empty();
        Ok((comparable && *uid != now.uid).then_some(now.uid))
    }
}

impl Source for ManifestDirectory {
    fn place(&self) -> String {
        format!("the manifests in {}", self.path.display())
    }

    fn pod(&self, namespace: &str, name: &str) -> Result<Option<Pod>, SourceError> {
        Ok(self.snapshot()?.pod(namespace, name))
    }

    fn networks(
        &self,
        wanted: &[NetworkRef],
    ) -> Result<Vec<Result<NetworkDefinition, NotFound>>, SourceError> {
        let snapshot = self.snapshot()?;
        Ok(wanted.iter().map(|reference| snapshot.network(reference, &self.path)).collect())
    }

    fn networks_2018(
        &self,
        wanted: &[NetworkRef],
    ) -> Result<Vec<Result<Network2018, NotFound>>, SourceError> {
        let snapshot = self.snapshot()?;
        Ok(wanted.iter().map(|reference| snapshot.network_2018(reference, &self.path)).collect())
    }

    fn namespace_labels(&self, namespace: &str) -> Result<BTreeMap<String, String>, SourceError> {
        Ok(self.snapshot()?.namespace_labels(namespace))
    }

    /// Nobody watches a folder for events; the call's own log says the same.
    fn announce(&self, _: &PodRef, _: Event) {}

    fn settle(&self, _: Duration) -> Vec<String> {
        Vec::new()
    }

    /// Writes `network-status/<namespace>/<pod>.json` below the folder, whole or not at all.
    fn set_network_status(&self, pod: &PodRef, status: Option<&str>) -> Result<(), SourceError> {
        let path = status_path(&self.path, &pod.namespace, &pod.name)?;
        let Some(status) = status else {
            // A broken manifest must not keep a pod from being taken down.
            return match self.successor(pod) {
                Ok(Some(_)) => Ok(()),
                Ok(None) | Err(_) => status::remove(&path),
            };
        };
        match self.successor(pod)? {
            Some(found) => Err(SourceError::Replaced { pod: pod.clone(), found: Some(found) }),
            None => status::write(&path, status),
        }
    }
}

#[cfg(test)]
mod tests;
