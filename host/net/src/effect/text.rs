//! Effects for people: `multusctl journal show`, and the subject of a refusal.

use std::fmt;

use super::{
    Effect, IpvlanMode, LinkKind, LinkRef, MacvlanMode, NewLink, PortVlans, Property, Route, Space, which,
};

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox => "in the pod",
            Self::Host => "on the node",
        })
    }
}

impl fmt::Display for LinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.space)
    }
}

impl fmt::Display for NewLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.space)
    }
}

/// In the words of `ip route`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.destination.prefix_len() == 0 {
            f.write_str("default")?;
        } else {
            write!(f, "{}", self.destination)?;
        }
        let mut word = |word: &str, value: Option<&dyn fmt::Display>| match value {
            Some(value) => write!(f, " {word} {value}"),
            None => Ok(()),
        };
        word("via", self.gateway.as_ref().map(|value| value as _))?;
        word("src", self.source.as_ref().map(|value| value as _))?;
        word("metric", self.metric.as_ref().map(|value| value as _))?;
        word("table", self.table.as_ref().map(|value| value as _))?;
        word("scope", self.scope.as_ref().map(|value| value as _))?;
        word("mtu", self.mtu.as_ref().map(|value| value as _))?;
        word("advmss", self.advmss.as_ref().map(|value| value as _))?;
        if self.onlink { f.write_str(" onlink") } else { Ok(()) }
    }
}

/// Completes a sentence about a link: `eth0` has `MTU 1400`, is `up`.
impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(true) => f.write_str("up"),
            Self::Up(false) => f.write_str("down"),
            Self::Mtu(mtu) => write!(f, "MTU {mtu}"),
            Self::Mac(mac) => write!(f, "MAC {mac}"),
            Self::Master(Some(index)) => write!(f, "port of link {index}"),
            Self::Master(None) => f.write_str("port of nothing"),
            Self::Promiscuous(on) => write!(f, "promiscuous {}", on_off(*on)),
            Self::AllMulticast(on) => write!(f, "all-multicast {}", on_off(*on)),
            Self::TxQueueLength(packets) => write!(f, "queue of {packets} packets"),
            Self::Hairpin(on) => write!(f, "hairpin {}", on_off(*on)),
            Self::Isolated(on) => write!(f, "isolation {}", on_off(*on)),
            Self::Name(name) => write!(f, "name {name}"),
            Self::AlternativeName(name) => write!(f, "alternative name {name}"),
        }
    }
}

impl fmt::Display for MacvlanMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::Private => "private",
            Self::Vepa => "vepa",
            Self::Passthru => "passthru",
        })
    }
}

impl fmt::Display for IpvlanMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L2 => "l2",
            Self::L3 => "l3",
            Self::L3s => "l3s",
        })
    }
}

/// What tells it from others of its kind: `mode bridge`; nothing if nothing does.
impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Macvlan { mode, queue: None } => write!(f, "mode {mode}"),
            Self::Macvlan { mode, queue: Some(queue) } => write!(f, "mode {mode}, queue {queue}"),
            Self::Ipvlan { mode } => write!(f, "mode {mode}"),
            Self::Vlan { id } => write!(f, "id {id}"),
            Self::Dummy | Self::Ifb => Ok(()),
            Self::Vrf { table } => write!(f, "table {table}"),
        }
    }
}

/// In the words of `bridge vlan`: `100 pvid untagged`, `200-299`.
impl fmt::Display for PortVlans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last != self.first {
            write!(f, "-{}", self.last)?;
        }
        f.write_str(if self.native { " pvid" } else { "" })?;
        f.write_str(if self.untagged { " untagged" } else { "" })
    }
}

fn vlans(vlans: &[PortVlans]) -> String {
    vlans.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Veth { inside, outside, .. } => write!(f, "veth {inside} with {outside}"),
            Self::Link { link, parent, kind, .. } => {
                write!(f, "{} {link}", kind.name())?;
                if let Some(parent) = parent {
                    write!(f, " by {parent}")?;
                }
                let more = kind.to_string();
                if more.is_empty() { Ok(()) } else { write!(f, ", {more}") }
            }
            Self::Bridge { link, .. } => write!(f, "bridge {link}"),
            Self::Pair { end, port, .. } => write!(f, "pair {end} with {port}"),
            Self::Move { link, to, name, .. } => write!(f, "{link} moved to be {name} {to}"),
            Self::Set { link, property, before: None } => write!(f, "{property} of {link}"),
            Self::Set { link, property, before: Some(before) } => {
                write!(f, "{property} of {link}, before {before}")
            }
            Self::Address { link, address, .. } => write!(f, "address {address} on {link}"),
            Self::NoAddress { link, address } => write!(f, "address {address} taken off {link}"),
            Self::Route { link, route, .. } => write!(f, "route {route} by {link}"),
            Self::NoRoute { link, route, .. } => write!(f, "route {route} taken off {link}"),
            Self::Neighbour { link, address, mac } => write!(f, "neighbour {address} at {mac} on {link}"),
            Self::Vlans { link, vlans } => write!(f, "VLANs {} by {link}", self::vlans(vlans)),
            Self::NoVlans { link, vlans } => write!(f, "VLANs {} no more by {link}", self::vlans(vlans)),
            Self::Sysctl { space, key, value, before } => {
                write!(f, "{key} = {value} {space}, before {before}")
            }
            Self::Masquerade { address, network, .. } => {
                write!(f, "{address} leaves {network} with the node's address")
            }
            Self::SpoofCheck { port, mac, .. } => write!(f, "nothing but {mac} comes in by {port}"),
            Self::PortMapping { mapping, .. } => mapping.fmt(f),
            Self::Limit { link, limit, apart } => write!(f, "{limit} by {link}{}", which(apart.as_ref())),
            Self::Redirect { link, to } => write!(f, "what comes in by {link} by way of {to}"),
            Self::PolicyRule { rule } => write!(f, "rule {rule} {}", Space::Sandbox),
            Self::Announce { link, addresses } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "{} announced on {link}", addresses.join(", "))
            }
            Self::Function(change) => write!(f, "{change}"),
        }
    }
}
