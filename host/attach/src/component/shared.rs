//! What all components of a call work with: the record, the two namespaces, and the facts of the call.

use std::cell::{RefCell, RefMut};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use multus_cni::{Code, Error};
use multus_journal::{CallKey, Ledger, Store};
use multus_net::sriov::Claims;
use multus_net::{Backend, BootId};
use multus_wasm::{LogLine, Sandbox};

use crate::search::Search;

/// The call's record and the node, in the hands of one component at a time. A component's host calls own what they
/// work with, so this is counted, not borrowed.
#[derive(Clone)]
pub(crate) struct Hands(Rc<RefCell<Held>>);

pub(crate) struct Held {
    /// `None` outside of an ADD: nothing can be written down, so nothing can be done.
    ledger: Option<Ledger>,
    /// Opened by the first component.
    pub(crate) backend: Option<Box<dyn Backend>>,
    /// Addresses that components gave the pod without having them from IPAM.
    pub(crate) chosen: Vec<IpAddr>,
    /// An earlier sandbox of the same pod that has something that was asked for.
    pub(crate) in_the_way: Option<CallKey>,
}

impl Hands {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self(Rc::new(RefCell::new(Held {
            ledger: Some(ledger),
            backend: None,
            chosen: Vec::new(),
            in_the_way: None,
        })))
    }

    /// Hands that can do nothing but look.
    pub(super) fn looking(backend: Box<dyn Backend>) -> Self {
        Self(Rc::new(RefCell::new(Held {
            ledger: None,
            backend: Some(backend),
            chosen: Vec::new(),
            in_the_way: None,
        })))
    }

    /// For one host call, which makes no other.
    pub(crate) fn take(&self) -> RefMut<'_, Held> {
        self.0.borrow_mut()
    }
}

impl Held {
    /// The record.
    ///
    /// # Errors
    /// Code 7 outside of an ADD.
    pub(crate) fn ledger(&mut self) -> Result<&mut Ledger, Error> {
        self.ledger.as_mut().ok_or_else(only_add)
    }

    /// The node, to look at.
    ///
    /// # Errors
    /// Code 999: nothing is open.
    pub(super) fn node(&mut self) -> Result<&mut dyn Backend, Error> {
        match &mut self.backend {
            Some(backend) => Ok(&mut **backend),
            None => Err(not_open()),
        }
    }

    /// The record and the node at once, to change it.
    ///
    /// # Errors
    /// As [`Held::ledger`] and [`Held::node`].
    pub(super) fn both(&mut self) -> Result<(&mut Ledger, &mut dyn Backend), Error> {
        match (&mut self.ledger, &mut self.backend) {
            (Some(ledger), Some(backend)) => Ok((ledger, &mut **backend)),
            (None, _) => Err(only_add()),
            (_, None) => Err(not_open()),
        }
    }
}

fn only_add() -> Error {
    Error::new(Code::InvalidConfig, "only an ADD may change the node; CHECK and DEL of a module may look")
}

fn not_open() -> Error {
    Error::new(Code::Internal, "a host call came before the node was opened")
}

/// The facts of a call, for host calls, which outlive no call and borrow nothing.
pub(crate) struct Scene {
    pub(crate) container_id: String,
    /// CNI_NETNS as the runtime gave it: results name the namespace so.
    pub(crate) netns: String,
    /// CNI_ARGS of the attachment.
    pub(crate) args: String,
    /// CNI_IFNAME of the attachment.
    pub(crate) interface: String,
    /// The version spoken with its plugins.
    pub(crate) cni_version: multus_cni::Version,
    /// The UID of the pod, which its next sandbox has as well.
    pub(crate) pod_uid: Option<String>,
    /// When the call began, in milliseconds since 1970.
    pub(crate) began: u64,
    pub(crate) boot: BootId,
    pub(crate) deadline: Instant,
    /// Below it are the locks and marks of shared links.
    pub(crate) lock_dir: PathBuf,
    pub(crate) store: Store,
    /// The `name` of the network, as the configuration of the attachment has it.
    pub(crate) network: String,
    /// The device that the configuration names.
    pub(crate) device: Option<String>,
    /// Who has which virtual function.
    pub(crate) functions: Claims,
    /// Whether another plugin of the network's list moves a function's RDMA device.
    pub(crate) moves_rdma: bool,
    pub(crate) search: Search,
    /// CNI_PATH of binaries.
    pub(crate) path: Vec<PathBuf>,
    pub(crate) exec_timeout: Duration,
    /// Locks that a binary keeps while it lives.
    pub(crate) locks: Vec<OwnedFd>,
    /// For the components that a component runs.
    pub(crate) sandbox: Arc<Sandbox>,
    /// The attachment as modules see it.
    pub(crate) seen: multus_wasm::Attachment,
    /// What modules that a module had run logged, by their names.
    pub(crate) said: RefCell<Vec<(String, Vec<LogLine>)>>,
}
