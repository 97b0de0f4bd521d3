//! Keys about the cluster: where its objects are, which networks every pod gets, who may use which.

use std::path::{Path, PathBuf};
use std::time::Duration;

use multus_cni::names;
use multus_document::{Object, Pointer, Problem};

use super::reader::Reader;

/// Default folder of network confs on the node's disk, upstream's.
const DEFAULT_CONF_DIR: &str = "/etc/cni/multus/net.d";
/// Default namespace of the operator's network definitions, and of pods without `defaultNetworks`.
const SYSTEM_NAMESPACE: &str = "kube-system";
/// Every namespace may use this one's networks unless `globalNamespaces` says otherwise.
const GLOBAL_NAMESPACE: &str = "default";
/// How long one request to the API server may take unless `api.timeout` says otherwise.
const DEFAULT_API_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one question is asked again unless `api.deadline` says otherwise. Runtimes wait for minutes, and
/// an ADD needs some of them for its delegates.
const DEFAULT_API_DEADLINE: Duration = Duration::from_secs(30);

/// How long the API server is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiLimits {
    /// One request.
    pub timeout: Duration,
    /// One question, with every request that is sent again for it.
    pub deadline: Duration,
}

/// Where the cluster's objects are, and what of them pods get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConf {
    /// Directory of manifests that stands for the cluster, if there is one.
    pub manifests: Option<PathBuf>,
    /// How to reach the API server, if the conf says it.
    pub kubeconfig: Option<PathBuf>,
    /// How long the API server is waited for.
    pub api: ApiLimits,
    /// The default network by reference; `delegates` count for nothing then.
    pub network: Option<Reference>,
    /// Further networks of every pod outside `system_namespaces`.
    pub default_networks: Vec<Reference>,
    /// Network confs on the node's disk.
    pub conf_dir: PathBuf,
    /// Where the operator's network definitions are.
    pub multus_namespace: String,
    /// Pods here get no default networks, and no network-status is written for them.
    pub system_namespaces: Vec<String>,
    /// Which namespaces' networks a pod may use.
    pub isolation: Isolation,
    /// Plugins beside the default network's configuration that every pod's networks end with.
    pub auxiliary_chain: Option<String>,
    /// What becomes of a pod whose selection is not valid.
    pub on_invalid_selection: OnInvalid,
    /// Selections are read, and status written, as upstream does it.
    pub compat_upstream: bool,
}

/// How the conf names a network that stands elsewhere (`multus.md` 1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A definition in `multusNamespace`, or a file's `name` in `confDir`.
    Name(String),
    /// A file, or a folder whose first file counts.
    Path(PathBuf),
}

/// `namespaceIsolation` and its exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// It holds at all.
    pub on: bool,
    /// Namespaces whose networks every pod may use.
    pub global: Vec<String>,
}

/// `onInvalidSelection`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// The pod is refused: it never runs with fewer networks than it asked for.
    #[default]
    Refuse,
    /// The annotation is ignored, the letter of the specification (NP-14, 17, 18, 22).
    Ignore,
}

impl ClusterConf {
    /// Whether pods of this namespace get neither default networks nor a network-status.
    pub fn is_system(&self, namespace: &str) -> bool {
        self.system_namespaces.iter().any(|system| system == namespace)
    }

    /// Whether the conf itself says where the cluster's objects are.
    pub fn is_named(&self) -> bool {
        self.manifests.is_some() || self.kubeconfig.is_some()
    }
}

pub(super) fn read(reader: &mut Reader, source: &Object) -> ClusterConf {
    let root = Pointer::root();
    let network = reader.text(source, &root, "clusterNetwork").and_then(|text| {
        let place = root.key("clusterNetwork");
        reference(&text).map_err(|problem| reader.problems.push(problem.below(place.as_str()))).ok()
    });
    let manifests = reader.path(source, &root, "manifests");
    let kubeconfig = reader.path(source, &root, "kubeconfig");
    if manifests.is_some() && kubeconfig.is_some() {
        let message = "the cluster's objects can't come both from `manifests` and from an API server";
        reader.refuse(&root.key("manifests"), message, "keep one of `manifests` and `kubeconfig`");
    }
    ClusterConf {
        manifests,
        kubeconfig,
        api: api(reader, source),
        auxiliary_chain: auxiliary_chain(reader, source, network.as_ref()),
        network,
        default_networks: reader.texts(source, "defaultNetworks", reference).unwrap_or_default(),
        conf_dir: reader.path(source, &root, "confDir").unwrap_or_else(|| DEFAULT_CONF_DIR.into()),
        multus_namespace: multus_namespace(reader, source),
        system_namespaces: reader
            .texts(source, "systemNamespaces", namespace)
            .unwrap_or_else(|| vec![SYSTEM_NAMESPACE.to_owned()]),
        isolation: Isolation {
            on: reader.flag(source, "namespaceIsolation").unwrap_or(false),
            global: global_namespaces(reader, source),
        },
        on_invalid_selection: reader
            .choice(
                source,
                "onInvalidSelection",
                &[("refuse", OnInvalid::Refuse), ("ignore", OnInvalid::Ignore)],
            )
            .unwrap_or_default(),
        compat_upstream: reader.choice(source, "compat", &[("upstream", ())]).is_some(),
    }
}

