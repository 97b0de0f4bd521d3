//! One invocation by the runtime: what it asked, on which node, until when.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use multus_cni::env::Request;
use multus_cni::{Code, Error};
use multus_journal::{
    Call as Recorded, CallKey, ContainerLock, GlobalLock, LockError, Locks, PodKey, Store, Wait,
};
use multus_net::{Backend, BootId, Kernel, Netns, NetnsError, NetnsId, Refused};

use crate::conf::MultusConf;
use crate::log::{Log, Severity};
use crate::search::Search;
use crate::steps::now_ms;

/// Where a node keeps what outlives no boot.
const DEFAULT_LOCK_DIR: &str = "/run/multus";
/// How long a whole call may take; runtimes give up after 2 to 4 minutes.
const WHOLE_CALL: Duration = Duration::from_secs(60);
/// What of it is kept for taking back a failed ADD.
const ROLLBACK: Duration = Duration::from_secs(15);
/// How long a DEL that can't finish is reported as failed, before the rest becomes a leftover.
const DEL_ATTEMPTS: Duration = Duration::from_secs(600);

/// How the node's own namespace is opened, and with it a pod's by its path.
pub type OpenNode<'a> = dyn Fn(Option<&Path>) -> Result<Box<dyn Backend>, Refused> + 'a;

/// What a call needs of the node it runs on.
pub struct Node<'a> {
    /// Folder of locks, on tmpfs.
    pub lock_dir: PathBuf,
    /// How long failed DELs are retried by the runtime before the rest is kept as a leftover.
    pub del_attempts: Duration,
    /// Where lines go.
    pub log: &'a dyn Log,
    /// How what components did is taken back: on the kernel, but for tests.
    pub open: &'a OpenNode<'a>,
    /// Folder of the claims of virtual functions.
    pub functions: PathBuf,
}

impl<'a> Node<'a> {
    /// A node with its usual folders.
    pub fn new(log: &'a dyn Log) -> Self {
        Self {
            lock_dir: DEFAULT_LOCK_DIR.into(),
            del_attempts: DEL_ATTEMPTS,
            log,
            open: &kernel,
            functions: multus_net::sriov::DIRECTORY.into(),
        }
    }

    pub(crate) fn warn(&self, line: &str) {
        self.log.log(Severity::Warning, line);
    }

    fn locks(&self) -> Locks {
        Locks::new(&self.lock_dir)
    }
}

fn kernel(sandbox: Option<&Path>) -> Result<Box<dyn Backend>, Refused> {
    Ok(Box::new(Kernel::open(sandbox)?))
}

/// The instants that bound a call.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// New work stops here, so that a failed ADD can still be taken back.
    pub forward: Instant,
    /// Everything stops here.
    pub end: Instant,
    began: Instant,
}

impl Deadlines {
    /// The usual bounds, from now.
    pub fn start() -> Self {
        let now = Instant::now();
        Self { forward: now + WHOLE_CALL - ROLLBACK, end: now + WHOLE_CALL, began: now }
    }

    /// When the call began, in milliseconds since 1970: the clock may have been set since.
    pub(crate) fn began_ms(&self) -> u64 {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        now_ms().saturating_sub(since)
    }
}

/// One invocation: request, conf, node, time.
pub struct Call<'a> {
    /// The node.
    pub node: &'a Node<'a>,
    /// The runtime's environment, checked.
    pub request: &'a Request,
    /// The runtime's standard input, checked.
    pub conf: &'a MultusConf,
    /// When it must be over.
    pub deadlines: Deadlines,
}

