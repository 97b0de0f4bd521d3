//! What a pod asked for: pods, network definitions, selections and network-status, and where they
//! come from.
//!
//! A [`Source`] gives pods and definitions: [`ApiServer`] asks a cluster, [`ManifestDirectory`] reads
//! a folder of YAML and JSON files instead. [`parse_selections`] reads the annotation
//! that names a pod's networks, [`validate`] tells an author everything that is wrong with a
//! manifest. Row numbers (NP-…) are those of the Network Plumbing Working Group's multi-network
//! specification 1.3, as the conformance table counts them.

mod api;
pub mod devices;
mod directory;
mod fields;
mod manifest;
mod name;
mod network_2018;
mod object;
mod selection;
mod source;
mod status;
pub mod validate;

pub use api::{AccessError, ApiAccess, ApiError, ApiServer, Refusal};
pub use directory::{ManifestDirectory, status_path};
pub use name::{is_label as is_namespace, is_subdomain as is_object_name};
pub use network_2018::parse_annotation_2018;
pub use object::{Event, Network2018, NetworkDefinition, NetworkRef, Pod, PodRef};
pub use selection::{
    Bandwidth, PortMapping, Protocol, Selection, parse_selections, parse_selections_as_upstream,
};
pub use source::{NotFound, Source, SourceError};
pub use status::{Attached, NetworkStatus};

/// The pod annotation that selects networks (NP-09).
pub const NETWORKS_ANNOTATION: &str = "k8s.v1.cni.cncf.io/networks";
/// The pod annotation that replaces the default network; exactly one element.
pub const DEFAULT_NETWORK_ANNOTATION: &str = "v1.multus-cni.io/default-network";
/// The 2018 README's pod annotation, which names objects of kind Network.
pub const NETWORKS_2018_ANNOTATION: &str = "networks";
/// The pod annotation that tells what was attached (NP-27).
pub const NETWORK_STATUS_ANNOTATION: &str = "k8s.v1.cni.cncf.io/network-status";
/// The annotation of a network definition that names the device resource it consumes.
pub const RESOURCE_NAME_ANNOTATION: &str = "k8s.v1.cni.cncf.io/resourceName";
/// Where the kubelet got a pod from; anything but `api` is a static pod.
pub const CONFIG_SOURCE_ANNOTATION: &str = "kubernetes.io/config.source";
/// What the kubelet puts on the API server's image of a static pod.
pub const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
