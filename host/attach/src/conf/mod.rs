//! The conf of `multus` itself: upstream's keys (`multus.md` 1.1) and our own.

mod cluster;
mod delegates;
mod keys;
mod log;
mod read;
mod reader;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use multus_cluster::devices::DevicePaths;
use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error, Version};
use multus_document::{Object, Problem, SyntaxError};
use serde_json::{Map, Value};

pub use cluster::{ApiLimits, ClusterConf, Isolation, OnInvalid, Reference};
pub use log::{LogConf, LogLevel};

/// Default state folder, upstream's.
pub const DEFAULT_CNI_DIR: &str = "/var/lib/cni/multus";
/// Default folder of delegate binaries, upstream's.
pub const DEFAULT_BIN_DIR: &str = "/opt/cni/bin";
/// How long one delegate binary may run unless `exec.timeout` says otherwise.
pub const DEFAULT_EXEC_TIMEOUT: Duration = Duration::from_secs(45);

/// Problems at these places refuse a DEL, too.
const NEEDED_BY_DEL: &[&str] = &["", "/name", "/cniVersion", "/cniDir"];

/// What the operator wrote, every key checked.
#[derive(Debug, Clone)]
pub struct MultusConf {
    /// The outer network's name, as the runtime knows it.
    pub name: String,
    /// The version that results are returned in.
    pub cni_version: Version,
    /// State folder: records, leftovers, upstream's scratch files and libcni's cache.
    pub cni_dir: PathBuf,
    /// First folder searched for delegate binaries; the runtime's `CNI_PATH` follows.
    pub bin_dir: PathBuf,
    /// Where the cluster's objects are, and what of them pods get.
    pub cluster: ClusterConf,
    /// The delegates of every pod; none where the default network is named by reference.
    pub delegates: Vec<Delegate>,
    /// `masterplugin` is used: automatic names count from `net0` (2018).
    pub masterplugin: bool,
    /// A file that is there once the default network can be used.
    pub readiness_file: Option<PathBuf>,
    /// Where the node tells which devices its pods have.
    pub devices: DevicePaths,
    /// Which binaries may run, and for how long.
    pub exec: ExecRules,
    /// Where the sandbox finds its modules; `None` runs no module.
    pub wasm: Option<WasmPaths>,
    /// Where lines for people go.
    pub log: LogConf,
    /// The runtime's capabilities, for the default network alone (NP-43).
    pub runtime_config: Map<String, Value>,
    /// GC is somebody else's affair (CNI-13).
    pub disable_gc: bool,
    /// The conf as it came, for keys that single verbs read.
    pub source: Object,
}

/// One entry of `delegates`.
#[derive(Debug, Clone)]
pub struct Delegate {
    /// The conf or conflist, named and versioned.
    pub network: NetworkConf,
    /// It is the default network: it gets `CNI_IFNAME` and its result is returned.
    pub default: bool,
}

/// `exec`: the binaries that delegates may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRules {
    /// Names that may run; `None` allows every binary that is found, an empty list none.
    pub allow: Option<Vec<String>>,
    /// How long one binary may run.
    pub timeout: Duration,
}

impl ExecRules {
    /// Whether a binary of this name may run.
    pub fn allows(&self, name: &str) -> bool {
        self.allow.as_ref().is_none_or(|allowed| allowed.iter().any(|entry| entry == name))
    }
}

/// `wasm`: where modules, their catalog and their artifacts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WasmPaths {
    /// The operator's list of modules.
    pub catalog: PathBuf,
    /// Components, by digest.
    pub module_dir: PathBuf,
    /// Artifacts compiled for this node.
    pub cache_dir: PathBuf,
}

/// Why a conf can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfError {
    /// Not JSON, or not an object.
    #[error("the network configuration is not valid JSON: {0}")]
    Syntax(#[from] SyntaxError),
    /// JSON, but wrong: every problem found, never empty.
    #[error("{}", describe(.0))]
    Problems(Vec<Problem>),
    /// Wrong, and in a version that this plugin does not speak (CNI-12).
    #[error("{}", describe(.0))]
    Version(Vec<Problem>),
}

fn describe(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!("the network configuration has {} problem(s): {}", lines.len(), lines.join("; "))
}

/// A version that is no text is a wrong conf, one that is not known an incompatible one.
fn without_version(source: &Object, problems: Vec<Problem>) -> ConfError {
    match source.get("cniVersion") {
        None | Some(Value::String(_)) => ConfError::Version(problems),
        Some(_) => ConfError::Problems(problems),
    }
}

impl From<ConfError> for Error {
    fn from(error: ConfError) -> Self {
        let code = match error {
            ConfError::Syntax(_) => Code::Decode,
            ConfError::Problems(_) => Code::InvalidConfig,
            ConfError::Version(_) => Code::IncompatibleVersion,
        };
        Self::new(code, error.to_string())
            .with_details("`multusctl validate FILE` shows every problem with its line and column")
    }
}

impl MultusConf {
    /// Reads the conf that the runtime passes on standard input.
    ///
    /// # Errors
    /// Text that is not JSON, or every problem that refuses the conf; warnings don't.
    pub fn parse(text: &[u8]) -> Result<Self, ConfError> {
        let source = Object::parse(text)?;
        let (conf, problems) = read::conf(&source);
        let refused: Vec<Problem> = problems.into_iter().filter(|problem| !problem.warning).collect();
        match conf {
            Some(conf) if refused.is_empty() => Ok(conf),
            Some(_) => Err(ConfError::Problems(refused)),
            None => Err(without_version(&source, refused)),
        }
    }

    /// Reads the conf for a DEL, and what an ADD would refuse in it: the record decides what is undone
    /// (design 3), so a conf that was broken since must not keep a pod from going away.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), but only for what tells where the record is and whom to answer.
    pub fn parse_for_del(text: &[u8]) -> Result<(Self, Vec<Problem>), ConfError> {
        let source = Object::parse(text)?;
        let (conf, problems) = read::conf(&source);
        let (needed, passed_over): (Vec<_>, Vec<_>) = problems
            .into_iter()
            .filter(|problem| !problem.warning)
            .partition(|problem| NEEDED_BY_DEL.contains(&problem.pointer.as_str()));
        match conf {
            Some(conf) if needed.is_empty() => Ok((conf, passed_over)),
            Some(_) => Err(ConfError::Problems(needed)),
            None => Err(without_version(&source, needed)),
        }
    }

    /// Reads a network's configuration; it has this conf's version where it says none.
    ///
    /// # Errors
    /// Every problem of it.
    pub(crate) fn network(
        &self,
        object: &Object,
        default_name: Option<&str>,
    ) -> Result<NetworkConf, Vec<Problem>> {
        NetworkConf::parse(object, default_name, Some(&self.cni_version.to_string()))
    }

    /// Every problem of a conf, warnings included, for `validate`.
    pub fn problems(source: &Object) -> Vec<Problem> {
        read::conf(source).1
    }

    /// Whether pods may bring their default network, by the objects of 2018 (`multus.md` 7.3). It would let a
    /// tenant replace the cluster's network, so only a conf in the form of its README does.
    pub fn is_of_2018(&self) -> bool {
        self.cluster.network.is_none() && (self.delegates.is_empty() || self.masterplugin)
    }
}
