//! Sandboxes of pods: run, seen, stopped, removed.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::Containerd;
use super::messages::{
    Empty, ListPodSandboxResponse, PodSandboxConfig, PodSandboxMetadata, PodSandboxStatusRequest,
    PodSandboxStatusResponse, RunPodSandboxRequest, SandboxId,
};

/// What the kubelet says of a pod.
#[derive(Debug, Clone)]
pub struct Sandbox {
    namespace: String,
    name: String,
    uid: String,
}

impl Sandbox {
    /// The sandbox of a pod, with the uid of [`crate::pod_object`].
    pub fn of(namespace: &str, name: &str) -> Sandbox {
        let uid = format!("uid-of-{name}");
        Sandbox { namespace: namespace.to_owned(), name: name.to_owned(), uid }
    }

    fn config(&self, attempt: u32) -> PodSandboxConfig {
        let metadata = PodSandboxMetadata {
            name: self.name.clone(),
            uid: self.uid.clone(),
            namespace: self.namespace.clone(),
            attempt,
        };
        PodSandboxConfig { metadata: Some(metadata), hostname: self.name.clone(), linux: Some(Empty {}) }
    }
}

/// What the runtime says of a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxStatus {
    /// Does its process run?
    pub ready: bool,
    /// The pod's addresses, the first of them its `podIP`.
    pub ips: Vec<String>,
    /// Its network namespace.
    pub netns: PathBuf,
}

/// Pods.
impl Containerd {
    /// Runs a pod's sandbox, ADD included; its id, which is the container id of CNI.
    ///
    /// # Errors
    /// What the runtime says.
    pub fn run(&self, sandbox: &Sandbox) -> Result<String, String> {
        // As the kubelet counts them: the name of an attempt that failed may stay taken.
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        let request = RunPodSandboxRequest { config: Some(sandbox.config(attempt)) };
        self.client.runtime("RunPodSandbox", request).map(|answer: SandboxId| answer.pod_sandbox_id)
    }

    /// What it is like.
    ///
    /// # Panics
    /// If there is none, or the runtime tells less than containerd does.
    pub fn status(&self, id: &str) -> SandboxStatus {
        let request = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: true };
        let answer: PodSandboxStatusResponse =
            self.client.runtime("PodSandboxStatus", request).unwrap_or_else(|error| panic!("{id}: {error}"));
        let status = answer.status.unwrap_or_default();
        let network = status.network.unwrap_or_default();
        let more = network.additional_ips.into_iter().map(|additional| additional.ip);
        let ips = std::iter::once(network.ip).chain(more).filter(|ip| !ip.is_empty()).collect();
        let info: Value =
            serde_json::from_str(&answer.info["info"]).expect("containerd's own words are JSON");
        let namespaces = info["runtimeSpec"]["linux"]["namespaces"].as_array().expect("a sandbox has some");
        let network = namespaces.iter().find(|namespace| namespace["type"] == "network");
        let netns = network.and_then(|namespace| namespace["path"].as_str()).expect("one for the network");
        SandboxStatus { ready: status.state == 0, ips, netns: netns.into() }
    }

    /// Ends its processes and takes its networks away (DEL).
    ///
    /// # Errors
    /// What the runtime says.
    pub fn stop(&self, id: &str) -> Result<(), String> {
        self.client.runtime("StopPodSandbox", SandboxId { pod_sandbox_id: id.to_owned() }).map(|Empty {}| ())
    }

    /// Forgets it.
    ///
    /// # Errors
    /// What the runtime says.
    pub fn remove(&self, id: &str) -> Result<(), String> {
        self.client
            .runtime("RemovePodSandbox", SandboxId { pod_sandbox_id: id.to_owned() })
            .map(|Empty {}| ())
    }

    /// The ids of all sandboxes, running or not.
    ///
    /// # Panics
    /// If the runtime does not tell.
    pub fn sandboxes(&self) -> Vec<String> {
        let answer = self.client.runtime::<_, ListPodSandboxResponse>("ListPodSandbox", Empty {});
        answer.unwrap_or_else(|error| panic!("{error}")).items.into_iter().map(|sandbox| sandbox.id).collect()
    }
}
