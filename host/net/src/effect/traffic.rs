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

/// Which packets a limit is for, where it is not for all of them: told by one of their two addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Apart {
    /// The address that counts.
    pub by: PacketEnd,
    /// Networks of both families, sorted, each once.
    pub subnets: Vec<IpNet>,
    /// Whether these are limited, and the rest leaves as it likes; else it is the other way round.
    pub limited: bool,
}

/// One of a packet's two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PacketEnd {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// What a look at a link tells of its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limited {
    /// In bytes a second.
    pub(crate) rate: u64,
    /// In bytes.
    pub(crate) queue: u32,
    /// For which packets.
    pub(crate) apart: Option<Apart>,
}

impl Limited {
    /// What is seen where this was done.
    pub(crate) fn by(limit: &Limit, apart: Option<&Apart>) -> Limited {
        Limited { rate: limit.rate, queue: limit.queue, apart: apart.cloned() }
    }
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

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.limited { "of" } else { "of all but" };
        let way = match self.by {
            PacketEnd::Source => "from",
            PacketEnd::Destination => "to",
        };
        let subnets: Vec<_> = self.subnets.iter().map(ToString::to_string).collect();
        write!(f, "{which} what goes {way} {}", subnets.join(", "))
    }
}

/// Which packets, behind what is said of a limit: nothing where it is for all.
pub(crate) fn which(apart: Option<&Apart>) -> String {
    apart.map(|apart| format!(" {apart}")).unwrap_or_default()
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
