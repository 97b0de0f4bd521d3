//! Settings of the whole node. Each takes a grant.

pub use crate::host::sysctl::ensure;
