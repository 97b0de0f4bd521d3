//! Where claims are kept: the host's interface `store`, as a trait, so that this is tried on the host's own files beside the
//! reference plugin.

use multus_guest::store;
use multus_guest_cni::host::Answer;

/// Folders of claims.
pub(crate) trait Store {
    type Transaction: Transaction;

    /// One network's folder, locked until it is dropped.
    fn begin(&self, directory: Option<&str>, network: &str) -> Answer<Self::Transaction>;
}

/// One network's folder. What the functions do is said in the WIT package.
pub(crate) trait Transaction {
    fn claimed(&self) -> Answer<Vec<String>>;
    fn owned(&self) -> Answer<Vec<String>>;
    fn claim(&self, key: &str) -> Answer<bool>;
    fn reclaim(&self) -> Answer<u32>;
    fn note(&self, name: &str) -> Answer<Option<String>>;
    fn set_note(&self, name: &str, value: &str) -> Answer<()>;
}

/// The host's.
pub(crate) struct Real;

impl Store for Real {
    type Transaction = store::Transaction;

    fn begin(&self, directory: Option<&str>, network: &str) -> Answer<store::Transaction> {
        store::begin(directory, network)
    }
}

impl Transaction for store::Transaction {
    fn claimed(&self) -> Answer<Vec<String>> {
        self.claimed()
    }

    fn owned(&self) -> Answer<Vec<String>> {
        self.owned()
    }

    fn claim(&self, key: &str) -> Answer<bool> {
        self.claim(key)
    }

    fn reclaim(&self) -> Answer<u32> {
        self.reclaim()
    }

    fn note(&self, name: &str) -> Answer<Option<String>> {
        self.note(name)
    }

    fn set_note(&self, name: &str, value: &str) -> Answer<()> {
        self.set_note(name, value)
    }
}
