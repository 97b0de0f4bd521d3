//! What the server's thread and the test share.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;

use super::access::Access;
use super::faults::Orders;
use super::log::Log;
use super::resource::Resources;
use super::store::Store;
use super::verbs::Contents;

/// Everything the server knows; it outlives a stop.
#[derive(Debug)]
pub(super) struct Shared {
    contents: Mutex<Contents>,
    access: Mutex<Access>,
    orders: Mutex<Orders>,
    log: Mutex<Log>,
    revision: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new() -> Shared {
        let contents = Contents { store: Store::default(), served: Resources::built_in() };
        Shared {
            contents: Mutex::new(contents),
            access: Mutex::default(),
            orders: Mutex::default(),
            log: Mutex::default(),
            revision: watch::Sender::new(0),
        }
    }

    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("nobody panics with it")
    }

    pub(super) fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().expect("nobody panics with it")
    }

    pub(super) fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().expect("nobody panics with it")
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nobody panics with it")
    }

    /// Changes what there is, and wakes those who watch.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> T {
        let (value, revision) = {
            let mut contents = self.contents();
            (change(&mut contents), contents.store.revision())
        };
        self.revision.send_replace(revision);
        value
    }

    /// Tells of every change.
    pub(super) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}
