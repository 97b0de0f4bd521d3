//! Why a pod's devices could not be found out.

use std::path::PathBuf;

use super::pod_resources::CallError;
use crate::source::SourceError;

/// Why a pod's devices could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The kubelet's socket is there, its answer is not.
    #[error("the kubelet was asked for the pod's devices at {}: {why}", socket.display())]
    PodResources {
        /// The socket.
        socket: PathBuf,
        /// What went wrong.
        why: CallError,
    },
    /// The kubelet's checkpoint can't be used.
    #[error("the kubelet's checkpoint {}: {why}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no kubelet to ask.
    #[error(
        "nobody listens at the kubelet's pod-resources socket {}, and there is no checkpoint {}; where the kubelet has another folder, name both under `devices` in the multus conf",
        socket.display(), checkpoint.display()
    )]
    NoKubelet {
        /// The socket that was tried.
        socket: PathBuf,
        /// The file that was tried.
        checkpoint: PathBuf,
    },
    /// A ResourceClaim can't be used.
    #[error("ResourceClaim {claim}: {why}")]
    Claim {
        /// `namespace/name`.
        claim: String,
        /// What is wrong with it.
        why: String,
    },
    /// The API server could not be asked for claims or slices.
    #[error(transparent)]
    Source(#[from] SourceError),
}
