//! Claims in a directory that the operator granted, in host-local's layout.

pub use crate::sys::delegate_module::multus::delegate::store::{Transaction, begin};
