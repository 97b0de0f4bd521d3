//! A node that a test makes, and what happens to it from outside.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::device::{Factory, Place};
use super::dump::dump;
use super::fault::Schedule;
use super::handle::Simulated;
use super::space::SpaceId;
use super::world::{HOST, World};
use crate::{LinkRef, MacAddr, NetnsId, Refused};

/// A node in memory: its own namespace, and those of pods. Clones are the same node.
#[derive(Debug, Clone)]
pub struct Node {
    world: Arc<Mutex<World>>,
}

/// A pod's namespace on a [`Node`], there or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sandbox(pub(super) SpaceId);

impl Default for Node {
    fn default() -> Self {
        Self::new()
    }
}

impl Node {
    /// A node with nothing but a loopback, which is down.
    pub fn new() -> Self {
        Self { world: Arc::new(Mutex::new(World::new())) }
    }

    /// A new pod's namespace: a loopback that is down.
    pub fn sandbox(&self) -> Sandbox {
        Sandbox(self.world().add_space())
    }

    /// A back end as a new process has it: for one attachment of that pod.
    pub fn open(&self, sandbox: Sandbox) -> Simulated {
        Simulated { node: self.clone(), sandbox, schedule: Schedule::default() }
    }

    /// What a pod's namespace is; `None` if it is gone.
    pub fn identity(&self, sandbox: Sandbox) -> Option<NetnsId> {
        self.world().space(sandbox.0).ok().map(|space| space.identity.clone())
    }

    /// A namespace's last process ends: virtual links go with it, hardware comes home. Nothing if it is gone already.
    pub fn end(&self, sandbox: Sandbox) {
        let _ = self.world().end(sandbox.0);
    }

    /// A link with a device on a bus appears on the node, down; its index.
    ///
    /// # Errors
    /// The name is taken (`EEXIST`) or too long (`ERANGE`).
    pub fn hardware(&self, name: &str, bus_address: &str, mac: MacAddr) -> Result<u32, Refused> {
        let MacAddr(mac) = mac;
        let factory = Factory { bus_address: bus_address.to_owned(), name: name.to_owned(), mac };
        let done = self.world().add_hardware(HOST, factory);
        done.map_err(|no| no.to(format!("link {name} of device {bus_address}")))
    }

    /// Somebody else deletes a link of the node, or of a pod: [`LinkRef::space`] says which of the two.
    ///
    /// # Errors
    /// There is none (`ENODEV`), or it can't be deleted (`EOPNOTSUPP`).
    pub fn delete(&self, sandbox: Sandbox, link: &LinkRef) -> Result<(), Refused> {
        let space = sandbox.space(link.space);
        let done = self.world().delete(Place { space, index: link.index });
        done.map_err(|no| no.to(format!("deletion of {link}")))
    }

    /// A setting that only some nodes have, `net/netfilter/nf_conntrack_max`, or another value of one.
    pub fn set(&self, key: &str, value: &str) {
        if let Ok(host) = self.world().space_mut(HOST)
            && host.set_setting(key, value).is_err()
        {
            host.settings.insert(key.to_owned(), value.to_owned());
        }
    }

    /// The node starts anew: of the kernel's state nothing is left but the hardware, at home as its driver finds it.
    pub fn reboot(&self) {
        self.world().reboot();
    }

    /// All that there is, as lines: namespaces by number, the node's own first; of each its links with settings,
    /// neighbours and routes, settings and rules. Equal if and only if nobody could tell two nodes apart by this back
    /// end.
    pub fn dump(&self) -> String {
        dump(&self.world())
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        // Whoever panicked did so between requests, each of which is whole.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    pub(super) fn space(self, space: crate::Space) -> SpaceId {
        match space {
            crate::Space::Host => HOST,
            crate::Space::Sandbox => self.0,
        }
    }
}