/// What has a `/` is a path, as upstream decides it.
fn reference(text: &str) -> Result<Reference, Problem> {
    if text.contains('/') {
        return match Path::new(text).is_absolute() {
            true => Ok(Reference::Path(text.into())),
            false => {
                Err(Problem::new("", format!("`{text}` is not an absolute path")).advise("begin it with `/`"))
            }
        };
    }
    names::check_network_name(text).map_err(|error| {
        Problem::new("", error.msg).advise("write the name of a network, or an absolute path")
    })?;
    Ok(Reference::Name(text.to_owned()))
}

fn namespace(text: &str) -> Result<String, Problem> {
    match multus_cluster::is_namespace(text) {
        true => Ok(text.to_owned()),
        false => Err(Problem::new("", format!("`{}` can't be a namespace", text.escape_debug()))
            .advise("use lower-case letters, digits and inner `-` (DNS-1123)")),
    }
}

fn multus_namespace(reader: &mut Reader, source: &Object) -> String {
    let at = Pointer::root().key("multusNamespace");
    let written = reader.text(source, &Pointer::root(), "multusNamespace");
    let read = written.and_then(|text| {
        namespace(&text).map_err(|problem| reader.problems.push(problem.below(at.as_str()))).ok()
    });
    read.unwrap_or_else(|| SYSTEM_NAMESPACE.to_owned())
}

/// A list in one string, separated by commas, as upstream has it.
fn global_namespaces(reader: &mut Reader, source: &Object) -> Vec<String> {
    let at = Pointer::root().key("globalNamespaces");
    let Some(list) = reader.text(source, &Pointer::root(), "globalNamespaces") else {
        return vec![GLOBAL_NAMESPACE.to_owned()];
    };
    let mut global = Vec::new();
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        match namespace(item) {
            Ok(name) => global.push(name),
            Err(problem) => reader.problems.push(problem.below(at.as_str())),
        }
    }
    global
}

fn api(reader: &mut Reader, source: &Object) -> ApiLimits {
    let mut limits = ApiLimits { timeout: DEFAULT_API_TIMEOUT, deadline: DEFAULT_API_DEADLINE };
    let at = Pointer::root().key("api");
    for (key, value) in &reader.object(source, "api").unwrap_or_default() {
        let limit = match key.as_str() {
            "timeout" => &mut limits.timeout,
            "deadline" => &mut limits.deadline,
            other => {
                let advice = "use `timeout` and `deadline`";
                reader.refuse(&at.key(other), format!("unknown key `{other}`"), advice);
                continue;
            }
        };
        if let Some(seconds) = reader.seconds(&at.key(key), value) {
            *limit = seconds;
        }
    }
    limits
}

/// Its plugins stand in a folder beside the file of the cluster network (`multus.md` 1.13).
fn auxiliary_chain(
    reader: &mut Reader,
    source: &Object,
    cluster_network: Option<&Reference>,
) -> Option<String> {
    let at = Pointer::root().key("auxiliaryCNIChainName");
    let name = reader.text(source, &Pointer::root(), "auxiliaryCNIChainName")?;
    if let Err(error) = names::check_network_name(&name) {
        reader.refuse(&at, error.msg, "write the name of a folder beside the cluster network's file");
        return None;
    }
    if !matches!(cluster_network, Some(Reference::Path(_))) {
        let message = "the folder of an auxiliary chain is found beside the cluster network's file";
        let advice =
            "write the path of that file into `clusterNetwork`, or leave `auxiliaryCNIChainName` out";
        reader.refuse(&at, message, advice);
        return None;
    }
    Some(name)
}
