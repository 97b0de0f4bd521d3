//! Rules for packets on the node that belong to the attachment. Each kind takes a grant.

pub use crate::host::firewall::{masquerade, spoof_check};
