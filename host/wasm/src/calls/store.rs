//! The interface `store`: claims in folders of the node.

use wasmtime::component::Resource;

use super::Stop;
use crate::bindings::store;
use crate::context::Context;
use crate::node::TransactionId;

type Transaction = Resource<TransactionId>;

impl store::Host for Context {
    fn begin(&mut self, directory: Option<String>, network: String) -> Result<Transaction, Stop> {
        let begun = self.ask(|node| node.begin(directory.as_deref(), &network))?;
        // Without a handle nobody could end it.
        let held = self.hold(begun);
        if held.is_err() {
            self.end(begun);
        }
        Ok(held?)
    }
}

impl store::HostTransaction for Context {
    fn claimed(&mut self, transaction: Transaction) -> Result<Vec<String>, Stop> {
        let transaction = self.held(&transaction)?;
        self.ask(|node| node.claimed(transaction))
    }

    fn owned(&mut self, transaction: Transaction) -> Result<Vec<String>, Stop> {
        let transaction = self.held(&transaction)?;
        self.ask(|node| node.owned(transaction))
    }

    fn claim(&mut self, transaction: Transaction, key: String) -> Result<bool, Stop> {
        let transaction = self.held(&transaction)?;
        self.ask(|node| node.claim(transaction, &key))
    }

    fn reclaim(&mut self, transaction: Transaction) -> Result<u32, Stop> {
        let transaction = self.held(&transaction)?;
        self.ask(|node| node.reclaim(transaction))
    }

    fn note(&mut self, transaction: Transaction, name: String) -> Result<Option<String>, Stop> {
        let transaction = self.held(&transaction)?;
        self.ask(|node| node.note(transaction, &name))
    }

    fn set_note(&mut self, transaction: Transaction, name: String, value: String) -> Result<(), Stop> {
        let transaction = self.held(&transaction)?;
        self.ask(|node| node.set_note(transaction, &name, &value))
    }

    fn drop(&mut self, transaction: Transaction) -> wasmtime::Result<()> {
        let transaction = self.let_go(transaction)?;
        self.end(transaction);
        Ok(())
    }
}
