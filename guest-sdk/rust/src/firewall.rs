//! Rules for packets on the node that belong to the attachment. Each kind takes a grant.

pub use crate::sys::delegate_module::multus::delegate::firewall::{masquerade, spoof_check};
