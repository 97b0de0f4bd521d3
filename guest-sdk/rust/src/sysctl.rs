//! Settings of the whole node. Each takes a grant.

pub use crate::sys::delegate_module::multus::delegate::sysctl::ensure;
