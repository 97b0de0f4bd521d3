//! Claims in a directory that the operator granted, in host-local's layout.

pub use crate::host::store::{Transaction, begin};
