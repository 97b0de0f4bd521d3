//! Host calls: what a module asks becomes a question to the [`Node`](crate::node::Node), what the node refuses becomes
//! the module's failure, and what the module may not do at all ends it.

mod edit;
mod elsewhere;
mod network;
mod sriov;
mod store;

use wasmtime::component::ResourceTableError;

use crate::bindings::types;
use crate::context::Context;
use crate::node::Failure;

/// Why a host call has no answer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The node refused: the module goes on with that.
    Failure(Failure),
    /// The module is stopped.
    Trap(wasmtime::Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<ResourceTableError> for Stop {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl types::Host for Context {
    fn convert_failure(&mut self, stop: Stop) -> wasmtime::Result<types::Failure> {
        match stop {
            Stop::Failure(Failure { code, message, details }) => {
                Ok(types::Failure { code, message, details })
            }
            Stop::Trap(error) => Err(error),
        }
    }
}
