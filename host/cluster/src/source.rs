//! Where pods and network definitions come from.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use multus_document::SyntaxError;

use crate::api::{AccessError, ApiError};
use crate::devices::Claims;
use crate::object::{Event, Network2018, NetworkDefinition, NetworkRef, Pod, PodRef};

/// Gives pods and network definitions, and takes their status. Synchronous, and shaped so that a
/// call for one pod costs as few round trips as possible.
pub trait Source {
    /// Where the objects are, for people: a folder, or an API server's address.
    fn place(&self) -> String;

    /// A pod, or `None` if the source does not know it.
    ///
    /// # Errors
    /// The source could not be asked, or what it holds is not fit to be used.
    fn pod(&self, namespace: &str, name: &str) -> Result<Option<Pod>, SourceError>;

    /// All the definitions that a pod asked for, in the order asked, each found or not.
    ///
    /// # Errors
    /// The source could not be asked, or what it holds is not fit to be used.
    fn networks(
        &self,
        wanted: &[NetworkRef],
    ) -> Result<Vec<Result<NetworkDefinition, NotFound>>, SourceError>;

    /// The 2018 README's objects of kind Network, in the order asked, each found or not.
    ///
    /// # Errors
    /// The source could not be asked, or what it holds is not fit to be used.
    fn networks_2018(&self, wanted: &[NetworkRef])
    -> Result<Vec<Result<Network2018, NotFound>>, SourceError>;

    /// The labels of a namespace, `kubernetes.io/metadata.name` included. Only policies need them, so
    /// a source that pays a round trip for them is asked only if there are any.
    ///
    /// # Errors
    /// The source could not be asked.
    fn namespace_labels(&self, namespace: &str) -> Result<BTreeMap<String, String>, SourceError>;

    /// Where the pod's ResourceClaims can be asked for; `None` where there are none.
    fn device_claims(&self) -> Option<&dyn Claims> {
        None
    }

    /// Tells the people who look at a pod what happened to it. Comes back at once; what can't be told
    /// is lost, since no pod must wait for it or fail of it.
    fn announce(&self, pod: &PodRef, event: Event);

    /// Waits, at most so long, until everything announced was delivered. Returns what was not, one
    /// sentence each: it is lost, and worth a line in the log.
    fn settle(&self, patience: Duration) -> Vec<String>;

    /// Writes a pod's network-status (a JSON list, NP-27), or removes it. A removal never touches
    /// the status of a newer pod of the same name; where there is nothing to remove it succeeds.
    ///
    /// # Errors
    /// The status could not be written, or belongs to a pod with another UID.
    fn set_network_status(&self, pod: &PodRef, status: Option<&str>) -> Result<(), SourceError>;
}

/// A network definition that the source does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("network {reference} is not defined in {place}{}", among(.known))]
pub struct NotFound {
    /// What was asked for.
    pub reference: NetworkRef,
    /// Where it was looked for, for people.
    pub place: String,
    /// The definitions that this namespace does have, where the source knows them without asking
    /// once more.
    pub known: Option<Vec<String>>,
}

fn among(known: &Option<Vec<String>>) -> String {
    match known.as_deref() {
        None => "; create it, or correct the name".to_owned(),
        Some([]) => "; that namespace has no definitions at all".to_owned(),
        Some(known) => format!("; that namespace has: {}", known.join(", ")),
    }
}

/// Why a source could not answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A folder or file could not be read.
    #[error("can't read manifests at {}: {error}; check that it exists and who may read it", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Something with a manifest's name that is not a file: skipping it could lose a network.
    #[error("{} is named like a manifest but is not a file; remove or rename it", path.display())]
    NotAFile {
        /// What it is called.
        path: PathBuf,
    },
    /// More than is read while a pod waits.
    #[error("{} holds {what}, the limit is {limit}; keep only manifests of pods and networks there", path.display())]
    TooMuch {
        /// The folder or file.
        path: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// As much as is read.
        limit: usize,
    },
    /// A file is not YAML or JSON.
    #[error("manifest {}: {error}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where the reader stopped, and why.
        error: SyntaxError,
    },
    /// A file holds objects that are not what their kind says.
    #[error("manifest {}: {}", path.display(), .problems.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Every problem, each with its place in the file.
        problems: Vec<String>,
    },
    /// Two objects of the same name: which one counts is nobody's guess.
    #[error("{kind} {name} is defined twice, in {} and in {}; remove one", first.display(), second.display())]
    Duplicate {
        /// The object's kind.
        kind: &'static str,
        /// The object's name, with its namespace if it has one.
        name: String,
        /// The file that was read first.
        first: PathBuf,
        /// The file with the repetition; the same one if it holds both.
        second: PathBuf,
    },
    /// A pod's name that Kubernetes would not have accepted, and that could leave the folder.
    #[error(
        "{namespace:?}/{name:?} can't be a pod: K8S_POD_NAMESPACE and K8S_POD_NAME must be DNS-1123 names"
    )]
    PodName {
        /// The namespace that was given.
        namespace: String,
        /// The name that was given.
        name: String,
    },
    /// The pod was replaced by another one of the same name.
    #[error("the pod {pod} with UID {} was replaced by {}: its network-status is not ours to write", pod.uid.as_deref().unwrap_or_default(), successor(.found))]
    Replaced {
        /// The pod of this call.
        pod: PodRef,
        /// The UID that this name has now, if the source told it.
        found: Option<String>,
    },
    /// What is needed to ask an API server is missing or wrong; nothing was asked.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The API server could not be asked, or refused.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The status file could not be written or removed.
    #[error("can't {what} the network-status {}: {error}", path.display())]
    Status {
        /// What was tried.
        what: &'static str,
        /// The status file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn successor(found: &Option<String>) -> String {
    found.as_ref().map_or("another one".to_owned(), |uid| format!("one with UID {uid}"))
}
