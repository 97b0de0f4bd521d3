//! How fast packets may leave, and by which table they are routed.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A bucket of tokens, as `tbf` has it. Whoever sends more than fits waits, or is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limit {
    /// In bytes a second.
    pub rate: u64,
    /// How much may leave at once after silence, in bytes.
    pub burst: u32,
    /// How much may wait, in bytes, what leaves at once included.
    pub queue: u32,
}

/// What comes from an address of the pod is routed by a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyRule {
    /// Where packets come from; `0.0.0.0/0` and `::/0` for everything.
    pub source: IpNet,
    /// Which table.
    pub table: u32,
    /// Rules are asked in this order, the lowest first.
    pub priority: u32,
}

/// In the words of `tc`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate {} burst {} limit {}", self.rate, self.burst, self.queue)
    }
}

/// In the words of `ip rule`.
impl fmt::Display for PolicyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, table, priority } = self;
        match source.prefix_len() {
            0 => write!(f, "{priority}: from all lookup {table}"),
            _ => write!(f, "{priority}: from {source} lookup {table}"),
        }
    }
}
