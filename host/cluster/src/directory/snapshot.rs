//! The objects of a folder of manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use multus_document::Problem;

use super::files;
use crate::manifest::{self, Kind, Manifest};
use crate::object::{Network2018, NetworkDefinition, NetworkRef, Pod};
use crate::source::{NotFound, SourceError};

/// What the folder held when it was read.
#[derive(Default)]
pub(super) struct Snapshot {
    pods: BTreeMap<(String, String), Pod>,
    networks: BTreeMap<NetworkRef, NetworkDefinition>,
    networks_2018: BTreeMap<NetworkRef, Network2018>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    origins: BTreeMap<(Kind, String), PathBuf>,
}

impl Snapshot {
    /// Reads the whole folder.
    pub(super) fn read(directory: &Path) -> Result<Self, SourceError> {
        let mut snapshot = Self::default();
        for (path, documents) in files::read_all(directory)? {
            for document in documents {
                snapshot.add_document(&path, &document)?;
            }
        }
        Ok(snapshot)
    }

    /// A pod, with the labels of its namespace.
    pub(super) fn pod(&self, namespace: &str, name: &str) -> Option<Pod> {
        let mut pod = self.pods.get(&(namespace.to_owned(), name.to_owned()))?.clone();
        pod.namespace_labels = self.namespace_labels(namespace);
        Some(pod)
    }

    /// A namespace's labels, be there a manifest of it or not.
    pub(super) fn namespace_labels(&self, namespace: &str) -> BTreeMap<String, String> {
        let mut labels = self.namespaces.get(namespace).cloned().unwrap_or_default();
        // API servers put this label on every namespace, and policies rely on it.
        labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
        labels
    }

    /// A network definition; the folder's path is for the message if there is none.
    pub(super) fn network(
        &self,
        reference: &NetworkRef,
        directory: &Path,
    ) -> Result<NetworkDefinition, NotFound> {
        find(&self.networks, reference, directory)
    }

    /// The same for a Network of 2018.
    pub(super) fn network_2018(
        &self,
        reference: &NetworkRef,
        directory: &Path,
    ) -> Result<Network2018, NotFound> {
        find(&self.networks_2018, reference, directory)
    }

    fn add_document(&mut self, path: &Path, document: &files::Document) -> Result<(), SourceError> {
        let mut problems = Vec::new();
        let objects = manifest::objects(document.value(), &mut problems);
        let manifests: Vec<Manifest> =
            objects.iter().filter_map(|found| manifest::read(found, &mut problems)).collect();
        if !problems.is_empty() {
            let describe = |problem: &Problem| document.describe(problem);
            let problems = problems.iter().map(describe).collect();
            return Err(SourceError::Invalid { path: path.to_owned(), problems });
        }
        manifests.into_iter().try_for_each(|manifest| self.add(path, manifest))
    }

    fn add(&mut self, path: &Path, manifest: Manifest) -> Result<(), SourceError> {
        match manifest {
            Manifest::Pod(pod) => {
                self.claim(Kind::Pod, format!("{}/{}", pod.namespace, pod.name), path)?;
                self.pods.insert((pod.namespace.clone(), pod.name.clone()), pod);
            }
            Manifest::Network(network) => {
                self.claim(Kind::Network, network.reference.to_string(), path)?;
                self.networks.insert(network.reference.clone(), network);
            }
            Manifest::Network2018(network) => {
                self.claim(Kind::Network2018, network.reference.to_string(), path)?;
                self.networks_2018.insert(network.reference.clone(), network);
            }
            Manifest::Namespace { name, labels } => {
                self.claim(Kind::Namespace, name.clone(), path)?;
                self.namespaces.insert(name, labels);
            }
        }
        Ok(())
    }

    /// Notes where an object stands; a second one of the same name is refused.
    fn claim(&mut self, kind: Kind, name: String, path: &Path) -> Result<(), SourceError> {
        let key = (kind, name);
        if let Some(first) = self.origins.get(&key) {
            let (first, second) = (first.clone(), path.to_owned());
            return Err(SourceError::Duplicate { kind: kind.as_str(), name: key.1, first, second });
        }
        self.origins.insert(key, path.to_owned());
        Ok(())
    }
}

fn find<T: Clone>(
    known: &BTreeMap<NetworkRef, T>,
    reference: &NetworkRef,
    directory: &Path,
) -> Result<T, NotFound> {
    known.get(reference).cloned().ok_or_else(|| NotFound {
        reference: reference.clone(),
        place: directory.display().to_string(),
        known: Some(names_in(known, &reference.namespace)),
    })
}

fn names_in<T>(known: &BTreeMap<NetworkRef, T>, namespace: &str) -> Vec<String> {
    known.keys().filter(|other| other.namespace == namespace).map(|other| other.name.clone()).collect()
}