impl Call<'_> {
    pub(crate) fn key(&self) -> CallKey {
        CallKey { container_id: self.request.container_id.clone(), interface: self.request.ifname.clone() }
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(&self.conf.cni_dir)
    }

    pub(crate) fn search(&self) -> Search {
        Search::new(&self.conf.bin_dir, &self.request.path, &self.conf.exec)
    }

    /// `CNI_PATH` of this call's delegates, for who wants to know; nothing is made for it.
    pub fn delegate_path(&self) -> Vec<PathBuf> {
        self.search().planned_delegate_path(&self.node.lock_dir)
    }

    /// The pod that the runtime named in `CNI_ARGS`, if it named one.
    pub(crate) fn pod_key(&self) -> Option<PodKey> {
        let args = &self.request.args;
        Some(PodKey {
            namespace: args.get("K8S_POD_NAMESPACE").filter(|text| !text.is_empty())?.to_owned(),
            name: args.get("K8S_POD_NAME").filter(|text| !text.is_empty())?.to_owned(),
            uid: args.get("K8S_POD_UID").filter(|text| !text.is_empty()).map(str::to_owned),
        })
    }

    /// Who this call is for, in front of what went wrong.
    pub(crate) fn subject(&self) -> String {
        match self.pod_key() {
            Some(pod) => format!("pod {}/{}", pod.namespace, pod.name),
            None => format!("container {}", self.request.container_id),
        }
    }

    pub(crate) fn netns_path(&self) -> &str {
        self.request.netns.as_deref().and_then(|path| path.to_str()).unwrap_or_default()
    }

    /// The namespace named by `CNI_NETNS`, which must be there and not be our own.
    ///
    /// # Errors
    /// Code 8 names the path and what is there instead.
    pub(crate) fn netns(&self) -> Result<Netns, Error> {
        let netns = Netns::open(self.netns_path().as_ref())
            .map_err(|error| Error::new(Code::InvalidNetns, format!("CNI_NETNS: {error}")))?;
        self.check_not_own(&netns)?;
        Ok(netns)
    }

    /// DEL accepts a namespace that is gone, but not our own: delegates would take links from the node
    /// (CNI-04).
    ///
    /// # Errors
    /// Code 8.
    pub(crate) fn refuse_own_netns(&self) -> Result<(), Error> {
        match Netns::open(self.netns_path().as_ref()) {
            Ok(netns) => self.check_not_own(&netns),
            Err(_) => Ok(()),
        }
    }

    fn check_not_own(&self, netns: &Netns) -> Result<(), Error> {
        if self.request.netns_override || !netns.is_current() {
            return Ok(());
        }
        let path = self.netns_path();
        let message = format!("CNI_NETNS {path} is the network namespace that multus itself runs in");
        Err(Error::new(Code::InvalidNetns, message).with_details("set CNI_NETNS_OVERRIDE=1 if that is meant"))
    }

    /// The path to hand to delegates at DEL: empty unless the namespace behind it is still the one that was attached,
    /// since paths and inode numbers are used again at once.
    ///
    /// # Errors
    /// It can't be told what is at the path: nobody may take a namespace for gone that is only out of reach just now.
    pub(crate) fn find_netns(&self, path: &str, recorded: Option<&NetnsId>) -> Result<String, NetnsError> {
        let same = match Netns::open(path.as_ref()).and_then(|netns| netns.identity()) {
            Ok(current) => recorded.is_none_or(|recorded| *recorded == current),
            Err(NetnsError::Gone { .. }) => false,
            Err(error @ NetnsError::NotANamespace { .. }) => {
                self.node.warn(&format!("namespace {path} counts as gone: {error}"));
                false
            }
            Err(error) => return Err(error),
        };
        Ok(if same { path.to_owned() } else { String::new() })
    }

    /// The same for a call on record: no namespace outlives its boot.
    ///
    /// # Errors
    /// As for [`find_netns`](Self::find_netns).
    pub(crate) fn namespace_of(&self, recorded: &Recorded) -> Result<String, NetnsError> {
        if self.is_of_another_boot(recorded) {
            return Ok(String::new());
        }
        self.find_netns(&recorded.netns_path, recorded.netns.as_ref())
    }

    /// Whether a call on record was made in another boot.
    pub(crate) fn is_of_another_boot(&self, recorded: &Recorded) -> bool {
        self.boot().is_ok_and(|boot| boot != recorded.boot)
    }

    /// This container for ourselves: no other ADD, DEL or CHECK of it runs meanwhile (CNI-14).
    ///
    /// # Errors
    /// Code 11 when another call holds it past our deadline.
    pub(crate) fn lock_container(&self) -> Result<ContainerLock, Error> {
        self.lock(&self.request.container_id, Wait::Plain, self.deadlines.forward)
    }

    /// The same for DEL, which a running ADD is told of and makes way for.
    pub(crate) fn lock_container_for_del(&self) -> Result<ContainerLock, Error> {
        self.lock(&self.request.container_id, Wait::Announced, self.deadlines.forward)
    }

    pub(crate) fn lock(
        &self,
        container_id: &str,
        wait: Wait,
        deadline: Instant,
    ) -> Result<ContainerLock, Error> {
        self.node.locks().container(container_id, wait, deadline).map_err(|error| lock_error(&error))
    }

    /// The whole node for ourselves: GC (CNI-09).
    pub(crate) fn lock_all(&self) -> Result<GlobalLock, Error> {
        self.node.locks().global_exclusive(self.deadlines.forward).map_err(|error| lock_error(&error))
    }

    pub(crate) fn boot(&self) -> Result<BootId, Error> {
        BootId::current().map_err(|error| Error::new(Code::Io, format!("can't read this boot's id: {error}")))
    }
}

fn lock_error(error: &LockError) -> Error {
    let LockError::Busy { holders, .. } = error else { return Error::new(Code::Io, error.to_string()) };
    let names: Vec<String> = holders
        .iter()
        .map(|holder| {
            format!("{} (pid {})", holder.name.as_deref().unwrap_or("a process that is gone"), holder.pid)
        })
        .collect();
    let details =
        if names.is_empty() { "try again later".to_owned() } else { format!("held by {}", names.join(", ")) };
    Error::new(Code::TryAgainLater, error.to_string()).with_details(details)
}
