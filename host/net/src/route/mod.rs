//! Default routes of the main table, where packets go that no other route is for.

mod message;
mod table;

use std::fmt;
use std::net::IpAddr;

pub(crate) use table::{add, all, delete};

/// IPv4 or IPv6: each has a routing table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// An address's family.
    pub fn of(address: &IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The metric that the kernel gives a route that is made without one.
    pub fn usual_metric(self) -> u32 {
        match self {
            Self::V4 => 0,
            Self::V6 => 1024,
        }
    }
}

/// A default route of the main table.
///
/// Only plain ones are: what rejects packets, is for some sources only or lies in another table says nothing about
/// where packets go by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRoute {
    /// Whose table it is in.
    pub family: Family,
    /// One, or several to share the load (multipath).
    pub hops: Vec<Hop>,
    /// The lowest of a family wins.
    pub metric: u32,
    traits: message::Traits,
}

/// One way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The link's name.
    pub link: String,
    /// The router on that link; none where everybody is taken to be on it, as with tunnels.
    pub gateway: Option<IpAddr>,
}

impl DefaultRoute {
    /// A route over one link, to be added. Without a metric it gets its family's usual one.
    pub fn new(family: Family, hop: Hop, metric: Option<u32>) -> Self {
        let metric = metric.unwrap_or(family.usual_metric());
        let traits = message::Traits::made_here(hop.gateway.is_some());
        Self { family, hops: vec![hop], metric, traits }
    }

    /// Whether the kernel learnt it from a router's advertisement (IPv6), and may at any time learn it again.
    pub fn is_advertised(&self) -> bool {
        self.traits.is_advertised()
    }
}

/// In the words of `ip route`.
impl fmt::Display for DefaultRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "default")?;
        let several = self.hops.len() > 1;
        for hop in &self.hops {
            write!(f, "{}{hop}", if several { " nexthop" } else { "" })?;
        }
        write!(f, " {}", self.traits)?;
        if self.metric != 0 {
            write!(f, " metric {}", self.metric)?;
        }
        Ok(())
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(gateway) = self.gateway {
            write!(f, " via {gateway}")?;
        }
        write!(f, " dev {}", self.link)
    }
}
