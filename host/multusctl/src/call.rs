//! One call of the plugin, as a container runtime would make it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, anyhow};
use clap::Args;
use multus_cni::env::{Command, Request};
use multus_wasm::Digest;

/// What a call is made with.
#[derive(Debug, Clone, Args)]
pub(crate) struct CallArgs {
    /// The configuration of multus.
    #[arg(long, value_name = "FILE")]
    pub(crate) conf: PathBuf,
    /// The network namespace, such as /run/netns/blue.
    #[arg(long, value_name = "PATH", group = "namespace")]
    pub(crate) netns: Option<PathBuf>,
    /// A process in the network namespace, such as a container's.
    #[arg(long, group = "namespace")]
    pub(crate) pid: Option<u32>,
    /// CNI_CONTAINERID [default: made from the namespace's path, always the same for the same path].
    #[arg(long, value_name = "ID")]
    pub(crate) container_id: Option<String>,
    /// CNI_IFNAME: the interface of the default network.
    #[arg(long, value_name = "NAME", default_value = "eth0")]
    pub(crate) ifname: String,
    /// CNI_ARGS, such as 'IgnoreUnknown=1;IP=10.1.2.3'.
    #[arg(long, value_name = "K=V;…")]
    pub(crate) args: Option<String>,
    /// The pod that this is done for, put into CNI_ARGS.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) pod: Option<PodName>,
    /// CNI_PATH: folders of plugins, searched after the configuration's `binDir` [default: the environment's].
    #[arg(long, value_name = "DIR:…")]
    pub(crate) cni_path: Option<String>,
}

/// `namespace/name` of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodName {
    namespace: String,
    name: String,
}

impl FromStr for PodName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // CNI_ARGS are separated by `;`: one in a name would smuggle in another argument.
        let is_name = |part: &str| !part.is_empty() && !part.contains(['/', ';', '=']);
        match text.split_once('/') {
            Some((namespace, name)) if is_name(namespace) && is_name(name) => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("write the pod as NAMESPACE/NAME, such as default/web".to_owned()),
        }
    }
}

impl CallArgs {
    /// The call's environment, checked as the plugin checks it.
    ///
    /// # Errors
    /// Every value that a runtime could not pass.
    pub(crate) fn request(&self, verb: Command) -> anyhow::Result<Request> {
        let variables = self.environment(verb)?;
        let given =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let request = Request::from_env(|name| given(name).or_else(|| inherited(name)));
        request.context("this call can't be made")
    }

    /// The namespace's path, if one was named.
    pub(crate) fn netns_path(&self) -> Option<PathBuf> {
        self.netns.clone().or_else(|| self.pid.map(|pid| PathBuf::from(format!("/proc/{pid}/ns/net"))))
    }

    /// The same call, into the namespace `netns` if none was named.
    pub(crate) fn or_example(&self, netns: &str) -> Self {
        let netns = self.netns_path().unwrap_or_else(|| netns.into());
        Self { netns: Some(netns), pid: None, ..self.clone() }
    }

    fn environment(&self, verb: Command) -> anyhow::Result<Vec<(&'static str, OsString)>> {
        let container_id = self.container_id()?;
        let mut variables = vec![
            ("CNI_COMMAND", verb.as_str().into()),
            ("CNI_ARGS", self.cni_args(&container_id).into()),
            ("CNI_CONTAINERID", container_id.into()),
            ("CNI_IFNAME", self.ifname.clone().into()),
            ("CNI_NETNS", self.netns_path().map(PathBuf::into_os_string).unwrap_or_default()),
        ];
        if let Some(path) = &self.cni_path {
            variables.push(("CNI_PATH", path.into()));
        }
        Ok(variables)
    }

    fn container_id(&self) -> anyhow::Result<String> {
        if let Some(id) = &self.container_id {
            return Ok(id.clone());
        }
        let netns = self
            .netns_path()
            .ok_or_else(|| anyhow!("name the container with --netns, --pid or --container-id"))?;
        Ok(default_container_id(&netns))
    }

    /// As a kubelet's runtime writes them.
    fn cni_args(&self, container_id: &str) -> String {
        let pod = self.pod.as_ref().map(|pod| {
            format!(
                "IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={};K8S_POD_INFRA_CONTAINER_ID={container_id}",
                pod.namespace, pod.name
            )
        });
        pod.into_iter().chain(self.args.clone()).collect::<Vec<_>>().join(";")
    }
}

/// What a call that names no value takes from our own environment; anything else there belongs to some other call.
fn inherited(name: &str) -> Option<OsString> {
    matches!(name, "CNI_PATH" | "CNI_NETNS_OVERRIDE").then(|| std::env::var_os(name)).flatten()
}

/// Who attaches by hand rarely has an id at hand, but detaches by the same path.
fn default_container_id(netns: &Path) -> String {
    let digest = Digest::of(netns.as_os_str().as_encoded_bytes()).hex();
    format!("multusctl-{}", digest.get(..16).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        call: CallArgs,
    }

    fn request(line: &str) -> Result<Request, String> {
        let words = format!("x --conf c --cni-path /bin {line}");
        let line = Line::try_parse_from(words.split(' ')).map_err(|error| error.to_string())?;
        line.call.request(Command::Add).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_pid_is_a_namespace_and_a_pod_is_arguments() {
        let found = request("--pid 42 --pod team-red/web --args A=1 --container-id c1").unwrap();
        assert_eq!(found.netns, Some("/proc/42/ns/net".into()));
        let args =
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-red;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;A=1";
        assert_eq!((found.container_id.as_str(), found.raw_args.as_str()), ("c1", args));
        assert_eq!((found.ifname.as_str(), found.path), ("eth0", vec!["/bin".into()]));
    }

    #[test]
    fn the_same_path_is_the_same_container() {
        let id = |line| request(line).unwrap().container_id;
        assert_eq!(id("--netns /run/netns/a"), id("--netns /run/netns/a --args B=2"));
        assert_ne!(id("--netns /run/netns/a"), id("--netns /run/netns/b"));
    }

    #[test]
    fn what_no_runtime_could_pass_is_refused() {
        let rows = [
            ("--netns /n --pid 1", "cannot be used with"),
            ("--netns /n --pod web", "NAMESPACE/NAME"),
            ("--netns /n --pod a/b;CNI=1", "NAMESPACE/NAME"),
            ("--netns /n --ifname a/b", "CNI_IFNAME"),
            ("--netns /n --args x", "CNI_ARGS"),
            ("--ifname eth1", "--container-id"),
        ];
        for (line, expected) in rows {
            let error = request(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
