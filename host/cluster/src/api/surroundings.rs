//! What a client finds on its node. Tests put their own in its place.

use std::ffi::OsString;
use std::path::PathBuf;

use rustls_native_certs::{CertificateResult, load_native_certs};

use super::resolver::NameFiles;

/// Looks up an environment variable.
type Environment = Box<dyn Fn(&str) -> Option<OsString>>;

/// Reads certificates.
type Certificates = Box<dyn Fn() -> CertificateResult>;

/// Environment and files that are not named by the conf.
pub(super) struct Surroundings {
    /// The environment variables.
    pub(super) environment: Environment,
    /// Where Kubernetes mounts a pod's token and `ca.crt`.
    pub(super) service_account: PathBuf,
    /// What host names mean.
    pub(super) names: NameFiles,
    /// The node's own store of certificates that it believes.
    pub(super) certificates: Certificates,
}

impl Surroundings {
    /// Those of a process on a node, or in a pod.
    pub(super) fn of_this_process() -> Self {
        Self {
            environment: Box::new(|name| std::env::var_os(name)),
            service_account: "/var/run/secrets/kubernetes.io/serviceaccount".into(),
            names: NameFiles::default(),
            certificates: Box::new(load_native_certs),
        }
    }

    /// The node's name for events: `NODE_NAME` where a manifest sets it, else the host's name, which is
    /// the node's unless the kubelet was told another one.
    pub(super) fn node(&self) -> String {
        match (self.environment)("NODE_NAME").and_then(|name| name.into_string().ok()) {
            Some(name) if !name.is_empty() => name,
            _ => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        }
    }
}
